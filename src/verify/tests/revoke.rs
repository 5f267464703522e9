//! REVOKE.

use std::{pin::pin, time::Duration};

use tokio::time::timeout;

use super::realm::{Realm, Replica, id, waits};
use crate::{
    config::store::Mode,
    oauth::step::TakesBack,
    store::{Change, CommitError, Position, Replicas},
    verify::{Receipt, Taken},
};

/// Takes grant 1 back, and has not waited yet.
async fn taken(by: &Replica) -> Taken<'_> {
    by.verifier.commit(Realm::revocation(1)).await.unwrap().unwrap()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// One who is no replica.
fn somebody(realm: &Realm) -> Replica {
    realm.outsider("nobody")
}

#[tokio::test]
async fn where_nobody_is_a_member_nobody_is_waited_for() {
    let realm = Realm::new().await;
    let by = somebody(&realm);
    let receipt = taken(&by).await.known().await;
    assert_eq!((receipt.acknowledged, receipt.waited_out), (names(&[]), names(&[])));
}

#[tokio::test]
async fn each_member_is_waited_for_until_it_has_acknowledged() {
    let realm = Realm::new().await;
    let (one, other) = (realm.joined("one", Mode::Cached).await, realm.joined("other", Mode::Cached).await);
    let taken = taken(&one).await;
    let mut known = pin!(taken.known());
    assert!(waits(known.as_mut()).await);
    one.lease().await;
    assert!(waits(known.as_mut()).await, "the other has not");
    other.lease().await;
    let Receipt { sequence, mut acknowledged, waited_out, may_serve_until, .. } = known.await;
    acknowledged.sort();
    assert_eq!((acknowledged, waited_out, may_serve_until), (names(&["one", "other"]), names(&[]), None));
    assert_eq!(realm.node.member("one").unwrap().applied, sequence);
}

#[tokio::test]
async fn who_says_nothing_is_waited_out_by_the_clock_and_is_a_member_no_more() {
    let realm = Realm::new().await;
    let (by, _silent) = (somebody(&realm), realm.joined("silent", Mode::Cached).await);
    let taken = taken(&by).await;
    let mut known = pin!(taken.known());
    realm.pass(2019);
    assert!(waits(known.as_mut()).await);
    realm.pass(1);
    let receipt = known.await;
    assert_eq!((receipt.acknowledged, receipt.waited_out), (names(&[]), names(&["silent"])));
    assert_eq!((receipt.may_serve_until, receipt.took), (None, Duration::from_millis(2020)));
    assert_eq!(realm.node.member("silent"), None, "nobody waits for it again");
}

#[tokio::test]
async fn a_renewal_is_no_acknowledgement() {
    let realm = Realm::new().await;
    let (by, silent) = (somebody(&realm), realm.joined("silent", Mode::Cached).await);
    let applied = silent.verifier.applied();
    let taken = taken(&by).await;
    let mut known = pin!(taken.known());
    silent.site.renew(applied, Duration::ZERO).await.unwrap();
    realm.pass(2019);
    assert!(waits(known.as_mut()).await);
    realm.pass(1);
    assert_eq!(known.await.waited_out, names(&["silent"]));
    assert!(realm.node.member("silent").is_some(), "it has renewed meanwhile: the next one waits for it");
}

#[tokio::test]
async fn an_acknowledgement_of_another_history_does_not_count() {
    let realm = Realm::new().await;
    let (by, member) = (somebody(&realm), realm.joined("member", Mode::Cached).await);
    let taken = taken(&by).await;
    // It fails over to a server that had not got it, and has come further since.
    let other = realm.another_node().await;
    for _ in 0..5 {
        other.take_back(Realm::revocation(2)).await;
    }
    by.site.renew_at(&other);
    member.site.renew_at(&other);
    assert!(member.round().await.is_ok());
    member.lease().await;
    assert_eq!(other.member("member").unwrap().applied, 5, "more than is waited for");
    let mut known = pin!(taken.known());
    realm.pass(2019);
    assert!(waits(known.as_mut()).await);
    realm.pass(1);
    assert_eq!(known.await.waited_out, names(&["member"]));
    assert!(other.member("member").is_some(), "the numbers of another history say nothing");
}

