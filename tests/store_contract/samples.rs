//! One of everything that a store can hold.

use std::time::Duration;

use gatepost::{
    oauth::{
        client::{Authentication, Client, ClientKey, GrantType, Origin},
        grant::{Channel, DeviceKey, Grant, Lasting, Login, Redirect, State},
        id::ClientId,
        redirect::RedirectUri,
        secret::{RootId, Salt},
        signing::{Algorithm, TokenFormat},
    },
    store::{Change, Expect, Kept, Key, List, Open, Owned, Record, Soft, SoftKey},
};
use jiff::Timestamp;

use crate::support::records::{
    START, grant_id, grants_in_every_state, pending_grant, roots, scopes, session, session_id, signing_keys, user, user_id, user_name,
};

/// Every kind of record under every kind of key.
pub(crate) fn samples() -> Vec<(Key, Record)> {
    let mut samples = vec![
        (Key::User(user_id(1)), Record::User(Box::new(user(1)))),
        (Key::Session(session_id(1)), Record::Session(session(1))),
        (Key::UserCode([1; 16]), Record::ToGrant(grant_id(1))),
        (Key::Ask([1; 16]), Record::ToGrant(grant_id(2))),
        (Key::Machine([1; 16]), Record::ToGrant(grant_id(3))),
        (Key::Device([1; 16]), Record::ToGrant(grant_id(4))),
        (Key::Open(user_id(1)), Record::Open(Open(vec![grant_id(1), grant_id(2)]))),
        (Key::UserName(user_name(1)), Record::ToUser(user_id(1))),
        (Key::Client(client().key()), Record::Client(Kept::Whole(Box::new(client())))),
        (Key::Client(ClientKey::from_bytes([9; 16])), Record::Client(Kept::Standing { enabled: false, generation: 2 })),
        (Key::Owned(user_id(1)), Record::Owned(Owned(vec![("serika".to_owned(), client().id)]))),
        (Key::Roots, Record::Roots(roots())),
        (Key::SigningKeys, Record::SigningKeys(signing_keys())),
    ];
    let grants = (10..).zip(grants_in_every_state(1));
    samples.extend(grants.map(|(n, grant)| (Key::Grant(grant_id(n)), Record::Grant(Box::new(grant)))));
    let others = (20..).zip([login(), key(), lasting()]);
    samples.extend(others.map(|(n, grant)| (Key::Grant(grant_id(n)), Record::Grant(Box::new(grant)))));
    samples
}

/// A login that wants a key.
fn login() -> Grant {
    let asked = Login {
        preset: "operator".to_owned(),
        client_type: "CLI".to_owned(),
        device: Some("laptop-1".to_owned()),
        tenant: Some("default".to_owned()),
    };
    Grant { channel: Channel::Delivered(asked), ..pending_grant(1) }
}

fn live() -> Grant {
    grants_in_every_state(1).into_iter().find(|grant| matches!(grant.state, State::Live { .. })).unwrap()
}

/// The key that it got.
fn key() -> Grant {
    let mut key = Grant { key: Some(DeviceKey { tenant: "default".to_owned(), expires: START }), state: live().state, ..login() };
    if let State::Live { approval, .. } = &mut key.state {
        approval.tenant = Some("default".to_owned());
    }
    key
}

/// A grant whose refresh token lasts, and whose code needed no verifier.
fn lasting() -> Grant {
    let redirect = Redirect { uri: "https://a.example/cb".to_owned(), named: false, challenge: None, life: Duration::from_secs(300) };
    let mut grant = Grant { channel: Channel::Redirect(redirect), ..live() };
    if let State::Live { issues, .. } = &mut grant.state {
        let key = signing_keys().iter().next().unwrap().id;
        issues.iter_mut().for_each(|issue| issue.lasting = Some(Lasting { number: 1, key }));
    }
    grant
}

/// A client that a user has made.
fn client() -> Client {
    Client {
        description: Some("Zoë's app".to_owned()),
        redirect_uris: vec![RedirectUri::parse("https://a.example/cb?x=1").unwrap()],
        grant_types: GrantType::ALL.into(),
        authentication: Authentication::Issued { salt: Salt::from_random([5; 32]), number: 2, root: RootId::DEFAULT },
        format: Some(TokenFormat::Jwt(Algorithm::EdDsa)),
        resource_server: Some(["https://a.example/v1".to_owned()].into_iter().collect()),
        owner: Some(user_id(1)),
        origin: Origin::Managed,
        created: Some(START),
        expires: Some(Timestamp::MAX),
        ..Client::declared("serika", ClientId::new("app-1"), "An app".to_owned(), scopes())
    }
}

/// One of each list, with when it leaves it.
pub(crate) fn memberships() -> Vec<(List, [u8; 16], Timestamp)> {
    vec![
        (List::GrantsOf(user_id(1)), *grant_id(1).as_bytes(), START + Duration::from_nanos(3_600_000_000_001)),
        (List::GrantsOfClient(client().key()), *grant_id(2).as_bytes(), START + Duration::from_secs(7200)),
        (List::Users, *user_id(1).as_bytes(), Timestamp::MAX),
        (List::Clients, *client().key().as_bytes(), Timestamp::MAX),
        (List::Registered, [9; 16], START + Duration::from_secs(60)),
    ]
}

/// When a record of the samples ends: some do not.
pub(crate) fn until(n: usize) -> Option<Timestamp> {
    (n % 2 == 1).then(|| START + Duration::from_secs(3600) + Duration::from_nanos(n as u64))
}

/// When a grant was used last, with when that is forgotten.
pub(crate) fn last_use() -> (SoftKey, Soft, Timestamp) {
    let used = START - Duration::from_nanos(1);
    (SoftKey::LastUsed(grant_id(10)), Soft::LastUsed(used), START + Duration::from_secs(90 * 24 * 3600))
}

/// Everything, as it could be committed.
pub(crate) fn changes() -> Vec<Change> {
    let records = samples().into_iter().enumerate();
    let puts = records.map(|(n, (key, record))| Change::Put { key, expect: Expect::Absent, record, until: until(n) });
    puts.chain(memberships().into_iter().map(|(list, member, until)| Change::Link { list, member, until })).collect()
}
