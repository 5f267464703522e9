//! Replicas, and grants to revoke.

use std::{net::SocketAddr, sync::Arc, vec};

use gatepost::{
    app::{Interior, Plan},
    clock::Clock,
    store,
};
use secrecy::SecretString;

use crate::{
    Outcome, grants,
    machine::{Machine, Setup},
};

/// A route for everybody, to compare with, and clients that get tokens of either kind for themselves.
const MORE: &str = r#"
[[routes]]
prefix = "/open"
auth = "none"
[dialects.standard]
[[dialects.standard.clients]]
id = "opaque"
name = "Opaque"
scopes = ["inference"]
grant_types = ["client_credentials"]
secret = "file:root.key"
[[dialects.standard.clients]]
id = "jwt"
name = "JWT"
scopes = ["inference"]
grant_types = ["client_credentials"]
secret = "file:root.key"
tokens = "EdDSA"
"#;

pub(crate) const HEALTHY: Setup = Setup { replicas: 3, store: "", more: MORE, has_replica: false, is_counted: false };
pub(crate) const CONFIRMED: Setup = Setup { store: "wait_replicas = 1", has_replica: true, ..HEALTHY };
pub(crate) const STRICT: Setup = Setup { store: "mode = \"strict\"", ..HEALTHY };
pub(crate) const COUNTED: Setup = Setup { replicas: 1, is_counted: true, ..HEALTHY };

/// What is measured.
pub(crate) struct Stand {
    pub(crate) machine: Machine,
    tokens: vec::IntoIter<SecretString>,
}

impl Stand {
    /// With so many grants, each with a token.
    pub(crate) async fn start(setup: &Setup, upstream: SocketAddr, grants: usize) -> Outcome<Self> {
        let machine = Machine::start(setup, upstream)?;
        let plan = Plan::load(&machine.config())?;
        let store = store::open(&plan.config.store, Clock::system()).await?;
        let interior = Interior::over(plan, Arc::clone(&store), Clock::system()).await?;
        let (_users, tokens) = grants::make(grants, interior.engine(), store.as_ref()).await?;
        Ok(Self { machine, tokens: tokens.into_iter() })
    }

    pub(crate) fn addresses(&self) -> Outcome<[SocketAddr; 3]> {
        let addresses: Vec<_> = self.machine.replicas.iter().map(|replica| replica.address).collect();
        addresses.try_into().map_err(|other: Vec<_>| format!("{} replicas, not three", other.len()).into())
    }

    /// One that nobody took yet.
    pub(crate) fn token(&mut self) -> Outcome<SecretString> {
        self.tokens.next().ok_or_else(|| "all tokens are used up".into())
    }

    /// All that are left.
    pub(crate) fn tokens(&mut self) -> Arc<[SecretString]> {
        self.tokens.by_ref().collect()
    }
}
