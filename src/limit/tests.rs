mod replicas;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use secrecy::SecretString;

use super::*;
use crate::{
    clock::Manual,
    oauth::{
        id::{GrantId, UserId},
        secret::RootId,
    },
};

fn who(text: &str) -> Who {
    Who::peer(text.parse().unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)))
}

fn keyring() -> Arc<Keyring> {
    #[allow(clippy::unwrap_used)]
    Arc::new(Keyring::new(&[(RootId::DEFAULT, SecretString::from("r".repeat(32)))]).unwrap())
}

fn limits() -> (Manual, Limits) {
    let time = Manual::starting_at(Timestamp::UNIX_EPOCH);
    let limits = Limits::new(&Rates::default(), None, keyring(), &time.clock());
    (time, limits)
}

/// A counter of one a minute, in which this many strangers have room.
fn one_a_minute(most: usize) -> (Manual, Limiter) {
    let time = Manual::starting_at(Timestamp::UNIX_EPOCH);
    let limiter = Limiter::with_room(most, NonZeroU32::MIN, Duration::from_secs(60), time.clock());
    (time, limiter)
}

fn ipv4(number: u32) -> Who {
    Who::peer(Ipv4Addr::from_bits(number).into())
}

fn ipv6(number: u64) -> Who {
    Who::peer(Ipv6Addr::from_bits(u128::from(number) << 64).into())
}

#[test]
fn every_row_lets_its_times_through_and_says_when_there_is_one_more() {
    for row in &ROWS {
        let (time, limits) = limits();
        let Some(rate) = row.default else {
            assert!((0..1000).all(|_| limits.take_here(row.action, who("192.0.2.1")).is_ok()), "{}", row.name);
            continue;
        };
        for _ in 0..rate.times.get() {
            assert_eq!(limits.take_here(row.action, who("192.0.2.1")), Ok(()), "{}", row.name);
        }
        let every = rate.per / rate.times.get();
        let retry_after = every.as_secs() + u64::from(every.subsec_nanos() > 0);
        assert_eq!(limits.take_here(row.action, who("192.0.2.1")), Err(Limited { retry_after }), "{}", row.name);
        assert_eq!(limits.take_here(row.action, who("192.0.2.2")), Ok(()), "{}", row.name);
        time.advance(every);
        assert_eq!(limits.take_here(row.action, who("192.0.2.1")), Ok(()), "{}", row.name);
        assert!(limits.take_here(row.action, who("192.0.2.1")).is_err(), "{}", row.name);
    }
}

#[test]
fn a_limit_that_was_set_is_the_one_that_holds() {
    let time = Manual::starting_at(Timestamp::UNIX_EPOCH);
    let mut rates = Rates::default();
    rates.set(Action::Start, None);
    rates.set(Action::Forward, Rates::default().of(Action::Start));
    let limits = Limits::new(&rates, None, keyring(), &time.clock());
    assert!((0..100).all(|_| limits.take_here(Action::Start, who("192.0.2.1")).is_ok()));
    assert_eq!((0..100).filter(|_| limits.take_here(Action::Forward, who("192.0.2.1")).is_ok()).count(), 5);
}

#[tokio::test]
async fn right_guesses_count_nothing_and_are_refused_once_the_wrong_ones_are_used_up() {
    let (time, limits) = limits();
    let guess = || limits.guess(Action::GuessUserCode, who("192.0.2.1"));
    for _ in 0..10 {
        guess().await.unwrap_or_else(|limited| unreachable!("{limited:?}")).give_back().await;
        guess().await.map(Guess::wrong).unwrap_or_default();
    }
    assert_eq!(guess().await.err(), Some(Limited { retry_after: 60 }));
    limits.sweep();
    assert_eq!(guess().await.err(), Some(Limited { retry_after: 60 }));
    time.advance(Duration::from_secs(60));
    assert_eq!(guess().await.err(), None);
}

