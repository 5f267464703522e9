//! Redis alone, with Sentinels, or as a Cluster, where each server can be cut off from all others.
//!
//! Servers announce the address of a proxy, through which Sentinels, replicas and the nodes of a Cluster reach them. In a
//! Cluster each node calls others from a loopback address of its own (`bind-source-addr`), by which the proxies of the bus
//! know it.

use std::{
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};

use super::setup::{DEAD_AFTER, REALM};
use crate::support::{
    fault::FaultProxy,
    redis::{Cluster, Server, until},
};

pub(crate) const NAME: &str = "gatepost";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Topology {
    Alone,
    Sentinel,
    Cluster,
}

impl Topology {
    pub(crate) const ALL: [Self; 3] = [Self::Alone, Self::Sentinel, Self::Cluster];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Sentinel => "sentinel",
            Self::Cluster => "cluster",
        }
    }

    /// How many replicas the primary of the realm has.
    pub(crate) fn replicas(self) -> usize {
        usize::from(self != Self::Alone)
    }
}

impl FromStr for Topology {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|topology| topology.name() == name).ok_or_else(|| format!("one of: {known}"))
    }
}

pub(crate) struct Servers {
    pub(crate) topology: Topology,
    redis: Vec<Server>,
    cluster: Option<Cluster>,
    pub(crate) sentinels: Vec<Server>,
    /// Where the servers say that they are.
    pub(crate) announced: Vec<FaultProxy>,
    /// The same for the bus of a Cluster.
    bus: Vec<FaultProxy>,
}

impl Servers {
    /// Answers when all of them have found each other; `None`, and a note, where Redis is not installed.
    pub(crate) fn start(topology: Topology) -> Option<Self> {
        match topology {
            Topology::Alone => {
                let redis = vec![Server::start(&[])?];
                Some(Self { topology, redis, cluster: None, sentinels: Vec::new(), announced: Vec::new(), bus: Vec::new() })
            }
            Topology::Sentinel => Self::start_sentinels(),
            Topology::Cluster => Self::start_cluster(),
        }
    }

    fn start_sentinels() -> Option<Self> {
        let redis: Vec<Server> = (0..2).map(|_| Server::start(&[])).collect::<Option<_>>()?;
        let announced: Vec<FaultProxy> = redis.iter().map(|server| FaultProxy::before(server.address())).collect();
        let first = announced[0].address().port().to_string();
        for (server, announced) in redis.iter().zip(&announced) {
            set(server, "replica-announce-ip", "127.0.0.1");
            set(server, "replica-announce-port", &announced.address().port().to_string());
        }
        order(&redis[1], &["REPLICAOF", "127.0.0.1", &first]);
        redis.iter().for_each(rewrite);
        until("the replica follows", || says(&redis[1], "master_link_status:up"));
        let text = format!(
            "bind 127.0.0.1\nsentinel monitor {NAME} 127.0.0.1 {first} 2\nsentinel down-after-milliseconds {NAME} {DEAD_AFTER}\n\
             sentinel failover-timeout {NAME} 2000"
        );
        let sentinels = (0..3).map(|_| Server::sentinel(&text)).collect::<Option<Vec<_>>>()?;
        until("the sentinels agree", || {
            let known = |sentinel: &Server| sentinel.try_command::<String>(&["INFO", "sentinel"]);
            let agrees = |known: String| known.contains("status=ok") && known.contains("slaves=1,sentinels=3");
            sentinels.iter().map(known).all(|known| known.is_ok_and(agrees))
        });
        Some(Self { topology: Topology::Sentinel, redis, cluster: None, sentinels, announced, bus: Vec::new() })
    }

