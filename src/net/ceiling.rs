//! How many connections there may be: in all, and from one peer. A stream of HTTP/2 counts as one
//! more, since it takes what a connection takes: one to an upstream, and buffers. The table of peers
//! is locked where connections come and go, never on a request's way.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use dashmap::DashMap;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::peer::Proxies;
use crate::{clock::Clock, config::Connections, limit::Who};

/// Those who are turned away are logged together, no more often than this.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// The counts, which all threads share.
pub struct Ceiling {
    max: u32,
    max_per_peer: u32,
    open: AtomicU32,
    peers: DashMap<Who, Arc<AtomicU32>>,
    /// They speak for many callers, and their connections are not counted together.
    proxies: Proxies,
    turned_away: AtomicU64,
    /// When they may be logged again, in milliseconds of the machine's time.
    log_at: AtomicU64,
    clock: Clock,
}

/// Room for one connection or stream, until it is dropped.
pub struct Place {
    ceiling: Arc<Ceiling>,
    peer: Option<(Who, Arc<AtomicU32>)>,
}

/// No room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Full {
    /// In all.
    #[error("max")]
    All,
    /// For this peer.
    #[error("max_per_peer")]
    Peer,
}

/// Lets this process open as many files as it may: what it is given at first is often far less.
fn raise_open_files(max: u32) {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::debug!(%error, "the number of open files stays as it was");
    }
    if let Some(files) = getrlimit(Resource::Nofile).current.filter(|files| *files < u64::from(max)) {
        tracing::warn!(files, connections.max = max, "fewer files may be open than connections: raise the limit (ulimit -n)");
    }
}

impl Ceiling {
    /// Nobody is here yet. The process may open enough files from now on, where the system lets it.
    pub fn new(connections: &Connections, proxies: Proxies, clock: Clock) -> Arc<Self> {
        raise_open_files(connections.max);
        Arc::new(Self {
            max: connections.max,
            max_per_peer: connections.max_per_peer,
            open: AtomicU32::new(0),
            peers: DashMap::new(),
            proxies,
            turned_away: AtomicU64::new(0),
            log_at: AtomicU64::new(0),
            clock,
        })
    }

    /// Room for one more.
    ///
    /// # Errors
    /// [`Full`].
    pub fn admit(self: &Arc<Self>, peer: IpAddr) -> Result<Place, Full> {
        self.count_in_all()?;
        let mut place = Place { ceiling: Arc::clone(self), peer: None };
        if !self.proxies.lists(peer) {
            let who = Who::peer(peer);
            // Locked until it is counted, so that nobody removes it meanwhile.
            let count = self.peers.entry(who).or_default();
            self.count_for_peer(&count)?;
            place.peer = Some((who, Arc::clone(&count)));
        }
        Ok(place)
    }

    fn count_in_all(&self) -> Result<(), Full> {
        if one_more(&self.open, self.max) { Ok(()) } else { Err(Full::All) }
    }

    fn count_for_peer(&self, count: &AtomicU32) -> Result<(), Full> {
        if one_more(count, self.max_per_peer) { Ok(()) } else { Err(Full::Peer) }
    }

    /// Somebody was turned away. They are many when they are any, so few lines tell of it.
    pub fn log(&self, full: Full, peer: IpAddr) {
        let turned_away = self.turned_away.fetch_add(1, Relaxed) + 1;
        let now = self.clock.boot_now();
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let may_log = |at| (at <= millis(now)).then_some(millis(now + LOG_EVERY));
        if self.log_at.fetch_update(Relaxed, Relaxed, may_log).is_ok() {
            self.turned_away.fetch_sub(turned_away, Relaxed);
            let open = self.open.load(Relaxed);
            tracing::warn!(%peer, turned_away, open, limit = %format_args!("connections.{full}"), "connections were turned away");
        }
    }
}

fn one_more(count: &AtomicU32, most: u32) -> bool {
    count.fetch_update(Relaxed, Relaxed, |open| (open < most).then_some(open + 1)).is_ok()
}

