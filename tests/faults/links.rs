//! Every gateway's own ways to Redis, so that it can be cut off from each server by itself.
//!
//! ```text
//! gateway 1 ── its proxies ──► the servers and the Sentinels ◄── its proxies ── gateway 2
//!                              server ──► announced address (a proxy) ──► server
//! ```
//!
//! What a gateway is told, by a Sentinel or by MOVED, are the addresses that the servers announce. Its own proxies
//! translate them into its own, as an address translation does, and those lead straight to the servers. So a server that
//! is cut off from all others can still be reached by one gateway.

use super::topology::{NAME, Servers, Topology};
use crate::support::{fault::FaultProxy, redis::Server};

/// One caller's ways to Redis.
pub(crate) struct Links {
    /// To each server.
    pub(crate) redis: Vec<FaultProxy>,
    /// To each Sentinel.
    pub(crate) sentinels: Vec<FaultProxy>,
}

impl Links {
    pub(crate) fn all(&self) -> impl Iterator<Item = &FaultProxy> {
        self.redis.iter().chain(&self.sentinels)
    }
}

impl Servers {
    /// The ways of one caller, with the addresses translated.
    pub(crate) fn links(&self) -> Links {
        let before = |servers: &[Server]| servers.iter().map(|server| FaultProxy::before(server.address())).collect();
        let links = Links { redis: before(self.redis()), sentinels: before(&self.sentinels) };
        let names = |name: &dyn Fn(&FaultProxy) -> String| -> Vec<(String, String)> {
            self.announced.iter().zip(&links.redis).map(|(announced, own)| (name(announced), name(own))).collect()
        };
        // A Sentinel tells the port on a line of its own; MOVED tells host and port.
        links.sentinels.iter().for_each(|link| link.rename(names(&|proxy| format!("{}\r\n", proxy.address().port()))));
        if self.topology == Topology::Cluster {
            links.redis.iter().for_each(|link| link.rename(names(&|proxy| proxy.address().to_string())));
        }
        links
    }

    /// `store.url` for the caller of these ways.
    pub(crate) fn url(&self, links: &Links) -> String {
        let hosts = |proxies: &[FaultProxy]| proxies.iter().map(|proxy| proxy.address().to_string()).collect::<Vec<_>>().join(",");
        match self.topology {
            Topology::Alone => format!("redis://{}", hosts(&links.redis)),
            Topology::Sentinel => format!("redis+sentinel://{}/{NAME}", hosts(&links.sentinels)),
            Topology::Cluster => format!("redis-cluster://{}", hosts(&links.redis)),
        }
    }
}
