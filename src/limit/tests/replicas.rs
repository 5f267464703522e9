//! Replicas that count together.

use std::{future::pending, sync::Mutex};

use super::*;
use crate::{
    config::RouteLimit,
    store::{Answer, Unavailable, counter::MemoryCounter},
};

const ADA: Who = Who::Browser([1; 16]);

/// Whether a counter answers.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Answers,
    Fails,
    Hangs,
}

/// A counter that fails as a test wants it to, and how often it was asked.
struct Moody {
    inner: MemoryCounter,
    mood: Mutex<Mood>,
    asked: AtomicU32,
}

impl Moody {
    fn be(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = mood;
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Counter for Moody {
    fn count(&self, tallies: Vec<Tally>) -> Answer<'_, Vec<Counted>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match *self.mood.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) {
            Mood::Answers => self.inner.count(tallies),
            Mood::Fails => Box::pin(async { Err(Unavailable::because("the test wants it so")) }),
            Mood::Hangs => Box::pin(pending()),
        }
    }
}

struct Replicas {
    time: Manual,
    counter: Arc<Moody>,
    limits: Vec<Limits>,
}

fn replicas(number: usize) -> Replicas {
    let time = Manual::starting_at(Timestamp::UNIX_EPOCH);
    let (inner, mood, asked) = (MemoryCounter::new(time.clock()), Mutex::new(Mood::Answers), AtomicU32::new(0));
    let counter = Arc::new(Moody { inner, mood, asked });
    let limits = |_| Limits::new(&Rates::default(), Some(counter.clone()), keyring(), &time.clock());
    Replicas { limits: (0..number).map(limits).collect(), time, counter }
}

impl Replicas {
    /// How many wrong guesses are compared, of many that go round.
    async fn wrong_guesses(&self, action: Action) -> usize {
        let mut compared = 0;
        for turn in 0..600 {
            if let Ok(guess) = self.limits[turn % self.limits.len()].guess(action, ADA).await {
                guess.wrong();
                compared += 1;
            }
        }
        compared
    }

    fn routes(&self, requests: u32) -> Vec<RouteLimiter> {
        let Some(requests) = NonZeroU32::new(requests) else { return Vec::new() };
        let limit = RouteLimit { requests, per: Duration::from_secs(60), shared: true };
        self.limits.iter().map(|_| RouteLimiter::new("route /v1".to_owned(), limit, self.time.clock())).collect()
    }

    async fn settle(&self, routes: &[RouteLimiter]) {
        for (limits, route) in self.limits.iter().zip(routes) {
            limits.settle([route].into_iter()).await;
        }
    }
}

fn through(route: &RouteLimiter, requests: u32) -> u32 {
    (0..requests).map(|_| u32::from(route.take(ADA).is_ok())).sum()
}

#[tokio::test]
async fn of_each_kind_of_guess_replicas_together_compare_no_more_wrong_ones_than_the_limit() {
    for row in ROWS.iter().filter(|row| row.is_guess()) {
        let replicas = replicas(3);
        let times = row.default.map_or(0, |rate| rate.times.get() as usize);
        assert_eq!(replicas.wrong_guesses(row.action).await, times, "{}", row.name);
        let refused = replicas.limits[0].look(row.action, ADA).err();
        assert!(refused.is_some(), "{}: the others' word is remembered", row.name);
        assert_eq!(replicas.limits[0].guess(row.action, who("192.0.2.1")).await.err(), None, "{}: others are others", row.name);
    }
}

#[tokio::test]
async fn what_counts_each_time_and_is_shared_counts_at_all_replicas_together() {
    for row in ROWS.iter().filter(|row| row.is_shared() && !row.is_guess()) {
        let replicas = replicas(3);
        let mut taken = 0;
        for turn in 0..1200 {
            taken += u32::from(replicas.limits[turn % 3].take(row.action, ADA).await.is_ok());
        }
        assert_eq!(Some(taken), row.default.map(|rate| rate.times.get()), "{}", row.name);
    }
}

