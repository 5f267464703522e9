//! All that runs: Redis, three gateways before it, a server behind them.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    task::{JoinSet, block_in_place},
    time::sleep,
};

use super::{
    client::Answer,
    gateway::Gateway,
    ledger::{Ledger, NEVER},
    links::Links,
    login,
    setup::{GATEWAYS, REVOKERS, ROOT, Setup, user},
    topology::Servers,
    upstream::Upstream,
};

/// So many tokens are never taken back.
const STANDING: usize = 4;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Stand {
    // In the order in which they end.
    pub(crate) gateways: Vec<Gateway>,
    /// The configuration of the operator, who goes to Redis himself.
    pub(crate) operator: Gateway,
    pub(crate) ledger: Ledger,
    /// Those of each gateway.
    pub(crate) links: Vec<Links>,
    pub(crate) operators_links: Links,
    pub(crate) servers: Servers,
    _upstream: Upstream,
}

impl Stand {
    /// Answers when everything runs; `None`, and a note, where Redis is not installed.
    pub(crate) async fn start(setup: &Setup) -> io::Result<Option<Arc<Self>>> {
        let Some(servers) = block_in_place(|| Servers::start(setup.topology)) else { return Ok(None) };
        let upstream = Upstream::start().await;
        let gateway = |links: &Links, socket| {
            let config = setup.config(&servers.url(links), upstream.address, socket);
            Gateway::new(&setup.binary, &config, ROOT)
        };
        let links: Vec<Links> = (0..GATEWAYS).map(|_| servers.links()).collect();
        let gateways = links.iter().map(|links| gateway(links, true)).collect::<io::Result<_>>()?;
        let operators_links = servers.links();
        let operator = gateway(&operators_links, false)?;
        let stand = Self { gateways, operator, ledger: Ledger::default(), links, operators_links, servers, _upstream: upstream };
        let stand = Arc::new(stand);
        let mut starting = JoinSet::new();
        for number in 0..GATEWAYS {
            let stand = Arc::clone(&stand);
            starting.spawn(async move { stand.gateways[number].start().await });
        }
        starting.join_all().await;
        stand.populate().await;
        Ok(Some(stand))
    }

    /// Adds all users, where they are not there, and tokens that are never taken back: by them it shows who serves.
    pub(crate) async fn populate(&self) {
        for name in (0..REVOKERS).map(user).chain([login::USER.to_owned()]) {
            self.insist("user", "add", &json!({"name": name, "password": login::PASSWORD})).await;
        }
        for _ in 0..STANDING {
            let asked = Instant::now();
            let made = self.insist("token", "create", &json!({"user": login::USER, "name": "Stays", "scopes": "inference"})).await;
            let token = made.said("token").unwrap_or_else(|| panic!("no token: {}", made.text()));
            self.ledger.issued(asked, NEVER, &token);
        }
    }

    /// Does something, or finds that it is done.
    async fn insist(&self, noun: &str, verb: &str, arguments: &Value) -> Answer {
        let began = Instant::now();
        loop {
            let said = match self.gateways[0].admin(noun, verb, arguments).await {
                Ok(answer) if matches!(answer.status, 200 | 409) => return answer,
                Ok(answer) => answer.text(),
                Err(silence) => silence.to_string(),
            };
            assert!(began.elapsed() < PATIENCE, "{noun} {verb}: {said}");
            sleep(Duration::from_millis(100)).await;
        }
    }
}
