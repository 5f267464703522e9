//! `[connections]`: how long callers may take, and how many of them there may be.

use std::time::Duration;

/// How long callers may take, and how many of them there may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connections {
    /// At most so many connections.
    pub max: u32,
    /// At most so many from one address, or one IPv6 /64.
    pub max_per_peer: u32,
    /// How long a request's head may take, and a new connection to its first byte.
    pub head_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// In so much time a body that is waited for brings [`Connections::body_rate`] of it.
    pub body_timeout: Duration,
    /// Bytes a second; 0: any byte will do.
    pub body_rate: u32,
    /// How long a caller may take nothing of an answer.
    pub send_timeout: Duration,
    /// An older connection takes no further request.
    pub max_age: Duration,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            max: 16_000,
            max_per_peer: 4_000,
            head_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(30),
            body_rate: 100,
            send_timeout: Duration::from_secs(30),
            max_age: Duration::from_secs(60 * 60),
        }
    }
}
