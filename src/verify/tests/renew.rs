//! RENEW.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{
    realm::{CLIENT, DIALECT, Node, Realm, Replica, grant, id, waits},
    token,
};
use crate::{
    config::store::Mode,
    oauth::{
        client::ClientKey,
        grant::State,
        id::ClientId,
        jwt::Jti,
        signing::{Algorithm, KeyId, SigningKeys},
        step::TakesBack,
    },
    store::{Change, Expect, Key, Record},
    verify::Round,
};

#[tokio::test]
async fn the_first_lease_comes_once_it_is_known_where_the_feed_ends() {
    let realm = Realm::new().await;
    let replica = realm.replica("a", Mode::Cached);
    assert_eq!(replica.round().await.unwrap(), Round::More);
    assert!(!replica.holds_lease() && realm.node.member("a").is_some(), "who may have a lease next is waited for already");
    assert_eq!(replica.round().await.unwrap(), Round::Leased);
    assert!(replica.holds_lease());
}

#[tokio::test]
async fn a_lease_counts_from_before_its_renewal_was_sent() {
    let realm = Realm::new().await;
    let replica = realm.joined("a", Mode::Cached).await;
    realm.pass(10_000);
    replica.site.hold_renewals(true);
    let mut round = pin!(replica.round());
    assert!(waits(round.as_mut()).await);
    realm.pass(1500);
    replica.site.hold_renewals(false);
    assert_eq!(round.await.unwrap(), Round::Leased);
    realm.pass(479);
    assert!(replica.holds_lease());
    realm.pass(1);
    assert!(!replica.holds_lease(), "1.98 seconds after it was sent");
}

/// Notes whether the lease held, and whether the grant was known, in the moment in which its stream was cut.
struct Witness {
    replica: Arc<Replica>,
    cut_too_late: AtomicBool,
    was_cut: AtomicBool,
}

impl Wake for Witness {
    fn wake(self: Arc<Self>) {
        self.was_cut.store(true, Ordering::SeqCst);
        let is_late = self.replica.holds_lease() || self.replica.knows(1);
        self.cut_too_late.store(is_late, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn what_is_heard_is_applied_before_the_lease_goes_on_and_before_it_is_acknowledged() {
    let realm = Realm::new().await;
    let replica = Arc::new(realm.joined("a", Mode::Cached).await);
    let (_, stream) = replica.verifier.verify(&realm.token(1, 1), Duration::ZERO).await.unwrap();
    let sent = realm.revoke(1).await;
    realm.pass(10_000);
    let witness =
        Arc::new(Witness { replica: Arc::clone(&replica), cut_too_late: AtomicBool::new(false), was_cut: AtomicBool::new(false) });
    let cut: CancellationToken = stream.cut().clone();
    let mut cancelled = pin!(cut.cancelled());
    assert!(cancelled.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&witness)))).is_pending());

    replica.site.lets_acknowledge(false);
    assert!(replica.round().await.is_err());
    assert!(witness.was_cut.load(Ordering::SeqCst) && !witness.cut_too_late.load(Ordering::SeqCst));
    assert!(realm.node.member("a").unwrap().applied < sent.at.sequence, "nobody was told");
    replica.site.lets_acknowledge(true);
    replica.lease().await;
    assert_eq!(realm.node.member("a").unwrap().applied, sent.at.sequence);
}

#[tokio::test]
async fn an_unconfirmed_round_gives_no_lease_and_applies_what_it_hears() {
    let realm = Realm::new().await;
    let replica = realm.joined("a", Mode::Cached).await;
    assert_eq!(replica.shown(&realm.token(1, 1)).await, 200);
    realm.revoke(1).await;
    realm.pass(10_000);
    realm.node.confirms(false);
    assert_eq!(replica.round().await.unwrap(), Round::Unconfirmed);
    assert!(!replica.holds_lease() && !replica.knows(1));
}

#[tokio::test]
async fn an_unconfirmed_round_never_sets_back_what_is_applied() {
    let realm = Realm::new().await;
    let replica = realm.joined("a", Mode::Cached).await;
    realm.revoke(2).await;
    replica.lease().await;
    let applied = replica.verifier.applied();
    for is_gap in [false, true] {
        let other = realm.another_node().await;
        other.confirms(false);
        replica.site.renew_at(&other);
        if is_gap {
            for _ in 0..applied.sequence + 2 {
                other.take_back_unconfirmed(TakesBack::Grant(id(3))).await;
            }
            other.trim();
        }
        assert_eq!(replica.round().await.unwrap(), Round::Unconfirmed, "a gap: {is_gap}");
        assert_eq!(replica.verifier.applied(), applied, "a gap: {is_gap}");
    }
}

/// So that the newest entry that a replica has applied is trimmed.
async fn leave_behind(node: &Node) {
    for n in [2, 3] {
        node.take_back(Realm::revocation(n)).await;
    }
    node.trim();
}

#[tokio::test]
async fn a_gap_ends_all_that_is_known_and_gives_no_lease_in_that_round() {
    let realm = Realm::new().await;
    let replica = realm.joined("a", Mode::Cached).await;
    let (_, stream) = replica.verifier.verify(&realm.token(1, 1), Duration::ZERO).await.unwrap();
    realm.pass(10_000);
    leave_behind(&realm.node).await;
    assert_eq!(replica.round().await.unwrap(), Round::More);
    assert!(!replica.holds_lease() && !replica.knows(1) && stream.cut().is_cancelled());
    assert_eq!(replica.round().await.unwrap(), Round::Leased);
}