impl Place {
    /// Room for one more of the same peer, without a lock.
    ///
    /// # Errors
    /// [`Full`].
    pub fn another(&self) -> Result<Self, Full> {
        self.ceiling.count_in_all()?;
        let mut place = Self { ceiling: Arc::clone(&self.ceiling), peer: None };
        if let Some((_, count)) = &self.peer {
            self.ceiling.count_for_peer(count)?;
            place.peer.clone_from(&self.peer);
        }
        Ok(place)
    }

    /// There was no room for another.
    pub fn log(&self, full: Full, peer: IpAddr) {
        self.ceiling.log(full, peer);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.ceiling.open.fetch_sub(1, Relaxed);
        if let Some((who, count)) = &self.peer
            && count.fetch_sub(1, Relaxed) == 1
        {
            // Somebody may have come meanwhile.
            self.ceiling.peers.remove_if(who, |_, count| count.load(Relaxed) == 0);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::clock::Manual;

    fn ceiling(max: u32, max_per_peer: u32) -> Arc<Ceiling> {
        let connections = Connections { max, max_per_peer, ..Connections::default() };
        Ceiling::new(&connections, Proxies::new(vec!["10.0.0.0/8".parse().unwrap()]), Manual::starting_at(Timestamp::UNIX_EPOCH).clock())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_peer_may_have_so_many_and_all_together_so_many() {
        let ceiling = ceiling(3, 2);
        let first = ceiling.admit(ip("192.0.2.1")).unwrap();
        let _second = ceiling.admit(ip("192.0.2.1")).unwrap();
        assert_eq!(ceiling.admit(ip("192.0.2.1")).err(), Some(Full::Peer));
        let _other = ceiling.admit(ip("192.0.2.2")).unwrap();
        assert_eq!(ceiling.admit(ip("192.0.2.3")).err(), Some(Full::All));
        drop(first);
        let _again = ceiling.admit(ip("192.0.2.1")).unwrap();
    }

    #[test]
    fn a_listed_proxy_has_room_for_all_its_callers() {
        let ceiling = ceiling(3, 1);
        let _first = ceiling.admit(ip("10.1.2.3")).unwrap();
        let _second = ceiling.admit(ip("10.1.2.3")).unwrap();
        let _third = ceiling.admit(ip("10.1.2.3")).unwrap();
        assert_eq!(ceiling.admit(ip("10.1.2.3")).err(), Some(Full::All));
    }

    #[test]
    fn a_stream_takes_room_as_a_connection_does() {
        let ceiling = ceiling(4, 3);
        let connection = ceiling.admit(ip("192.0.2.1")).unwrap();
        let stream = connection.another().unwrap();
        let _second = connection.another().unwrap();
        assert_eq!(connection.another().err(), Some(Full::Peer));
        assert_eq!(ceiling.admit(ip("192.0.2.1")).err(), Some(Full::Peer));
        let other = ceiling.admit(ip("192.0.2.2")).unwrap();
        assert_eq!(other.another().err(), Some(Full::All));
        drop((stream, connection));
        let _again = other.another().unwrap();
        assert_eq!(ceiling.open.load(Relaxed), 3);
    }

    #[test]
    fn who_has_left_is_not_remembered() {
        let ceiling = ceiling(3, 1);
        drop(ceiling.admit(ip("192.0.2.1")).unwrap());
        assert!(ceiling.peers.is_empty());
        assert_eq!(ceiling.open.load(Relaxed), 0);
    }

    #[test]
    fn one_subscribers_ipv6_addresses_share_their_room() {
        let ceiling = ceiling(3, 1);
        let _first = ceiling.admit(ip("2001:db8::1")).unwrap();
        assert_eq!(ceiling.admit(ip("2001:db8::2")).err(), Some(Full::Peer));
        assert!(ceiling.admit(ip("2001:db8:0:1::1")).is_ok());
    }
}
