//! A primary, its replica, and three sentinels that watch them.

use std::net::SocketAddr;

use ::redis::RedisResult;

use gatepost::config::store::Servers;

use super::{Server, host, until};

/// The name under which the sentinels know the primary.
pub(crate) const NAME: &str = "gatepost";

pub(crate) struct Sentinels {
    sentinels: Vec<Server>,
    servers: Vec<Server>,
}

impl Sentinels {
    /// Answers when all sentinels know each other and the replica.
    pub(crate) fn start() -> Option<Self> {
        let first = Server::start(&[])?;
        let second = Server::start(&[&format!("replicaof 127.0.0.1 {}", first.port)])?;
        until("the replica follows", || second.command::<String>(&["INFO", "replication"]).contains("master_link_status:up"));
        let text = format!(
            "bind 127.0.0.1\nsentinel monitor {NAME} 127.0.0.1 {} 2\nsentinel down-after-milliseconds {NAME} 500\nsentinel failover-timeout {NAME} 2000",
            first.port
        );
        let sentinels = (0..3).map(|_| Server::sentinel(&text)).collect::<Option<Vec<_>>>()?;
        let started = Self { sentinels, servers: vec![first, second] };
        until("the sentinels agree", || {
            let knows = |sentinel: &Server| {
                let known: String = sentinel.command(&["INFO", "sentinel"]);
                known.contains("status=ok") && known.contains("slaves=1,sentinels=3")
            };
            started.sentinels.iter().all(knows)
        });
        Some(started)
    }

    /// Where the sentinels listen.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.sentinels.iter().map(Server::address).collect()
    }

    pub(crate) fn place(&self) -> Servers {
        Servers::Sentinel { sentinels: self.addresses().into_iter().map(host).collect(), name: NAME.to_owned() }
    }

    /// The server that all sentinels name and that holds itself to be the primary.
    pub(crate) fn primary(&self) -> &Server {
        let mut primary = None;
        until("there is a primary", || {
            primary = self.named().filter(|server| is_primary(server));
            primary.is_some()
        });
        primary.unwrap()
    }

    /// The server that is not the primary, running or not.
    pub(crate) fn other(&self) -> &Server {
        let primary = self.primary().port;
        self.servers.iter().find(|server| server.port != primary).unwrap()
    }

    /// Has primary and replica change places, and waits until they have. The old primary runs, and refuses writes.
    pub(crate) fn fail_over(&self) {
        let old = self.primary();
        until("a sentinel takes the order", || self.sentinels[0].try_command::<()>(&["SENTINEL", "FAILOVER", NAME]).is_ok());
        until("they change places", || !is_primary(old) && self.primary().port != old.port);
    }

    /// Kills the primary; [`Self::primary`] waits for the next one.
    pub(crate) fn kill_primary(&self) {
        self.primary().kill();
    }

    fn named(&self) -> Option<&Server> {
        let mut ports = self.sentinels.iter().map(|sentinel| {
            let (_, port): (String, u16) = sentinel.command(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]);
            port
        });
        let first = ports.next()?;
        self.servers.iter().find(|server| server.port == first).filter(|_| ports.all(|port| port == first))
    }
}

fn is_primary(server: &Server) -> bool {
    let replication: RedisResult<String> = server.try_command(&["INFO", "replication"]);
    replication.is_ok_and(|replication| replication.contains("role:master"))
}
