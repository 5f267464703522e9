//! Three replicas over one Redis. What one of them was told all go by, and whatever breaks between them and
//! Redis, nothing is let in that was taken back, and nobody is told what is not so.

mod commands;
mod formats;
mod history;
mod holds;
mod keys;
mod lifetimes;
mod once;
mod outage;
mod processes;
mod streams;
mod taking_back;

use gatepost::oauth::user::{User, UserName};
use http::Request;
use http_body_util::Full;

use crate::{
    proxy::stand::{Token, issue},
    support::{
        gateway::{Gateway, USER},
        http::{Reply, bearing, get},
        replicas::Replicas,
        upstream::Upstream,
    },
    wire::together::credentials,
};

const REPLICAS: usize = 3;

/// Three replicas with every dialect, before an upstream.
struct House {
    replicas: Replicas,
    upstream: Upstream,
}

impl House {
    async fn start() -> Option<Self> {
        let upstream = Upstream::start().await;
        let config = credentials::config(&upstream.address.to_string());
        Some(Self { replicas: Replicas::start(REPLICAS, &config).await?, upstream })
    }

    fn gateway(&self, replica: usize) -> &Gateway {
        &self.replicas.gateways[replica]
    }

    /// What all replicas answer a call with this token.
    async fn statuses(&self, token: &str) -> Vec<u16> {
        let mut statuses = Vec::new();
        for gateway in &self.replicas.gateways {
            statuses.push(gateway.send(bearing(get("/models/x"), token)).await.status.as_u16());
        }
        statuses
    }

    /// A token of the first user's, got at the first replica.
    async fn token(&self) -> Token {
        token(self.gateway(0)).await
    }
}

async fn ada(gateway: &Gateway) -> User {
    gateway.store.user_named(&UserName::parse(USER).unwrap()).await.unwrap().unwrap().record
}

async fn token(gateway: &Gateway) -> Token {
    issue(&gateway.engine, &ada(gateway).await, "bootspring-cli").await
}

/// Sends what must be answered well.
async fn good(gateway: &Gateway, request: Request<Full<bytes::Bytes>>) -> Reply {
    let at = request.uri().path().to_owned();
    let reply = gateway.send(request).await;
    assert!(reply.status.is_success(), "{at}: {} {}", reply.status, reply.text());
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logs_in_at_one_replica_calls_at_all() {
    let Some(house) = House::start().await else { return };
    let got = credentials::one_of_each(house.gateway(0)).await;
    let access = got.iter().filter(|credential| credential.kind == credentials::Kind::Access);
    for credential in access.clone() {
        assert_eq!(house.statuses(&credential.text).await, [200; REPLICAS], "{credential}");
    }
    assert_eq!(house.upstream.seen().len(), access.count() * REPLICAS);
}
