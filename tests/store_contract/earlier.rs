//! Records, stores and exports as earlier builds wrote them, letter by letter.

use std::{sync::Arc, time::Duration};

use gatepost::{
    clock::Manual,
    oauth::{
        grant::{App, Approval, Channel, Grant, Issue, Redirect, RevokedBecause, State},
        pkce::Challenge,
    },
    ops::moving::import,
    store::{
        Entry, Expect, Key, Record, Roots, Session, Store,
        embedded::{Embedded, FILE_NAME},
        memory::Memory,
    },
};
use tempfile::TempDir;

use super::{
    dumps::{dump, everything},
    samples::{memberships, samples},
};
use crate::support::{
    gateway::root,
    house::keyring,
    records::{START, grant_id, pending_grant, put_user, scopes, session, session_id, user_id},
    redirect::CHALLENGE,
};

/// What stood under a key: the number of the format, then JSON.
fn read(json: &str) -> Record {
    Record::decode(&[&[1], json.as_bytes()].concat()).unwrap()
}

/// A grant's JSON without its channel and state.
fn grant(channel: &str, state: &str) -> Grant {
    let json = format!(
        r#"{{"grant":{{"id":"00000000000000000000000000000001","dialect":"bootspring","client":"cli",
        "app":{{"name":"A CLI","verified":true}},"requested":"chat models:read","audience":["https://a.example/v1"],
        "requester":{{"app":null,"device":"Zoë's laptop","platform":null,"network":"127.0.0.1"}},{channel}
        "salt":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=","root":"k1","created":"2027-01-15T08:00:00Z","state":{state}}}}}"#
    );
    match read(&json) {
        Record::Grant(grant) => *grant,
        other => panic!("{other:?}"),
    }
}

const APPROVAL: &str = r#"{"user":"00000000000000000000000000000001","user_generation":3,"client_generation":4,
    "scopes":"chat models:read","at":"2027-01-15T08:00:00Z","session":"00000000000000000000000000000001"}"#;

fn approval() -> Approval {
    Approval {
        user: Some(user_id(1)),
        user_generation: 3,
        client_generation: 4,
        scopes: scopes(),
        at: START,
        session: Some(session_id(1)),
        tenant: None,
    }
}

#[test]
fn a_grant_from_before_there_were_keys_can_be_read() {
    let pending = r#"{"state":"pending","expires":"2027-01-15T08:15:00Z"}"#;
    assert_eq!(grant(r#""channel":"polled","#, pending), pending_grant(1));
    let denied = grant(r#""channel":{"typed":{"life":{"secs":300,"nanos":0}}},"#, r#"{"state":"denied","at":"2027-01-15T08:00:00Z"}"#);
    let channel = Channel::Typed { life: Duration::from_secs(300) };
    assert_eq!(denied, Grant { channel, state: State::Denied { at: START }, ..pending_grant(1) });
    // The first builds knew of no channels either.
    assert_eq!(grant("", pending), pending_grant(1));
}

#[test]
fn a_code_from_when_each_had_a_challenge_still_has_it() {
    let channel = format!(
        r#""channel":{{"redirect":{{"uri":"https://app.example.com/cb","named":true,"challenge":"{CHALLENGE}",
        "life":{{"secs":60,"nanos":0}}}}}},"#
    );
    let approved = format!(r#"{{"state":"approved","approval":{APPROVAL},"redeem_by":"2027-01-15T08:01:00Z","tries":0}}"#);
    let redirect = Redirect {
        uri: "https://app.example.com/cb".to_owned(),
        named: true,
        challenge: Challenge::parse(CHALLENGE),
        life: Duration::from_secs(60),
    };
    assert!(redirect.challenge.is_some());
    let state = State::Approved { approval: approval(), redeem_by: START + Duration::from_secs(60), tries: 0 };
    assert_eq!(grant(&channel, &approved), Grant { channel: Channel::Redirect(redirect), state, ..pending_grant(1) });
}