#[tokio::test]
async fn what_is_not_shared_is_asked_of_nobody() {
    let replicas = replicas(2);
    for row in ROWS.iter().filter(|row| !row.is_shared()) {
        assert_eq!(replicas.limits[0].take(row.action, ADA).await, Ok(()), "{}", row.name);
    }
    assert_eq!(replicas.counter.asked(), 0);
}

#[tokio::test]
async fn right_guesses_cost_nothing_at_any_replica() {
    let replicas = replicas(3);
    for turn in 0..100 {
        let guess = replicas.limits[turn % 3].guess(Action::GuessPassword, ADA).await;
        guess.unwrap_or_else(|limited| unreachable!("{limited:?}")).give_back().await;
    }
    assert_eq!(replicas.wrong_guesses(Action::GuessPassword).await, 10);
}

#[tokio::test]
async fn a_guess_that_was_broken_off_counts_at_all_replicas() {
    let replicas = replicas(2);
    for _ in 0..10 {
        drop(replicas.limits[0].guess(Action::GuessPassword, ADA).await);
    }
    assert_eq!(replicas.limits[1].guess(Action::GuessPassword, ADA).await.err(), Some(Limited { retry_after: 60 }));
}

#[tokio::test]
async fn a_guess_that_is_given_back_late_takes_back_nobody_elses() {
    let replicas = replicas(2);
    let slow = replicas.limits[0].guess(Action::GuessPassword, ADA).await;
    replicas.time.advance(Duration::from_secs(60));
    assert_eq!(replicas.wrong_guesses_at(1).await, 10);
    slow.unwrap_or_else(|limited| unreachable!("{limited:?}")).give_back().await;
    assert_eq!(replicas.limits[0].guess(Action::GuessPassword, ADA).await.err(), Some(Limited { retry_after: 60 }));
}

#[tokio::test]
async fn a_guess_that_one_address_is_refused_counts_for_no_user() {
    let replicas = replicas(2);
    let (ada, address) = (Who::User(UserId::from_random([1; 16])), who("192.0.2.1"));
    for _ in 0..10 {
        drop(replicas.limits[0].guess(Action::GuessUserCode, address).await);
    }
    for _ in 0..20 {
        assert!(replicas.limits[1].guess_of_all(Action::GuessUserCode, vec![ada, address]).await.is_err());
    }
    assert_eq!(replicas.limits[1].guess(Action::GuessUserCode, ada).await.err(), None);
}

#[tokio::test]
async fn while_the_counter_fails_each_replicas_own_count_decides_and_it_is_asked_once_a_second() {
    let replicas = replicas(3);
    replicas.counter.be(Mood::Fails);
    assert_eq!(replicas.wrong_guesses(Action::GuessPassword).await, 30);
    assert_eq!(replicas.counter.asked(), 3);
    replicas.counter.be(Mood::Answers);
    replicas.time.advance(Duration::from_millis(999));
    assert_eq!(replicas.limits[0].take(Action::Poll, ADA).await, Ok(()));
    assert_eq!(replicas.counter.asked(), 3);
    replicas.time.advance(Duration::from_millis(1));
    assert_eq!(replicas.limits[0].take(Action::Poll, ADA).await, Ok(()));
    assert_eq!(replicas.counter.asked(), 4);
}

#[tokio::test]
async fn a_counter_that_hangs_is_waited_for_fifty_milliseconds() {
    let replicas = replicas(1);
    replicas.counter.be(Mood::Hangs);
    let mut guess = Box::pin(replicas.limits[0].guess(Action::GuessPassword, ADA));
    replicas.time.advance(Duration::from_millis(49));
    assert!(tokio::time::timeout(Duration::ZERO, &mut guess).await.is_err());
    replicas.time.advance(Duration::from_millis(50));
    assert_eq!(guess.await.err(), None);
    assert_eq!(replicas.limits[0].guess(Action::GuessUserCode, ADA).await.err(), None);
    assert_eq!(replicas.counter.asked(), 1, "nobody waits in vain behind him");
}

