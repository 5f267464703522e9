//! Why the gateway does not start.

use std::{io, net::SocketAddr};

use super::RootsError;
use crate::{
    engine::KeysError,
    net::local::BindError,
    proxy::{tree::Unroutable, upstream},
    store::{OpenError, Unavailable},
    web,
};

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store, which does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The root secrets.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// The store.
    #[error(transparent)]
    Store(#[from] Unavailable),
    /// The signing keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The address.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        cause: io::Error,
    },
    /// The admin socket.
    #[error("the admin socket: {0}")]
    AdminSocket(#[from] BindError),
    /// A thread.
    #[error("a forwarding thread cannot be started: {0}")]
    Thread(io::Error),
    /// TLS towards other servers.
    #[error("TLS towards other servers cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// An upstream's host.
    #[error(transparent)]
    Upstream(#[from] upstream::BadHost),
    /// The routes.
    #[error(transparent)]
    Routes(#[from] Unroutable),
    /// What the pages say.
    #[error(transparent)]
    Messages(#[from] web::BadMessages),
}
