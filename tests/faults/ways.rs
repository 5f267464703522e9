//! How somebody gets in, and how that is taken back.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use http::{HeaderValue, header::AUTHORIZATION};
use rand::RngExt;
use serde_json::{Value, json};

use super::{
    client::{Answer, Asked, Silence, ask},
    gateway::Gateway,
    ledger::Held,
    login::Browser,
    setup::{CLIENT_SECRET, GATEWAYS, SIGNED, robot, user},
    stand::Stand,
};
use crate::support::http::{bearing, post_form, post_json};

/// So many personal tokens are taken back together.
const TOGETHER: usize = 3;
/// How a grant is taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// `grant revoke` at a gateway's socket.
    Grant,
    /// The same by `gatepost admin`, which goes to Redis itself.
    Command,
    /// A dialect's own end.
    Logout,
    /// RFC 7009.
    Revocation,
    /// `user revoke`: all that a user granted.
    User,
    /// `client revoke`: all that a client was given.
    Client,
    /// `key revoke`: all that a key signed.
    Key,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Grant => "grant revoke",
            Self::Command => "gatepost admin",
            Self::Logout => "logout",
            Self::Revocation => "RFC 7009",
            Self::User => "user revoke",
            Self::Client => "client revoke",
            Self::Key => "key revoke",
        }
    }
}

/// Somebody with a user and clients of his own.
pub(crate) struct Actor {
    pub(crate) stand: Arc<Stand>,
    number: usize,
    browser: Browser,
}

/// What was issued together and is taken back together.
pub(crate) struct Issued {
    pub(crate) held: Vec<Held>,
    /// What it is taken back by: a grant's id, a token, the id of a key.
    by: String,
}

impl Actor {
    pub(crate) fn new(stand: Arc<Stand>, number: usize) -> Self {
        Self { stand, number, browser: Browser::default() }
    }

    /// Lets somebody in; `None` where that did not come to an end.
    pub(crate) async fn issue(&mut self, way: Way) -> Option<Issued> {
        let asked = Instant::now();
        let issued = |stand: &Stand, token: &str| stand.ledger.issued(asked, way.name(), token);
        match way {
            Way::Grant | Way::Command | Way::User => {
                let (mut held, mut by) = (Vec::new(), String::new());
                for _ in 0..if way == Way::User { TOGETHER } else { 1 } {
                    let made = json!({"user": user(self.number), "name": "A script", "scopes": "inference"});
                    let Ok(made) = self.anyone().admin("token", "create", &made).await else { break };
                    let (Some(token), Some(id)) = (made.said("token"), made.said("id")) else { break };
                    held.push(issued(&self.stand, &token));
                    by = id;
                }
                (!held.is_empty()).then_some(Issued { held, by })
            }
            Way::Logout => {
                let (device, here) = (self.somewhere()?, self.somewhere()?);
                let token = self.browser.log_in(device, here).await.ok()??;
                Some(Issued { held: vec![issued(&self.stand, &token)], by: token })
            }
            Way::Revocation | Way::Client | Way::Key => {
                let client = self.client(way);
                let request = with_secret(post_form("/oauth/token", &[("grant_type", "client_credentials")]), &client);
                let token = ask(self.somewhere()?, request).await.ok()?.said("access_token")?;
                let by = if way == Way::Key { key_of(&token)? } else { token.clone() };
                Some(Issued { held: vec![issued(&self.stand, &token)], by })
            }
        }
    }

    /// Takes it back at a gateway, and answers with the status.
    pub(crate) async fn take_back(&self, way: Way, issued: &Issued, at: &Gateway) -> Result<u16, Silence> {
        let answer = match way {
            Way::Grant => at.admin("grant", "revoke", &json!({"id": issued.by})).await?,
            Way::Command => return Ok(self.command(&issued.by).await),
            Way::Logout => {
                let out = bearing(post_json("/api/v1/auth/logout", &json!({})), &issued.by);
                ask_at(at, out).await?
            }
            Way::Revocation => ask_at(at, with_secret(post_form("/oauth/revoke", &[("token", &issued.by)]), &self.client(way))).await?,
            Way::User => at.admin("user", "revoke", &json!({"name": user(self.number)})).await?,
            Way::Client => at.admin("client", "revoke", &json!({"id": self.client(way)})).await?,
            Way::Key => at.admin("key", "revoke", &json!({"kid": issued.by})).await?,
        };
        Ok(answer.status)
    }

    /// Disables the user or the client behind it, or has them go on, and answers with the status.
    pub(crate) async fn switch(&self, way: Way, verb: &str, at: &Gateway) -> Result<u16, Silence> {
        let answer = match way {
            Way::User => at.admin("user", verb, &json!({"name": user(self.number)})).await?,
            _ => at.admin("client", verb, &json!({"id": self.client(way)})).await?,
        };
        Ok(answer.status)
    }

    fn anyone(&self) -> &Gateway {
        &self.stand.gateways[rand::rng().random_range(0..GATEWAYS)]
    }

    /// Where some gateway listens, if it does.
    fn somewhere(&self) -> Option<SocketAddr> {
        self.anyone().address()
    }

    /// The status that the exit code of a command stands for.
    async fn command(&self, id: &str) -> u16 {
        let mut command = self.stand.operator.command(&["admin", "grant", "revoke", id, "--json"]);
        let output = tokio::task::spawn_blocking(move || command.output());
        let Ok(Ok(output)) = output.await else { return 503 };
        let is_unknown = || String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).contains("not_found");
        match output.status.success() {
            true => 200,
            false if is_unknown() => 404,
            false => 503,
        }
    }

    fn client(&self, way: Way) -> String {
        if way == Way::Key { SIGNED.to_owned() } else { robot(self.number) }
    }
}

async fn ask_at(gateway: &Gateway, request: Asked) -> Result<Answer, Silence> {
    ask(gateway.address().ok_or_else(Silence::down)?, request).await
}

fn with_secret(mut request: Asked, client: &str) -> Asked {
    let login = data_encoding::BASE64.encode(format!("{client}:{CLIENT_SECRET}").as_bytes());
    let login = HeaderValue::from_str(&format!("Basic {login}")).expect("it is ASCII");
    request.headers_mut().insert(AUTHORIZATION, login);
    request
}

/// The key that signed a JWT.
fn key_of(token: &str) -> Option<String> {
    let head = data_encoding::BASE64URL_NOPAD.decode(token.split('.').next()?.as_bytes()).ok()?;
    let head: Value = serde_json::from_slice(&head).ok()?;
    Some(head["kid"].as_str()?.to_owned())
}