#[tokio::test]
async fn replicas_with_other_roots_count_under_other_names() {
    let [one, other] = [b'r', b's'].map(|letter| {
        let root = SecretString::from(char::from(letter).to_string().repeat(32));
        Keyring::new(&[(RootId::DEFAULT, root)]).map(|keyring| keyring.count_name(&[b"poll"])).ok()
    });
    assert_ne!(one, other);
    assert_eq!(one, keyring().count_name(&[b"poll"]).into());
    assert_ne!(keyring().count_name(&[b"a", b"b"]), keyring().count_name(&[b"ab"]));
}

#[tokio::test]
async fn what_came_through_at_one_replica_is_refused_at_the_others_once_they_have_settled() {
    let replicas = replicas(3);
    let routes = replicas.routes(6);
    assert_eq!(routes.iter().map(|route| through(route, 4)).sum::<u32>(), 12, "none of them waits for the others");
    replicas.settle(&routes).await;
    // The first one settled when only its own four had been counted.
    assert_eq!(routes.iter().map(|route| through(route, 1)).collect::<Vec<_>>(), [1, 0, 0]);
    replicas.settle(&routes).await;
    for route in &routes[1..] {
        // Six may come at once, and a thirteenth had to wait for seven; the second replica settled at eight.
        assert!(route.take(ADA).is_err_and(|limited| limited.retry_after >= 30));
        assert_eq!(route.take(who("192.0.2.1")), Ok(()));
    }
    assert_eq!(routes[0].take(ADA), Err(Limited { retry_after: 80 }));
}

#[tokio::test]
async fn on_a_route_what_came_through_too_much_is_paid_off() {
    let replicas = replicas(3);
    let routes = replicas.routes(60);
    let (mut passed, rounds) = (0, 60 * 10 * 10);
    // Ten minutes in which somebody tries twenty times a second at each.
    for _ in 0..rounds {
        passed += routes.iter().map(|route| through(route, 2)).sum::<u32>();
        replicas.settle(&routes).await;
        replicas.time.advance(SETTLE_EVERY);
    }
    assert!((600..=600 + 3 * 60).contains(&passed), "{passed} of 600, and what each replica lets through at once");
}

#[tokio::test]
async fn while_the_counter_fails_each_replicas_own_limit_holds_on_a_route_and_is_settled_with_nobody() {
    let replicas = replicas(2);
    let routes = replicas.routes(6);
    replicas.counter.be(Mood::Fails);
    assert_eq!(routes.iter().map(|route| through(route, 10)).collect::<Vec<_>>(), [6, 6]);
    replicas.settle(&routes).await;
    replicas.counter.be(Mood::Answers);
    replicas.time.advance(Duration::from_secs(60));
    replicas.settle(&routes).await;
    assert_eq!(through(&routes[0], 10), 6);
}

#[tokio::test]
async fn a_route_whose_limit_is_shared_with_nobody_keeps_nothing_to_settle() {
    let (time, limits) = limits();
    let limit = RouteLimit { requests: NonZeroU32::MIN, per: Duration::from_secs(60), shared: true };
    let route = RouteLimiter::new("route /v1".to_owned(), limit, time.clock());
    assert_eq!((through(&route, 3), route.unsettled()), (1, 1));
    limits.settle([&route].into_iter()).await;
    assert_eq!((route.take(ADA), route.unsettled()), (Err(Limited { retry_after: 60 }), 0));
}

impl Replicas {
    /// How many wrong passwords one replica compares.
    async fn wrong_guesses_at(&self, replica: usize) -> usize {
        let mut compared = 0;
        while let Ok(guess) = self.limits[replica].guess(Action::GuessPassword, ADA).await {
            guess.wrong();
            compared += 1;
        }
        compared
    }
}
