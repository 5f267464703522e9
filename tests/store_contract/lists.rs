//! Lists of ids.

use gatepost::store::{Change, Expect, List};
use jiff::Timestamp;

use crate::support::{
    records::{grant_id, list, put_user, user_id},
    stores::{Stand, on_every_store},
};

on_every_store!(
    a_list_holds_what_was_linked_and_each_once,
    a_list_holds_nothing_of_another,
    a_member_leaves_the_list_at_its_deadline,
    linking_again_says_anew_how_long_a_member_stays,
    a_link_is_written_with_its_commit,
    what_is_linked_for_good_stays_on_its_list,
);

fn link(of: u64, member: u64, on: &Stand, seconds: u64) -> Change {
    Change::Link { list: list(of), member: *grant_id(member).as_bytes(), until: on.soon(seconds) }
}

async fn members(on: &Stand, of: u64) -> Vec<u64> {
    let mut members = on.store.members(list(of)).await.unwrap();
    members.sort();
    members.into_iter().map(|id| u64::try_from(u128::from_be_bytes(id)).unwrap()).collect()
}

async fn a_list_holds_what_was_linked_and_each_once(on: &Stand) {
    assert!(members(on, 1).await.is_empty());
    on.store.commit(vec![link(1, 3, on, 60), link(1, 2, on, 60)]).await.unwrap();
    on.store.commit(vec![link(1, 3, on, 60), link(1, u64::MAX, on, 60)]).await.unwrap();
    assert_eq!(members(on, 1).await, [2, 3, u64::MAX]);
}

async fn a_list_holds_nothing_of_another(on: &Stand) {
    on.store.commit(vec![link(0, 10, on, 60), link(1, 11, on, 60), link(2, 12, on, 60)]).await.unwrap();
    on.store.commit(vec![link(256, 13, on, 60)]).await.unwrap();
    assert_eq!(members(on, 1).await, [11]);
    assert_eq!(members(on, 2).await, [12]);
    assert_eq!(members(on, 256).await, [13]);
    assert!(members(on, 3).await.is_empty());
}

async fn a_member_leaves_the_list_at_its_deadline(on: &Stand) {
    on.store.commit(vec![link(1, 1, on, 10), link(1, 2, on, 20)]).await.unwrap();
    on.pass(9);
    assert_eq!(members(on, 1).await, [1, 2]);
    on.pass(1);
    assert_eq!(members(on, 1).await, [2]);
}

async fn linking_again_says_anew_how_long_a_member_stays(on: &Stand) {
    on.store.commit(vec![link(1, 1, on, 10), link(1, 2, on, 100)]).await.unwrap();
    on.store.commit(vec![link(1, 1, on, 50), link(1, 2, on, 10)]).await.unwrap();
    on.pass(10);
    assert_eq!(members(on, 1).await, [1]);
    on.store.sweep().await.unwrap();
    assert_eq!(members(on, 1).await, [1]);
    on.store.commit(vec![link(1, 1, on, 0)]).await.unwrap();
    assert!(members(on, 1).await.is_empty());
}

async fn a_link_is_written_with_its_commit(on: &Stand) {
    on.store.commit(vec![put_user(1, 1, Expect::Absent)]).await.unwrap();
    assert!(on.store.commit(vec![link(1, 1, on, 60), put_user(1, 2, Expect::Absent)]).await.is_err());
    assert!(members(on, 1).await.is_empty());
    on.store.commit(vec![link(1, 1, on, 60), put_user(2, 2, Expect::Absent)]).await.unwrap();
    assert_eq!(members(on, 1).await, [1]);
}

async fn what_is_linked_for_good_stays_on_its_list(on: &Stand) {
    let link = |n| Change::Link { list: List::Users, member: *user_id(n).as_bytes(), until: Timestamp::MAX };
    on.store.commit(vec![link(1), link(2)]).await.unwrap();
    on.pass(200 * 366 * 24 * 3600);
    on.store.sweep().await.unwrap();
    let mut users = on.store.users().await.unwrap();
    users.sort_unstable();
    assert_eq!(users, [user_id(1), user_id(2)]);
    assert!(on.store.grants_of(user_id(1)).await.unwrap().is_empty());
}
