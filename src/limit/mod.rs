//! How often somebody may do something. One table, a row an action ([`table`]); each row counts
//! with governor's GCRA, so a caller who used up his burst gets one more at a time.
//!
//! Some actions count every call ([`Limits::take`]). Guesses count only where they are wrong:
//! [`Limits::look`] before the answer is looked up, so that right answers are refused too once the
//! wrong ones are used up, and [`Limits::take`] after a wrong one.

mod limiter;
pub mod table;

use std::net::{IpAddr, Ipv6Addr};

use crate::{
    clock::Clock,
    oauth::id::{GrantId, UserId},
};
pub use limiter::Limiter;
pub use table::Action;

/// Whose calls are counted together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Who {
    /// An address; the /64 of an IPv6 one, since that is what one subscriber has.
    Peer(IpAddr),
    /// A user.
    User(UserId),
    /// A grant, known by one of its codes.
    Grant(GrantId),
    /// Everybody together.
    All,
}

impl Who {
    /// The counted part of an address.
    pub fn peer(ip: IpAddr) -> Self {
        let counted = match ip.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
            v4 @ IpAddr::V4(_) => v4,
        };
        Self::Peer(counted)
    }
}

/// Too often.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limited {
    /// Whole seconds until it is worth trying again, at least 1: `Retry-After`.
    pub retry_after: u64,
}

/// The counters of this process.
pub struct Limits(Vec<(Action, Limiter<Who>)>);

impl Limits {
    /// All of the table's rows, at zero.
    pub fn new(clock: &Clock) -> Self {
        Self(table::ROWS.iter().map(|row| (row.action, Limiter::new(row.times, row.per, clock.clone()))).collect())
    }

    /// Counts one more.
    ///
    /// # Errors
    /// [`Limited`] where that is one too many; it is not counted then.
    pub fn take(&self, action: Action, who: Who) -> Result<(), Limited> {
        self.row(action).map_or(Ok(()), |row| row.take(who))
    }

    /// Whether one more would be counted.
    ///
    /// # Errors
    /// [`Limited`] where it would be one too many.
    pub fn look(&self, action: Action, who: Who) -> Result<(), Limited> {
        self.row(action).map_or(Ok(()), |row| row.look(&who))
    }

    /// Forgets those who have been quiet for long enough. To be called now and then.
    pub fn sweep(&self) {
        for (_, limiter) in &self.0 {
            limiter.sweep();
        }
    }

    fn row(&self, action: Action) -> Option<&Limiter<Who>> {
        self.0.iter().find(|(of, _)| *of == action).map(|(_, limiter)| limiter)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::clock::Manual;

    fn who(text: &str) -> Who {
        Who::peer(text.parse().unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)))
    }

    #[test]
    fn a_burst_is_free_and_then_calls_come_one_at_a_time() {
        let time = Manual::starting_at(Timestamp::UNIX_EPOCH);
        let limits = Limits::new(&time.clock());
        for _ in 0..5 {
            assert_eq!(limits.take(Action::Start, who("192.0.2.1")), Ok(()));
        }
        assert_eq!(limits.take(Action::Start, who("192.0.2.1")), Err(Limited { retry_after: 12 }));
        assert_eq!(limits.take(Action::Start, who("192.0.2.2")), Ok(()));
        time.advance(Duration::from_secs(12));
        assert_eq!(limits.take(Action::Start, who("192.0.2.1")), Ok(()));
        assert!(limits.take(Action::Start, who("192.0.2.1")).is_err());
    }

    #[test]
    fn looking_counts_nothing_and_sees_that_the_guesses_are_used_up() {
        let time = Manual::starting_at(Timestamp::UNIX_EPOCH);
        let limits = Limits::new(&time.clock());
        for _ in 0..10 {
            assert_eq!(limits.look(Action::GuessUserCode, who("192.0.2.1")), Ok(()));
            assert_eq!(limits.look(Action::GuessUserCode, who("192.0.2.1")), Ok(()));
            assert_eq!(limits.take(Action::GuessUserCode, who("192.0.2.1")), Ok(()));
        }
        assert_eq!(limits.look(Action::GuessUserCode, who("192.0.2.1")), Err(Limited { retry_after: 60 }));
        limits.sweep();
        assert!(limits.look(Action::GuessUserCode, who("192.0.2.1")).is_err());
        time.advance(Duration::from_secs(60));
        assert_eq!(limits.look(Action::GuessUserCode, who("192.0.2.1")), Ok(()));
    }

    #[test]
    fn one_subscribers_ipv6_addresses_are_counted_together() {
        assert_eq!(who("2001:db8:1:2::1"), who("2001:db8:1:2:ffff::9"));
        assert_ne!(who("2001:db8:1:2::1"), who("2001:db8:1:3::1"));
        assert_eq!(who("::ffff:192.0.2.1"), who("192.0.2.1"));
    }
}
