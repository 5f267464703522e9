//! A realm in memory, and replicas that use it.

use std::{net::Ipv4Addr, pin::Pin, sync::Arc, time::Duration};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

pub(super) use super::node::Node;
use super::{ISSUER, site::Site};
use crate::{
    clock::Manual,
    config::store::Mode,
    oauth::{
        audience::Audience,
        client::{Client, Declared},
        grant::{App, Approval, Channel, Grant, Issue, Requester, RevokedBecause, State},
        id::{ClientId, GrantId},
        scope::Scopes,
        secret::{Keyring, RootId, Salt},
        step::TakesBack,
        token::{self, Kind},
    },
    store::{Change, Clients, Expect, Key, Record, Sent, Store, Unavailable, memory::Memory},
    verify::{Denied, Membership, Round, Verifier},
};

pub(super) const DIALECT: &str = "standard";
pub(super) const CLIENT: &str = "cli";
/// How long a request waits for a lease: some real time, in which nothing else is to happen.
const PATIENCE: Duration = Duration::from_millis(30);

/// A realm with one grant, and those who use it.
pub(super) struct Realm {
    pub(super) time: Manual,
    pub(super) node: Arc<Node>,
    pub(super) keyring: Arc<Keyring>,
    board: Arc<Memory>,
}

/// One of them.
pub(super) struct Replica {
    pub(super) verifier: Verifier,
    pub(super) site: Site,
}

impl Realm {
    /// The grants 1 to 3 are live, with two tokens each.
    pub(super) async fn new() -> Self {
        let time = Manual::starting_at(Timestamp::UNIX_EPOCH);
        let node = Node::new(&time);
        let keyring = Keyring::new(&[(RootId::DEFAULT, SecretString::from("r".repeat(32)))]).unwrap();
        let realm = Self { board: Arc::new(Memory::new(time.clock())), keyring: Arc::new(keyring), node, time };
        realm.fill(&realm.node).await;
        realm
    }

    /// Another server with the same grants, and a feed of its own.
    pub(super) async fn another_node(&self) -> Arc<Node> {
        let node = Node::new(&self.time);
        self.fill(&node).await;
        node
    }

    async fn fill(&self, node: &Node) {
        for n in 1..=3 {
            node.put(Key::Grant(id(n)), Record::Grant(Box::new(grant(n, 2)))).await;
        }
    }

    pub(super) fn replica(&self, name: &str, mode: Mode) -> Replica {
        let replica = self.outsider(name);
        replica.verifier.join(Membership { mode, patience: PATIENCE });
        replica
    }

    /// One who uses the store and lets nobody in.
    pub(super) fn outsider(&self, name: &str) -> Replica {
        let site = Site::at(name, &self.node, &self.board);
        let store: Arc<dyn Store> = Arc::new(site.clone());
        let client = Client::declared(DIALECT, ClientId::new(CLIENT), CLIENT.to_owned(), scopes());
        let clients = Clients::new(Arc::clone(&store), [Declared { client, secret: None }]);
        let verifier = Verifier::new(store, Arc::clone(&self.keyring), Arc::new(clients), ISSUER.to_owned(), self.time.clock());
        Replica { verifier, site }
    }

    /// One that has a lease.
    pub(super) async fn joined(&self, name: &str, mode: Mode) -> Replica {
        let replica = self.replica(name, mode);
        replica.lease().await;
        replica
    }

    /// The token of this number of a grant.
    pub(super) fn token(&self, n: u8, number: u32) -> String {
        let minted = token::mint(&self.keyring, RootId::DEFAULT, "at_", Kind::Access, id(n).as_bytes(), number, &salt());
        minted.unwrap().expose_secret().to_owned()
    }

    /// What takes a grant back.
    pub(super) fn revocation(n: u8) -> Vec<Change> {
        let state = State::Revoked { at: Timestamp::UNIX_EPOCH, why: RevokedBecause::Operator, redeemed: true };
        let record = Record::Grant(Box::new(Grant { state, ..grant(n, 2) }));
        let put = Change::Put { key: Key::Grant(id(n)), expect: Expect::Any, record, until: None };
        vec![put, Change::TakeBack(TakesBack::Grant(id(n)))]
    }

    /// Somebody else takes a grant back.
    pub(super) async fn revoke(&self, n: u8) -> Sent {
        self.node.take_back(Self::revocation(n)).await
    }

    pub(super) fn pass(&self, milliseconds: u64) {
        self.time.advance(Duration::from_millis(milliseconds));
    }
}

impl Replica {
    pub(super) async fn round(&self) -> Result<Round, Unavailable> {
        self.verifier.renew(&self.site, Duration::ZERO).await
    }

    /// Renews until it has a lease.
    pub(super) async fn lease(&self) {
        for _ in 0..5 {
            if self.round().await.unwrap() == Round::Leased {
                return;
            }
        }
        panic!("it gets no lease");
    }

    pub(super) fn holds_lease(&self) -> bool {
        self.verifier.lease.holds(self.verifier.clock.boot_now())
    }

    pub(super) fn knows(&self, n: u8) -> bool {
        self.verifier.known.get(&id(n)).is_some()
    }

    /// The status that a request with this token gets.
    pub(super) async fn shown(&self, token: &str) -> u16 {
        self.shown_at(token, Duration::ZERO).await
    }

    /// The same on a route that serves known tokens for so long.
    pub(super) async fn shown_at(&self, token: &str, serve_known: Duration) -> u16 {
        match self.verifier.verify(token, serve_known).await {
            Ok(_) => 200,
            Err(Denied::Unavailable(_)) => 503,
            Err(Denied::Unknown | Denied::Expired(_) | Denied::Revoked(_)) => 401,
        }
    }
}

/// Whether it is still under way, after a moment of real time.
pub(super) async fn waits<F: Future>(future: Pin<&mut F>) -> bool {
    timeout(Duration::from_millis(20), future).await.is_err()
}

pub(super) fn id(n: u8) -> GrantId {
    GrantId::from_random([n; 16])
}

pub(super) fn scopes() -> Scopes {
    Scopes::parse("chat").unwrap()
}

fn salt() -> Salt {
    Salt::from_random([7; 32])
}

/// A live grant whose tokens are numbered up to this.
pub(super) fn grant(n: u8, newest: u32) -> Grant {
    let issue = |number| Issue {
        number,
        root: RootId::DEFAULT,
        scopes: scopes(),
        audience: Audience::default(),
        key: None,
        revoked: false,
        issued: Timestamp::UNIX_EPOCH,
        access_until: Timestamp::UNIX_EPOCH + Duration::from_secs(24 * 3600),
        refresh_until: None,
        lasting: None,
    };
    let approval = Approval {
        user: None,
        user_generation: 0,
        client_generation: 0,
        scopes: scopes(),
        at: Timestamp::UNIX_EPOCH,
        session: None,
        tenant: None,
    };
    Grant {
        id: id(n),
        dialect: DIALECT.to_owned(),
        client: ClientId::new(CLIENT),
        app: App::default(),
        requested: scopes(),
        audience: Audience::default(),
        requester: Requester { app: None, device: None, platform: None, network: Ipv4Addr::LOCALHOST.into() },
        channel: Channel::Polled,
        salt: salt(),
        root: RootId::DEFAULT,
        key: None,
        created: Timestamp::UNIX_EPOCH,
        state: State::Live { approval, issues: (1..=newest).map(issue).collect() },
    }
}
