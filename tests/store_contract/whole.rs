//! A record and what it rests on, read at once.

use gatepost::{
    oauth::client::ClientKey,
    store::{Change, Expect, Kept, Key, Record, Whole},
};

use crate::support::{
    records::{grant_id, live_grant, pending_grant, put_user, user_id},
    stores::{Stand, on_every_store},
};

on_every_store!(
    a_grant_comes_with_its_client_and_its_user,
    a_grant_that_nobody_approved_comes_with_its_client_only,
    what_is_not_there_is_missing_and_nothing_else,
    what_has_expired_is_missing,
    a_record_that_rests_on_nothing_comes_alone,
    the_version_of_what_is_watched_is_the_one_that_is_there,
    nobody_reads_a_grant_and_its_user_of_two_moments,
);

fn client_key() -> Key {
    let grant = pending_grant(1);
    Key::Client(ClientKey::of(&grant.dialect, &grant.client))
}

fn put_client(generation: u64) -> Change {
    let record = Record::Client(Kept::Standing { enabled: true, generation });
    Change::Put { key: client_key(), expect: Expect::Any, record, until: None }
}

fn put_live(n: u64) -> Change {
    let record = Record::Grant(Box::new(live_grant(n)));
    Change::Put { key: Key::Grant(grant_id(n)), expect: Expect::Any, record, until: None }
}

async fn whole(on: &Stand, watch: Option<&Key>) -> Option<Whole> {
    on.store.load_whole(&Key::Grant(grant_id(1)), watch, None).await.unwrap()
}

async fn a_grant_comes_with_its_client_and_its_user(on: &Stand) {
    on.store.commit(vec![put_live(1), put_client(3), put_user(1, 5, Expect::Any)]).await.unwrap();
    let whole = whole(on, None).await.unwrap();
    assert_eq!(whole.loaded.record, Record::Grant(Box::new(live_grant(1))));
    let [Some(client), Some(user)] = whole.rests_on.as_slice() else { panic!("{whole:?}") };
    assert_eq!(client.record, Record::Client(Kept::Standing { enabled: true, generation: 3 }));
    assert!(matches!(&user.record, Record::User(user) if user.generation == 5));
    assert_eq!(on.version(&client_key()).await, Some(client.version));
    assert_eq!(on.version(&Key::User(user_id(1))).await, Some(user.version));
    assert_eq!(on.version(&Key::Grant(grant_id(1))).await, Some(whole.loaded.version));
    assert_eq!(whole.watched, None);
}

async fn a_grant_that_nobody_approved_comes_with_its_client_only(on: &Stand) {
    let pending = Record::Grant(Box::new(pending_grant(1)));
    let put = Change::Put { key: Key::Grant(grant_id(1)), expect: Expect::Absent, record: pending, until: None };
    on.store.commit(vec![put, put_client(1), put_user(1, 1, Expect::Any)]).await.unwrap();
    let whole = whole(on, None).await.unwrap();
    assert!(matches!(whole.rests_on.as_slice(), [Some(_)]), "{whole:?}");
}

async fn what_is_not_there_is_missing_and_nothing_else(on: &Stand) {
    assert_eq!(whole(on, None).await, None);
    on.store.commit(vec![put_live(1), put_user(1, 1, Expect::Any)]).await.unwrap();
    let whole = whole(on, None).await.unwrap();
    assert!(matches!(whole.rests_on.as_slice(), [None, Some(_)]), "{whole:?}");
}

async fn what_has_expired_is_missing(on: &Stand) {
    let Change::Put { key, expect, record, .. } = put_client(1) else { unreachable!() };
    let client = Change::Put { key, expect, record, until: Some(on.soon(10)) };
    on.store.commit(vec![put_live(1), client]).await.unwrap();
    on.pass(10);
    let seen = whole(on, Some(&client_key())).await.unwrap();
    assert!(matches!(seen.rests_on.as_slice(), [None, None]), "{seen:?}");
    assert_eq!(seen.watched, None);
}

async fn a_record_that_rests_on_nothing_comes_alone(on: &Stand) {
    on.store.commit(vec![put_user(1, 1, Expect::Any)]).await.unwrap();
    let whole = on.store.load_whole(&Key::User(user_id(1)), None, None).await.unwrap().unwrap();
    assert_eq!(whole.rests_on, []);
}

async fn the_version_of_what_is_watched_is_the_one_that_is_there(on: &Stand) {
    let watched = Key::User(user_id(9));
    on.store.commit(vec![put_live(1)]).await.unwrap();
    assert_eq!(whole(on, Some(&watched)).await.unwrap().watched, None);
    for state in 1..=2 {
        on.store.commit(vec![put_user(9, state, Expect::Any)]).await.unwrap();
        let version = on.version(&watched).await;
        assert!(version.is_some());
        assert_eq!(whole(on, Some(&watched)).await.unwrap().watched, version);
    }
}

async fn nobody_reads_a_grant_and_its_user_of_two_moments(on: &Stand) {
    let both = move |n: u64| {
        let mut grant = live_grant(1);
        grant.app.name = n.to_string();
        let record = Record::Grant(Box::new(grant));
        vec![Change::Put { key: Key::Grant(grant_id(1)), expect: Expect::Any, record, until: None }, put_user(1, n, Expect::Any)]
    };
    on.store.commit(both(0)).await.unwrap();
    let store = on.store.clone();
    let writer = tokio::spawn(async move {
        for n in 1..200 {
            store.commit(both(n)).await.unwrap();
        }
    });
    while !writer.is_finished() {
        let whole = whole(on, None).await.unwrap();
        let (Record::Grant(grant), Some(Some(user))) = (&whole.loaded.record, whole.rests_on.last()) else { panic!("{whole:?}") };
        assert!(matches!(&user.record, Record::User(user) if user.generation.to_string() == grant.app.name));
    }
    writer.await.unwrap();
}
