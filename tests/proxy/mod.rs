//! The data plane, across real sockets: who gets through, what arrives, and what comes back.

pub(crate) mod raw;
pub(crate) mod stand;
pub(crate) mod tls;

mod answers;
mod bodies;
mod cors;
mod credentials;
mod discovery;
mod drain;
mod example;
mod failures;
mod last_event;
mod leaving;
mod limits;
mod peers;
mod places;
mod pool;
mod process;
mod request;
mod routing;
mod streaming;
mod suffixes;
mod taking_back;
mod tenants;
mod tunnels;
mod upgrades;
