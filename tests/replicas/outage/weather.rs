//! The network of one replica comes and goes while things are taken back.

use std::time::Duration;

use gatepost::engine::Error;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::{BROKEN, House};
use crate::{
    proxy::stand::Token,
    replicas::{Way, history, in_every_way, token},
    support::http::{bearing, get, post_json},
};

impl House {
    /// Takes a token back at that replica, as often as it takes until somebody can say that it is.
    async fn log_out(&self, replica: usize, Token { access, grant, .. }: &Token) {
        loop {
            let out = bearing(post_json("/api/v1/auth/logout", &serde_json::json!({})), access);
            let reply = self.gateway(replica).send(out).await;
            match reply.status.as_u16() {
                503 => sleep(Duration::from_millis(5)).await,
                200 => return,
                // It is written, and nobody knows who has heard of it.
                401 => match self.gateway(replica).engine.revoke_grant(*grant).await {
                    Ok(_) => return,
                    Err(Error::Unavailable(_)) => sleep(Duration::from_millis(5)).await,
                    Err(error) => panic!("{error}"),
                },
                status => panic!("{status}: {}", reply.text()),
            }
        }
    }
}

in_every_way!(@ cached, Cached, true; a_revocation_holds_in_any_weather);
in_every_way!(@ strict, Strict, true; a_revocation_holds_in_any_weather);

async fn a_revocation_holds_in_any_weather(way: Way) {
    let Some(house) = House::impatiently_going(way).await else { return };
    let _running = house.replicas.let_time_run();
    let house = std::sync::Arc::new(house);
    let stormy = std::sync::Arc::clone(&house);
    let _storm = AbortOnDropHandle::new(tokio::spawn(async move {
        let proxy = &stormy.replicas.proxies[BROKEN];
        loop {
            sleep(Duration::from_millis(150)).await;
            proxy.reset_all();
            sleep(Duration::from_millis(150)).await;
            proxy.hold_answers();
            sleep(Duration::from_millis(60)).await;
            proxy.release_answers();
            proxy.delay(Duration::from_millis(10));
            sleep(Duration::from_millis(150)).await;
            proxy.cut_after(2000);
            sleep(Duration::from_millis(30)).await;
            proxy.pass();
        }
    }));
    let mut unsaid = 0;
    for round in 0..6 {
        let token = token(house.gateway(0)).await;
        let (access, out) = (&token.access, house.log_out(round % 2, &token));
        let what = format!("round {round}");
        unsaid += history::check_in_any_weather(&what, &house.addresses(), &house.upstream, access, out).await;
        assert_eq!(house.gateway(0).send(bearing(get("/models/x"), access)).await.status, 401);
    }
    // Who goes by what he knows notices little of it.
    assert!(unsaid > 0 || way == Way::Cached, "the weather was fine");
}