#[tokio::test]
async fn an_acknowledgement_without_the_entrys_name_does_not_count() {
    let realm = Realm::new().await;
    let (by, member) = (somebody(&realm), realm.joined("member", Mode::Cached).await);
    let taken = taken(&by).await;
    let mut known = pin!(taken.known());
    member.site.acknowledge(Position { sequence: 2, id: [9; 16] }).await.unwrap();
    assert!(waits(known.as_mut()).await);
    member.lease().await;
    assert_eq!(known.await.acknowledged, names(&["member"]));
}

#[tokio::test]
async fn who_left_in_order_is_not_waited_for_and_who_leaves_meanwhile_is() {
    let realm = Realm::new().await;
    let (by, member) = (somebody(&realm), realm.joined("member", Mode::Cached).await);
    let first = taken(&by).await;
    member.site.leave().await.unwrap();
    assert_eq!(taken(&by).await.known().await.waited_out, names(&[]));
    let mut known = pin!(first.known());
    assert!(waits(known.as_mut()).await, "nobody knows what it had applied");
    realm.pass(2020);
    assert_eq!(known.await.waited_out, names(&["member"]));
}

#[tokio::test]
async fn who_may_serve_what_it_knew_is_named_with_the_time_and_stays_a_member_as_long() {
    let realm = Realm::new().await;
    let (by, silent) = (somebody(&realm), realm.joined("silent", Mode::Cached).await);
    silent.verifier.renew(&silent.site, Duration::from_secs(60)).await.unwrap();
    let taken = taken(&by).await;
    let mut known = pin!(taken.known());
    assert!(waits(known.as_mut()).await);
    realm.pass(2020);
    let receipt = known.await;
    assert_eq!(receipt.waited_out, names(&["silent"]));
    assert_eq!(receipt.may_serve_until, Some(realm.time.clock().now() + Duration::from_millis(60_600)));
    tokio::task::yield_now().await;
    assert!(realm.node.member("silent").is_some());
    realm.pass(61_200);
    let removed = async {
        while realm.node.member("silent").is_some() {
            tokio::task::yield_now().await;
        }
    };
    assert!(timeout(Duration::from_secs(10), removed).await.is_ok(), "it stays a member");
}

#[tokio::test]
async fn what_is_not_confirmed_is_not_answered_and_what_is_said_again_is_waited_for_again() {
    let realm = Realm::new().await;
    let (by, member) = (somebody(&realm), realm.joined("member", Mode::Cached).await);
    realm.node.confirms(false);
    assert!(matches!(by.verifier.commit(Realm::revocation(1)).await, Err(CommitError::Unavailable(_))));
    realm.node.confirms(true);
    let again = by.verifier.commit(vec![Change::TakeBackAgain(TakesBack::Grant(id(1)))]).await.unwrap().unwrap();
    let mut known = pin!(again.known());
    assert!(waits(known.as_mut()).await);
    member.lease().await;
    assert_eq!(known.await.acknowledged, names(&["member"]));
    assert_eq!(member.shown(&realm.token(1, 1)).await, 401);
}

#[tokio::test]
async fn what_takes_nothing_back_waits_for_nobody() {
    let realm = Realm::new().await;
    let (by, _silent) = (somebody(&realm), realm.joined("silent", Mode::Cached).await);
    assert!(by.verifier.commit(Vec::new()).await.unwrap().is_none());
}

#[tokio::test]
async fn where_one_process_has_the_store_to_itself_it_is_applied_before_the_answer() {
    let verifier = super::verifier();
    let (stream, other) = (verifier.streams.enter(id(1), 1, None), verifier.streams.enter(id(2), 1, None));
    let taken = verifier.commit(vec![Change::TakeBack(TakesBack::Grant(id(1)))]).await.unwrap().unwrap();
    assert!(stream.cut().is_cancelled() && !other.cut().is_cancelled());
    let receipt = taken.known().await;
    assert_eq!((receipt.acknowledged.len(), receipt.waited_out.len(), receipt.sequence), (1, 0, 1));
}