#[test]
fn an_approval_and_issues_from_before_tenants_and_lasting_tokens_can_be_read() {
    let issue = |number: u32, more: &str| {
        format!(
            r#"{{"number":{number},"root":"k1","scopes":"chat models:read",{more}"issued":"2027-01-15T08:00:00Z",
            "access_until":"2027-01-15T08:15:00Z","refresh_until":null}}"#
        )
    };
    let newest = issue(2, r#""audience":["https://a.example/v1/x"],"key":"000000000000000000000000000000ab","revoked":true,"#);
    let live = format!(r#"{{"state":"live","approval":{APPROVAL},"issues":[{},{newest}]}}"#, issue(1, ""));
    let first = Issue {
        number: 1,
        root: pending_grant(1).root,
        scopes: scopes(),
        audience: Default::default(),
        key: None,
        revoked: false,
        issued: START,
        access_until: START + Duration::from_secs(900),
        refresh_until: None,
        lasting: None,
    };
    let key = serde_json::from_value("000000000000000000000000000000ab".into()).unwrap();
    let audience = ["https://a.example/v1/x".to_owned()].into_iter().collect();
    let newest = Issue { number: 2, audience, key, revoked: true, ..first.clone() };
    let state = State::Live { approval: approval(), issues: vec![first, newest] };
    assert_eq!(grant(r#""channel":"polled","#, &live), Grant { state, ..pending_grant(1) });
}

#[test]
fn what_had_ended_has_ended() {
    let revoked = grant("", r#"{"state":"revoked","at":"2027-01-15T08:00:00Z","why":"logout","redeemed":true}"#);
    assert_eq!(revoked.state, State::Revoked { at: START, why: RevokedBecause::Logout, redeemed: true });
    assert_eq!(grant("", r#"{"state":"void","until":"2027-01-15T08:00:00Z"}"#).state, State::Void { until: START });
    assert_eq!((revoked.id, revoked.app, revoked.key), (grant_id(1), App { name: "A CLI".to_owned(), verified: true }, None));
}

#[test]
fn a_session_of_an_earlier_build_is_the_session_that_it_was() {
    let json = r#"{"session":{"id":"00000000000000000000000000000001","user":"00000000000000000000000000000001","user_generation":1,
        "session_generation":1,"salt":"CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=","expires":"2027-01-15T09:00:00Z"}}"#;
    // When it was signed in, nobody knows: long ago.
    let before = Session { signed_in: jiff::Timestamp::UNIX_EPOCH, ..session(1) };
    assert_eq!(read(json), Record::Session(before));
}

/// A store that a build wrote before there was any other format.
const STORE: &[u8] = include_bytes!("earlier/format-1.redb");

#[tokio::test]
async fn a_store_of_an_earlier_build_is_opened_and_nothing_in_it_is_lost() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join(FILE_NAME), STORE).unwrap();
    let store = Embedded::open(dir.path(), Manual::starting_at(START).clock()).unwrap();
    assert_eq!(dump(&store).await, everything());
    for (key, record) in samples() {
        assert_eq!(store.load(&key).await.unwrap().map(|loaded| loaded.record), Some(record), "{key:?}");
    }
    for (list, member, _) in memberships() {
        assert_eq!(store.members(list).await.unwrap(), [member]);
    }
    // And it goes on: no version that was given before comes again.
    let key = Key::User(user_id(1));
    let before = store.load(&key).await.unwrap().unwrap().version;
    store.commit(vec![put_user(1, 2, Expect::Version(before))]).await.unwrap();
    assert!(store.load(&key).await.unwrap().unwrap().version.0 > before.0);
}

#[tokio::test]
async fn an_export_of_an_earlier_build_is_imported_and_nothing_in_it_is_lost() {
    let store: Arc<dyn Store> = Arc::new(Memory::new(Manual::starting_at(START).clock()));
    let counted = import(store.as_ref(), &keyring(), &root().join("tests/store_contract/earlier/format-1.export")).await.unwrap();
    let mut expected = everything();
    let roots = Entry::Record { key: Key::Roots, record: Record::Roots(Roots(keyring().checks().collect())), until: None };
    expected.insert(roots.name(), roots);
    assert_eq!(dump(store.as_ref()).await, expected);
    assert_eq!((counted.users, counted.clients, counted.grants, counted.signing_keys), (1, 2, 9, 3));
}
