//! Sample records. The same number makes the same record.

use std::{net::Ipv4Addr, time::Duration};

use gatepost::{
    oauth::{
        claim::Claim,
        grant::{App, Approval, Channel, Grant, Issue, Requester, RevokedBecause, State},
        id::{ClientId, GrantId, SessionId, UserId},
        scope::Scopes,
        secret::{RootId, Salt},
        signing::SigningKeys,
        user::{PasswordHash, User, UserName},
    },
    store::{Change, Expect, Key, List, Record, Roots, Session},
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// When the samples were made, and when the clocks of tests start.
pub(crate) const START: Timestamp = Timestamp::constant(1_800_000_000, 0);

/// A name that no other number has.
fn name(n: u64) -> [u8; 16] {
    u128::from(n).to_be_bytes()
}

pub(crate) fn grant_id(n: u64) -> GrantId {
    GrantId::from_random(name(n))
}

pub(crate) fn user_id(n: u64) -> UserId {
    UserId::from_random(name(n))
}

pub(crate) fn session_id(n: u64) -> SessionId {
    SessionId::from_random(name(n))
}

pub(crate) fn user_code(n: u64) -> Key {
    Key::UserCode(name(n))
}

pub(crate) fn user_name(n: u64) -> UserName {
    UserName::parse(&format!("user-{n}")).unwrap()
}

pub(crate) fn list(n: u64) -> List {
    List::GrantsOf(user_id(n))
}

pub(crate) fn scopes() -> Scopes {
    Scopes::parse("models:read chat").unwrap()
}

/// A grant that nobody has decided about.
pub(crate) fn pending_grant(n: u64) -> Grant {
    Grant {
        id: grant_id(n),
        dialect: "bootspring".to_owned(),
        client: ClientId::new("cli"),
        app: App { name: "A CLI".to_owned(), verified: true },
        requested: scopes(),
        audience: ["https://a.example/v1".to_owned()].into_iter().collect(),
        requester: Requester { app: None, device: Claim::cleaned("Zoë's laptop"), platform: None, network: Ipv4Addr::LOCALHOST.into() },
        channel: Channel::Polled,
        salt: Salt::from_random([7; 32]),
        root: RootId::DEFAULT,
        key: None,
        created: START,
        state: State::Pending { expires: START + Duration::from_secs(900) },
    }
}

/// A grant in each of its states.
pub(crate) fn grants_in_every_state(n: u64) -> [Grant; 6] {
    let approval = || Approval {
        user: Some(user_id(n)),
        user_generation: 3,
        client_generation: 4,
        scopes: scopes(),
        at: START,
        session: Some(session_id(n)),
        tenant: None,
    };
    let issue = |number| Issue {
        number,
        root: RootId::DEFAULT,
        scopes: scopes(),
        audience: ["https://a.example/v1/x".to_owned()].into_iter().collect(),
        key: None,
        revoked: number == 1,
        issued: START + Duration::from_nanos(1),
        access_until: START + Duration::from_secs(900),
        refresh_until: Some(Timestamp::MAX),
        lasting: None,
    };
    [
        pending_grant(n).state,
        State::Approved { approval: approval(), redeem_by: START, tries: 3 },
        State::Void { until: START },
        State::Live { approval: approval(), issues: vec![issue(1), Issue { refresh_until: None, ..issue(2) }] },
        State::Denied { at: START },
        State::Revoked { at: START, why: RevokedBecause::Replay, redeemed: true },
    ]
    .map(|state| Grant { state, ..pending_grant(n) })
}

/// One of those that the user of that number approved, and that has a token.
pub(crate) fn live_grant(n: u64) -> Grant {
    grants_in_every_state(n).into_iter().find(|grant| matches!(grant.state, State::Live { .. })).unwrap()
}

pub(crate) fn user(n: u64) -> User {
    User {
        id: user_id(n),
        name: user_name(n),
        password: Some(PasswordHash::from_phc("$argon2id$v=19$m=16,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g".to_owned())),
        email: Some("zoë@example.org".to_owned()),
        avatar: Some("https://a.example/zoë.png".to_owned()),
        scopes: scopes(),
        enabled: true,
        generation: n,
        session_generation: n,
        created: START,
    }
}

pub(crate) fn session(n: u64) -> Session {
    let expires = START + Duration::from_secs(3600);
    let salt = Salt::from_random([9; 32]);
    Session { id: session_id(n), user: user_id(n), user_generation: n, session_generation: n, signed_in: START, salt, expires }
}

pub(crate) fn roots() -> Roots {
    Roots(vec![(RootId::DEFAULT, [1; 16]), (RootId::parse("k2").unwrap(), [2; 16])])
}

/// A key in each of its states, and of each algorithm.
pub(crate) fn signing_keys() -> SigningKeys {
    let key = |n: u8, algorithm: &str, state: Value| {
        let public = data_encoding::BASE64.encode(&[n; 32]);
        json!({ "id": format!("{n:032x}"), "algorithm": algorithm, "public": public, "created": START, "state": state })
    };
    let private = json!({ "root": "k1", "content": data_encoding::BASE64.encode(&[0xab; 76]) });
    serde_json::from_value(json!([
        key(1, "EdDSA", json!({ "signing": { "private": private } })),
        key(2, "ES256", json!({ "retired": { "private": private, "at": START, "published_until": Timestamp::MAX } })),
        key(3, "ES256", json!({ "revoked": { "at": START } })),
    ]))
    .unwrap()
}

/// Writes a user whose generation tells one state from another.
pub(crate) fn put_user(n: u64, generation: u64, expect: Expect) -> Change {
    let record = Record::User(Box::new(User { generation, ..user(n) }));
    Change::Put { key: Key::User(user_id(n)), expect, record, until: None }
}

/// Writes a pending grant.
pub(crate) fn put_grant(n: u64, expect: Expect, until: Option<Timestamp>) -> Change {
    Change::Put { key: Key::Grant(grant_id(n)), expect, record: Record::Grant(Box::new(pending_grant(n))), until }
}

/// Writes the pointer from a user code to a grant.
pub(crate) fn put_user_code(n: u64, expect: Expect, until: Option<Timestamp>) -> Change {
    Change::Put { key: user_code(n), expect, record: Record::ToGrant(grant_id(n)), until }
}