#[tokio::test]
async fn another_history_ends_all_that_is_known_and_says_what_may_be_lost() {
    let realm = Realm::new().await;
    let replica = realm.joined("a", Mode::Cached).await;
    realm.revoke(2).await;
    replica.lease().await;
    realm.pass(10 * 60 * 1000 - 1000);
    realm.revoke(3).await;
    replica.lease().await;
    let (_, stream) = replica.verifier.verify(&realm.token(1, 1), Duration::ZERO).await.unwrap();
    realm.pass(10_000);
    // One of the same length.
    let other = realm.another_node().await;
    for _ in 0..3 {
        other.take_back(Realm::revocation(1)).await;
    }
    replica.site.renew_at(&other);
    replica.site.read_at(&other);
    let Round::OtherHistory(lost) = replica.round().await.unwrap() else { panic!("it was taken for the same") };
    assert_eq!(lost, [2, 3].map(|n| TakesBack::Grant(id(n))));
    assert!(!replica.holds_lease() && !replica.knows(1) && stream.cut().is_cancelled());
    replica.lease().await;
    assert_eq!(replica.shown(&realm.token(1, 1)).await, 401);
}

#[tokio::test]
async fn what_was_applied_long_ago_is_not_put_back() {
    let realm = Realm::new().await;
    let replica = realm.joined("a", Mode::Cached).await;
    for (n, later) in [(1, 601_000), (2, 0)] {
        realm.revoke(n).await;
        replica.lease().await;
        realm.pass(later);
    }
    replica.site.renew_at(&realm.another_node().await);
    assert_eq!(replica.round().await.unwrap(), Round::OtherHistory(vec![TakesBack::Grant(id(2))]));
}

#[tokio::test]
async fn a_lease_comes_only_with_the_end_of_the_feed() {
    let realm = Realm::new().await;
    let replica = realm.joined("a", Mode::Cached).await;
    assert_eq!(replica.shown(&realm.token(3, 1)).await, 200);
    for n in 1..=3 {
        realm.revoke(n).await;
    }
    realm.pass(10_000);
    realm.node.answers_at_most(2);
    assert_eq!(replica.round().await.unwrap(), Round::More);
    assert!(!replica.holds_lease() && replica.knows(3));
    assert_eq!(replica.round().await.unwrap(), Round::Leased);
    assert!(replica.holds_lease() && !replica.knows(3));
}

#[tokio::test]
async fn a_client_that_is_taken_back_takes_its_grants_along() {
    let realm = Realm::new().await;
    let replica = realm.joined("a", Mode::Cached).await;
    for n in 1..=2 {
        assert_eq!(replica.shown(&realm.token(n, 1)).await, 200);
    }
    let other = ClientKey::of(DIALECT, &ClientId::new("another"));
    realm.node.take_back(vec![Change::TakeBack(TakesBack::Client(other))]).await;
    replica.lease().await;
    assert!(replica.knows(1) && replica.knows(2));
    let key = ClientKey::of(DIALECT, &ClientId::new(CLIENT));
    realm.node.take_back(vec![Change::TakeBack(TakesBack::ClientBefore(key, 1))]).await;
    replica.lease().await;
    assert!(!replica.knows(1) && !replica.knows(2));
}

/// Signing keys in the realm, of which the first token of grant 1 is signed with one, and that token.
async fn signed(realm: &Realm) -> (SigningKeys, KeyId, String) {
    let now = realm.time.clock().now();
    let mut keys = SigningKeys::default();
    keys.ensure(&realm.keyring, now).unwrap();
    let kid = keys.iter().find(|key| key.algorithm == Algorithm::EdDsa).unwrap().id;
    realm.node.put(Key::SigningKeys, Record::SigningKeys(keys.clone())).await;
    let mut mixed = grant(1, 2);
    let State::Live { issues, .. } = &mut mixed.state else { unreachable!() };
    issues[0].key = Some(kid);
    realm.node.put(Key::Grant(id(1)), Record::Grant(Box::new(mixed))).await;
    let jwt = token(&keys, &realm.keyring, now, Jti { grant: id(1), number: 1 });
    (keys, kid, secrecy::ExposeSecret::expose_secret(&jwt).to_owned())
}

#[tokio::test]
async fn a_revoked_signing_key_does_not_come_back_with_an_older_record() {
    let realm = Realm::new().await;
    let (_, kid, jwt) = signed(&realm).await;
    let replica = realm.joined("a", Mode::Cached).await;
    assert_eq!(replica.shown(&jwt).await, 200);
    realm.node.take_back(vec![Change::TakeBack(TakesBack::Key(kid))]).await;
    replica.lease().await;
    assert_eq!(replica.shown(&jwt).await, 401);
    // The record still has it.
    replica.verifier.look_at_keys().await.unwrap();
    assert_eq!((replica.shown(&jwt).await, replica.shown(&realm.token(1, 2)).await), (401, 200));
}

#[tokio::test]
async fn a_key_that_was_revoked_unheard_opens_nothing_beside_a_token_that_needs_none() {
    let realm = Realm::new().await;
    let (mut keys, kid, jwt) = signed(&realm).await;
    let replica = realm.joined("a", Mode::Cached).await;
    assert_eq!(replica.shown(&jwt).await, 200);
    keys.revoke(kid, &realm.keyring, realm.time.clock().now()).unwrap();
    let record = Record::SigningKeys(keys);
    let put = Change::Put { key: Key::SigningKeys, expect: Expect::Any, record, until: None };
    realm.node.take_back(vec![put, Change::TakeBack(TakesBack::Key(kid))]).await;
    leave_behind(&realm.node).await;
    replica.lease().await;
    assert_eq!(replica.shown(&realm.token(1, 2)).await, 200);
    assert!(replica.knows(1));
    assert_eq!(replica.shown(&jwt).await, 401);
}