    fn start_cluster() -> Option<Self> {
        let cluster = Cluster::start()?;
        let bus = |server: &Server| (server.address().ip(), server.address().port() + 1).into();
        let announced: Vec<FaultProxy> = cluster.servers().iter().map(|server| FaultProxy::before(server.address())).collect();
        let buses: Vec<FaultProxy> = cluster.servers().iter().map(|server| FaultProxy::before(bus(server))).collect();
        // Before they hear of other addresses, and so connect anew.
        for (node, server) in cluster.servers().iter().enumerate() {
            set(server, "bind-source-addr", &source_of(node).to_string());
        }
        for (node, server) in cluster.servers().iter().enumerate() {
            set(server, "cluster-node-timeout", &DEAD_AFTER.to_string());
            set(server, "cluster-announce-ip", "127.0.0.1");
            set(server, "cluster-announce-port", &announced[node].address().port().to_string());
            set(server, "cluster-announce-bus-port", &buses[node].address().port().to_string());
            rewrite(server);
        }
        until("all nodes know what the others announce", || {
            let known = |server: &Server| server.try_command::<String>(&["CLUSTER", "NODES"]);
            let knows_all = |nodes: String| announced.iter().all(|proxy| nodes.contains(&format!(":{}@", proxy.address().port())));
            cluster.servers().iter().map(known).all(|nodes| nodes.is_ok_and(knows_all))
        });
        Some(Self { topology: Topology::Cluster, redis: Vec::new(), cluster: Some(cluster), sentinels: Vec::new(), announced, bus: buses })
    }

    /// The servers, dead or alive.
    pub(crate) fn redis(&self) -> &[Server] {
        self.cluster.as_ref().map_or(&self.redis, Cluster::servers)
    }

    /// The realm's primary, by its place; waits until there is one.
    pub(crate) fn primary(&self) -> usize {
        if let Some(cluster) = &self.cluster {
            let master = cluster.master_of(REALM).address();
            return cluster.servers().iter().position(|server| server.address() == master).expect("it is one of them");
        }
        let mut primary = None;
        until("there is a primary", || {
            primary = (0..self.redis.len()).find(|server| self.is_named(*server) && says(&self.redis[*server], "role:master"));
            primary.is_some()
        });
        primary.expect("that was waited for")
    }

    /// Whether all Sentinels call it the primary.
    fn is_named(&self, server: usize) -> bool {
        self.sentinels.iter().all(|sentinel| {
            let named = sentinel.try_command::<(String, u16)>(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]);
            named.is_ok_and(|(_, port)| port == self.announced[server].address().port())
        })
    }

    /// A replica of the realm's primary that could take its place.
    pub(crate) fn replica(&self) -> usize {
        let of = format!("master_port:{}\r", self.announced[self.primary()].address().port());
        let mut replica = None;
        until("the primary has a replica", || {
            let follows = |server: &&Server| says(server, &of) && says(server, "master_link_status:up");
            replica = self.redis().iter().position(|server| follows(&server));
            replica.is_some()
        });
        replica.expect("that was waited for")
    }

    pub(crate) fn has_sentinels(&self) -> bool {
        !self.sentinels.is_empty()
    }

    /// Has the replica take the primary's place by an order, and answers when a server obeys.
    pub(crate) fn fail_over(&self, order: &[&str]) {
        let server = if self.topology == Topology::Sentinel { &self.sentinels[0] } else { &self.redis()[self.replica()] };
        until("the order is taken", || server.try_command::<()>(order).is_ok());
    }

    /// Cuts a server off from all other servers and Sentinels, both ways.
    pub(crate) fn isolate(&self, server: usize) {
        self.announced[server].black_hole();
        for (node, bus) in self.bus.iter().enumerate() {
            if node == server { bus.black_hole() } else { bus.shun(source_of(server)) }
        }
    }

    /// Ends that. Connections that were cut begin anew.
    pub(crate) fn heal(&self) {
        for proxy in self.announced.iter().chain(&self.bus) {
            proxy.pass();
            proxy.reset_all();
        }
    }

    /// Waits until the primary's replica has all that it has: until then WAIT confirms nothing.
    pub(crate) fn settle(&self) {
        if self.topology != Topology::Alone {
            self.replica();
        }
    }
}

/// What a fail-over is ordered with.
pub(crate) const SENTINEL_FAILOVER: &[&str] = &["SENTINEL", "FAILOVER", NAME];

fn source_of(node: usize) -> IpAddr {
    let last = u8::try_from(node).expect("there are few") + 10;
    Ipv4Addr::new(127, 0, 0, last).into()
}

/// Gives an order that may be given again: a busy machine may answer late.
fn order(server: &Server, words: &[&str]) {
    until("an order is taken", || server.try_command::<String>(words).is_ok());
}

fn set(server: &Server, name: &str, value: &str) {
    order(server, &["CONFIG", "SET", name, value]);
}

fn rewrite(server: &Server) {
    order(server, &["CONFIG", "REWRITE"]);
}

fn says(server: &Server, words: &str) -> bool {
    server.try_command::<String>(&["INFO", "replication"]).is_ok_and(|info| info.contains(words))
}
