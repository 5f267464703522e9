//! A Cluster: three masters, each with a replica.

use std::{
    net::SocketAddr,
    process::{Command, Stdio},
};

use ::redis::RedisResult;

use gatepost::config::store::Servers;

use super::{Server, host, until};

pub(crate) struct Cluster {
    servers: Vec<Server>,
}

impl Cluster {
    /// Answers when every server holds all slots to be served, and every replica follows its master.
    pub(crate) fn start() -> Option<Self> {
        let lines =
            ["cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-node-timeout 2000", "cluster-replica-validity-factor 0"];
        let servers = (0..6).map(|_| Server::start(&lines)).collect::<Option<Vec<_>>>()?;
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create"]).args(servers.iter().map(|server| server.address().to_string()));
        let made = create.args(["--cluster-replicas", "1", "--cluster-yes"]).stdin(Stdio::null()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        let started = Self { servers };
        until("the cluster is whole", || started.servers.iter().all(is_settled));
        Some(started)
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(Server::address).collect()
    }

    pub(crate) fn place(&self) -> Servers {
        Servers::Cluster(self.addresses().into_iter().map(host).collect())
    }

    /// Those that were started, dead or alive.
    pub(crate) fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The server that serves the slot of this hash tag as its master; where that one died, the next one.
    pub(crate) fn master_of(&self, tag: &str) -> &Server {
        let mut master = None;
        until("the slot has a master", || {
            master = self.servers.iter().find(|server| serves(server, tag).unwrap_or(false));
            master.is_some()
        });
        master.unwrap()
    }

    /// Kills it; [`Self::master_of`] waits for the next one.
    pub(crate) fn kill_master_of(&self, tag: &str) {
        self.master_of(tag).kill();
    }
}

/// Whether it knows all six, serves, and follows its master if it has one.
fn is_settled(server: &Server) -> bool {
    let state: String = server.command(&["CLUSTER", "INFO"]);
    let nodes: String = server.command(&["CLUSTER", "NODES"]);
    let replication: String = server.command(&["INFO", "replication"]);
    let follows = replication.contains("role:master") && replication.contains("connected_slaves:1");
    let is_whole = state.contains("cluster_state:ok") && nodes.lines().filter(|line| line.contains("slave ")).count() == 3;
    is_whole && (follows || replication.contains("master_link_status:up"))
}

/// Whether a server is a master to which the slot belongs, and serves it.
fn serves(server: &Server, tag: &str) -> RedisResult<bool> {
    let slot: u16 = server.try_command(&["CLUSTER", "KEYSLOT", &format!("{{{tag}}}")])?;
    let state: String = server.try_command(&["CLUSTER", "INFO"])?;
    let nodes: String = server.try_command(&["CLUSTER", "NODES"])?;
    let own = nodes.lines().find(|line| line.contains("myself,master"));
    // id, address, flags, master, ping, pong, epoch, link, slots.
    let slots = own.into_iter().flat_map(|line| line.split(' ').skip(8)).filter(|range| !range.starts_with('['));
    let mut ranges = slots.map(|range| range.split_once('-').unwrap_or((range, range)));
    let holds = |(from, to): (&str, &str)| (from.parse().unwrap()..=to.parse().unwrap()).contains(&slot);
    Ok(state.contains("cluster_state:ok") && ranges.any(holds))
}
