//! Time: what has expired is absent from that moment on, swept or not.

use std::time::Duration;

use gatepost::store::{Change, Expect, Key, Swept};

use crate::support::{
    records::{grant_id, list, put_grant, put_user, put_user_code, user_code, user_id},
    stores::{Stand, on_every_store},
};

on_every_store!(
    a_record_is_there_up_to_its_deadline_and_absent_from_then_on,
    a_deadline_that_has_passed_already_makes_no_record,
    what_has_expired_is_absent_for_a_commit,
    a_record_that_is_written_again_has_its_new_deadline_only,
    a_record_without_a_deadline_stays,
    a_sweep_removes_what_has_expired_and_nothing_else,
    a_sweep_removes_any_number,
    a_sweep_knows_only_the_last_deadline,
);

async fn a_record_is_there_up_to_its_deadline_and_absent_from_then_on(on: &Stand) {
    on.store.commit(vec![put_user_code(1, Expect::Absent, Some(on.soon(10)))]).await.unwrap();
    on.clock.advance(Duration::from_secs(10) - Duration::from_nanos(1));
    assert!(on.version(&user_code(1)).await.is_some());
    on.clock.advance(Duration::from_nanos(1));
    assert_eq!(on.version(&user_code(1)).await, None);
}

async fn a_deadline_that_has_passed_already_makes_no_record(on: &Stand) {
    on.store.commit(vec![put_user_code(1, Expect::Absent, Some(on.soon(0)))]).await.unwrap();
    assert_eq!(on.version(&user_code(1)).await, None);
}

async fn what_has_expired_is_absent_for_a_commit(on: &Stand) {
    on.store.commit(vec![put_user_code(1, Expect::Absent, Some(on.soon(10)))]).await.unwrap();
    let version = on.version(&user_code(1)).await.unwrap();
    assert!(on.store.commit(vec![put_user_code(1, Expect::Absent, None)]).await.is_err());
    on.pass(10);
    let compare = |expect| Change::Compare { key: user_code(1), expect };
    assert!(on.store.commit(vec![compare(Expect::Version(version))]).await.is_err());
    on.store.commit(vec![compare(Expect::Absent)]).await.unwrap();
    on.store.commit(vec![put_user_code(1, Expect::Absent, None)]).await.unwrap();
    assert!(on.version(&user_code(1)).await.is_some());
}

async fn a_record_that_is_written_again_has_its_new_deadline_only(on: &Stand) {
    on.store.commit(vec![put_user_code(1, Expect::Absent, Some(on.soon(10)))]).await.unwrap();
    on.store.commit(vec![put_user_code(1, Expect::Any, Some(on.soon(20)))]).await.unwrap();
    on.pass(10);
    assert!(on.version(&user_code(1)).await.is_some());
    on.store.commit(vec![put_user_code(1, Expect::Any, Some(on.soon(5)))]).await.unwrap();
    on.pass(5);
    assert_eq!(on.version(&user_code(1)).await, None);
}

async fn a_record_without_a_deadline_stays(on: &Stand) {
    on.store.commit(vec![put_user(1, 1, Expect::Absent)]).await.unwrap();
    on.pass(100 * 365 * 24 * 3600);
    on.store.sweep().await.unwrap();
    assert!(on.version(&Key::User(user_id(1))).await.is_some());
}

async fn a_sweep_removes_what_has_expired_and_nothing_else(on: &Stand) {
    let (early, late) = (on.soon(10), on.soon(20));
    on.store.commit(vec![put_user_code(1, Expect::Absent, Some(early)), put_user_code(2, Expect::Absent, Some(late))]).await.unwrap();
    on.store.commit(vec![put_grant(1, Expect::Absent, Some(early)), put_grant(2, Expect::Absent, None)]).await.unwrap();
    let link = |n, until| Change::Link { list: list(1), member: *grant_id(n).as_bytes(), until };
    on.store.commit(vec![link(1, early), link(2, late)]).await.unwrap();

    assert_eq!(on.store.sweep().await.unwrap(), Swept { removed: 0 });
    on.pass(10);
    assert_eq!(on.store.sweep().await.unwrap(), on.swept(3));
    assert_eq!(on.store.sweep().await.unwrap(), Swept { removed: 0 });
    assert!(on.version(&user_code(2)).await.is_some());
    assert!(on.version(&Key::Grant(grant_id(2))).await.is_some());
    assert_eq!(on.store.members(list(1)).await.unwrap(), [*grant_id(2).as_bytes()]);
}

async fn a_sweep_removes_any_number(on: &Stand) {
    for hundred in 0..13 {
        let codes = (0..100).map(|n| put_user_code(hundred * 100 + n, Expect::Absent, Some(on.soon(n))));
        on.store.commit(codes.collect()).await.unwrap();
    }
    on.pass(100);
    assert_eq!(on.store.sweep().await.unwrap(), on.swept(1300));
}

async fn a_sweep_knows_only_the_last_deadline(on: &Stand) {
    let code = |until| put_user_code(1, Expect::Any, until);
    on.store.commit(vec![code(Some(on.soon(10)))]).await.unwrap();
    on.store.commit(vec![code(Some(on.soon(30)))]).await.unwrap();
    on.pass(20);
    assert_eq!(on.store.sweep().await.unwrap(), Swept { removed: 0 });
    on.store.commit(vec![code(None)]).await.unwrap();
    on.pass(20);
    assert_eq!(on.store.sweep().await.unwrap(), Swept { removed: 0 });
    on.store.commit(vec![code(Some(on.soon(10)))]).await.unwrap();
    on.store.commit(vec![Change::Delete { key: user_code(1), expect: Expect::Any }]).await.unwrap();
    on.pass(20);
    assert_eq!(on.store.sweep().await.unwrap(), Swept { removed: 0 });
}