#[tokio::test]
async fn a_guess_that_was_broken_off_counts_as_a_wrong_one() {
    let (_time, limits) = limits();
    for _ in 0..10 {
        drop(limits.guess(Action::GuessUserCode, who("192.0.2.1")).await);
    }
    assert_eq!(limits.guess(Action::GuessUserCode, who("192.0.2.1")).await.err(), Some(Limited { retry_after: 60 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_guesses_at_once_exactly_the_limit_is_compared() {
    let (_time, limits) = limits();
    let (limits, compared) = (Arc::new(limits), Arc::new(AtomicU32::new(0)));
    let guess = |user: u8| {
        let (limits, compared) = (Arc::clone(&limits), Arc::clone(&compared));
        async move {
            // Half of them in the other order: two keys are never waited for crosswise.
            let mut whos = vec![Who::User(UserId::from_random([user; 16])), who("192.0.2.1")];
            whos.rotate_left(usize::from(user % 2));
            if let Ok(guess) = limits.guess_of_all(Action::GuessUserCode, whos).await {
                compared.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                guess.wrong();
            }
        }
    };
    let guesses: Vec<_> = (0..200).map(|user| tokio::spawn(guess(user))).collect();
    for guess in guesses {
        assert!(guess.await.is_ok());
    }
    assert_eq!(compared.load(Ordering::SeqCst), 10);
}

#[tokio::test]
async fn somebody_elses_guess_is_not_waited_for() {
    let (_time, limits) = limits();
    let held = limits.guess(Action::GuessPassword, who("192.0.2.1")).await;
    // Of 64 other addresses, nearly all have another stripe.
    let mut free = 0;
    for last in 2..66 {
        let guess = limits.guess(Action::GuessPassword, ipv4(0xc000_0200 + last));
        let waited = tokio::time::timeout(Duration::ZERO, guess).await;
        free += u32::from(waited.is_ok());
    }
    assert!(free > 32, "{free}");
    drop(held);
}

#[test]
fn one_subscribers_ipv6_addresses_are_counted_together() {
    assert_eq!(who("2001:db8:1:2::1"), who("2001:db8:1:2:ffff::9"));
    assert_ne!(who("2001:db8:1:2::1"), who("2001:db8:1:3::1"));
    assert_eq!(who("::ffff:192.0.2.1"), who("192.0.2.1"));
}

#[test]
fn a_flood_of_addresses_takes_bounded_room_and_those_who_were_there_stay_limited() {
    const MOST: usize = 10_000;
    for address in [ipv4 as fn(u32) -> Who, |number| ipv6(u64::from(number) << 8)] {
        let (time, limiter) = one_a_minute(MOST);
        let before = who("198.51.100.7");
        limiter.take(before).unwrap_or_default();
        let mut refused = 0;
        for number in 0..100_000 {
            refused += u32::from(limiter.take(address(number * 97)).is_err());
        }
        assert!(limiter.len() <= MOST + MOST / 4 + 1, "{}", limiter.len());
        assert!(refused > 80_000, "{refused} of those without a counter of their own were refused");
        assert!(limiter.take(before).is_err() && limiter.look(before).is_err());
        // Once it is over, whoever comes has his own again.
        time.advance(Duration::from_secs(121));
        assert!((0..1000).all(|number| limiter.take(address(1 << 30 | number)).is_ok()));
        assert!(limiter.len() <= 1001, "{}", limiter.len());
    }
}

#[test]
fn without_room_strangers_share_with_their_neighbours_and_users_do_not() {
    let (_time, limiter) = one_a_minute(8);
    for number in 0..8 {
        assert_eq!(limiter.take(ipv4(0x0a00_0000 + number)), Ok(()));
    }
    // The one place that is kept for a /24.
    assert_eq!(limiter.take(who("192.0.2.1")), Ok(()));
    assert!(limiter.take(who("192.0.2.200")).is_err() && limiter.look(who("192.0.2.77")).is_err());
    // Then the one for a /16, and then the one for all.
    assert_eq!(limiter.take(who("203.0.113.1")), Ok(()));
    assert!(limiter.take(who("203.0.99.99")).is_err());
    assert_eq!(limiter.take(who("2001:db8::1")), Ok(()));
    assert!(limiter.take(who("2001:4860::1")).is_err() && limiter.take(Who::Name([7; 16])).is_err());
    for number in 0..100 {
        assert_eq!(limiter.take(Who::User(UserId::from_random([number; 16]))), Ok(()));
        assert_eq!(limiter.take(Who::Grant(GrantId::from_random([number; 16]))), Ok(()));
    }
}

#[test]
fn a_full_row_is_swept_as_soon_as_somebody_needs_room() {
    let (time, limiter) = one_a_minute(100);
    for number in 0..100 {
        assert_eq!(limiter.take(ipv4(number * 0x10000)), Ok(()));
    }
    time.advance(Duration::from_secs(121));
    assert_eq!(limiter.take(who("192.0.2.1")), Ok(()));
    assert_eq!(limiter.take(who("192.0.2.2")), Ok(()), "each has a counter of his own");
    assert_eq!(limiter.len(), 2);
}
