//! Turns: whoever wants to do something for which there is no hurry waits until he may, first come,
//! first served.

use std::{collections::VecDeque, time::Duration};

use dashmap::DashMap;

use crate::{
    clock::{BootTime, Clock},
    limit::{Limited, Limits, Who},
};

/// Between two turns of one queue.
const PACE: Duration = Duration::from_secs(1);
/// At most so many wait in one queue: a browser waits no longer than this for an answer.
const MOST_WAITING: u32 = 30;
/// At most so many of them come from one neighbourhood, so that none fills a queue alone.
const MOST_NEIGHBOURS: usize = 3;

/// The queues, one for each key that somebody waits for.
pub(super) struct Turns {
    /// When each one's turn is and where he comes from. A queue is kept until its last turn is over.
    queues: DashMap<Who, VecDeque<(BootTime, Who)>>,
    clock: Clock,
}

impl Turns {
    pub(super) fn new(clock: Clock) -> Self {
        Self { queues: DashMap::new(), clock }
    }

    /// Waits for a turn, here and among all replicas.
    ///
    /// # Errors
    /// [`Limited`] where too many wait already.
    pub(super) async fn wait(&self, limits: &Limits, key: Who, from: Who) -> Result<(), Limited> {
        let here = self.reserve(key, from)?;
        let everywhere = self.clock.boot_now() + limits.queue("turn", key, PACE, PACE * MOST_WAITING).await?;
        self.clock.sleep_until(here.max(everywhere)).await;
        Ok(())
    }

    fn reserve(&self, key: Who, from: Who) -> Result<BootTime, Limited> {
        let now = self.clock.boot_now();
        let neighbourhood = from.coarser().unwrap_or(from);
        // Only those queues are left in which somebody has waited just now.
        self.queues.retain(|_, queue| queue.back().is_some_and(|(last, _)| *last + PACE > now));
        let mut queue = self.queues.entry(key).or_default();
        while queue.len() > 1 && queue.front().is_some_and(|(turn, _)| *turn <= now) {
            queue.pop_front();
        }
        let turn = queue.back().map_or(now, |(last, _)| (*last + PACE).max(now));
        let neighbours = queue.iter().filter(|(turn, from)| *turn > now && *from == neighbourhood).count();
        if turn > now + PACE * MOST_WAITING || neighbours >= MOST_NEIGHBOURS {
            return Err(Limited { retry_after: u64::from(MOST_WAITING) });
        }
        queue.push_back((turn, neighbourhood));
        Ok(turn)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{
        net::Ipv4Addr,
        sync::Arc,
        task::{Context, Poll, Waker},
    };

    use jiff::Timestamp;
    use secrecy::SecretString;

    use super::*;
    use crate::{
        clock::Manual,
        config::limits::Rates,
        oauth::secret::{Keyring, RootId},
        store::{Counter, counter::MemoryCounter},
    };

    const KEY: Who = Who::Name([1; 16]);

    fn queue() -> (Manual, Turns) {
        let time = Manual::starting_at(Timestamp::UNIX_EPOCH);
        let turns = Turns::new(time.clock());
        (time, turns)
    }

    fn limits(time: &Manual, counter: Option<Arc<dyn Counter>>) -> Limits {
        let keyring = Keyring::new(&[(RootId::DEFAULT, SecretString::from("r".repeat(32)))]).unwrap();
        Limits::new(&Rates::default(), counter, Arc::new(keyring), &time.clock())
    }

    /// An address in a neighbourhood of this number.
    fn from(network: u32) -> Who {
        Who::peer(Ipv4Addr::from_bits((network << 8) + 7).into())
    }

    #[test]
    fn turns_come_one_a_second_first_come_first_served() {
        let (time, turns) = queue();
        let start = time.clock().boot_now();
        for nth in 0..=MOST_WAITING {
            assert_eq!(turns.reserve(KEY, from(nth)), Ok(start + PACE * nth), "{nth}");
        }
        time.advance(PACE * (MOST_WAITING + 5));
        assert_eq!(turns.reserve(KEY, from(0)), Ok(start + PACE * (MOST_WAITING + 5)), "nobody waited any more");
    }

    #[test]
    fn a_queue_that_is_full_takes_nobody_until_its_first_one_has_gone() {
        let (time, turns) = queue();
        for nth in 0..=MOST_WAITING {
            turns.reserve(KEY, from(nth)).unwrap();
        }
        assert_eq!(turns.reserve(KEY, from(99)), Err(Limited { retry_after: 30 }));
        assert_eq!(turns.reserve(Who::Name([2; 16]), from(99)), Ok(time.clock().boot_now()), "another queue is another queue");
        time.advance(PACE);
        turns.reserve(KEY, from(99)).unwrap();
        assert!(turns.reserve(KEY, from(98)).is_err());
    }

    #[test]
    fn one_neighbourhood_cannot_fill_a_queue() {
        let (time, turns) = queue();
        for _ in 0..=MOST_NEIGHBOURS {
            turns.reserve(KEY, from(1)).unwrap();
        }
        assert_eq!(turns.reserve(KEY, from(1)), Err(Limited { retry_after: 30 }));
        turns.reserve(KEY, from(2)).unwrap();
        time.advance(PACE);
        turns.reserve(KEY, from(1)).unwrap();
    }

    #[tokio::test]
    async fn whoever_waits_goes_on_in_the_moment_of_his_turn() {
        let (time, turns) = queue();
        let limits = limits(&time, None);
        turns.wait(&limits, KEY, from(1)).await.unwrap();
        let mut second = std::pin::pin!(turns.wait(&limits, KEY, from(2)));
        let mut polled = || match second.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        };
        assert!(polled().is_none());
        time.advance(PACE - Duration::from_millis(1));
        assert!(polled().is_none());
        time.advance(Duration::from_millis(1));
        assert_eq!(polled(), Some(Ok(())));
    }

    #[tokio::test]
    async fn replicas_that_count_together_have_one_queue() {
        let (time, here) = queue();
        let counter: Arc<dyn Counter> = Arc::new(MemoryCounter::new(time.clock()));
        let there = Turns::new(time.clock());
        let (limits, others) = (limits(&time, Some(Arc::clone(&counter))), limits(&time, Some(counter)));
        here.wait(&limits, KEY, from(1)).await.unwrap();
        let mut second = std::pin::pin!(there.wait(&others, KEY, from(2)));
        let mut polled = || second.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled().is_pending());
        time.advance(PACE - Duration::from_millis(1));
        assert!(polled().is_pending());
        time.advance(Duration::from_millis(1));
        assert_eq!(polled(), Poll::Ready(Ok(())));
        // As many as may wait, and one more; he is not counted.
        for nth in 1..=MOST_WAITING {
            assert_eq!(limits.queue("turn", KEY, PACE, PACE * MOST_WAITING).await, Ok(PACE * nth));
        }
        for _ in 0..2 {
            assert_eq!(limits.queue("turn", KEY, PACE, PACE * MOST_WAITING).await, Err(Limited { retry_after: 30 }));
        }
        time.advance(PACE);
        assert_eq!(others.queue("turn", KEY, PACE, PACE * MOST_WAITING).await, Ok(PACE * MOST_WAITING));
    }

    #[test]
    fn queues_in_which_nobody_waits_are_forgotten() {
        let (time, turns) = queue();
        for name in 0..100 {
            turns.reserve(Who::Name([name; 16]), from(1)).unwrap();
        }
        time.advance(PACE);
        turns.reserve(KEY, from(1)).unwrap();
        assert_eq!(turns.queues.len(), 1);
    }
}
