//! Whose calls are counted together.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use crate::oauth::id::{GrantId, UserId};

/// Whose calls are counted together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Who {
    /// An address; the /64 of an IPv6 one, since that is what one subscriber has.
    Peer(IpAddr),
    /// Addresses that have to share a counter while there are too many.
    Network(IpNet),
    /// Something that somebody named: [`super::Limits::name`].
    Name([u8; 16]),
    /// All strangers for whom there is no counter.
    Others,
    /// A user.
    User(UserId),
    /// A grant, known by one of its codes.
    Grant(GrantId),
    /// Everybody together.
    All,
    /// A browser in which somebody has signed in.
    Browser([u8; 16]),
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

    /// What tells it from all others, on every replica alike.
    pub fn label(&self) -> Vec<u8> {
        let (kind, value) = match self {
            Self::Peer(ip) => (b'p', ip.to_string().into_bytes()),
            Self::Network(net) => (b'n', net.to_string().into_bytes()),
            Self::Name(name) => (b'm', name.to_vec()),
            Self::Others => (b'o', Vec::new()),
            Self::User(user) => (b'u', user.as_bytes().to_vec()),
            Self::Grant(grant) => (b'g', grant.as_bytes().to_vec()),
            Self::All => (b'a', Vec::new()),
            Self::Browser(browser) => (b'b', browser.to_vec()),
        };
        [vec![kind], value].concat()
    }

    /// Whether there may be any number of them, with no record behind them.
    pub(super) const fn is_stranger(&self) -> bool {
        matches!(self, Self::Peer(_) | Self::Network(_) | Self::Name(_) | Self::Others)
    }

    /// With whom a stranger shares a counter where there is none for him: /24, then /16; of IPv6
    /// /48, then /32, which is what providers get; then all.
    pub(crate) fn coarser(&self) -> Option<Self> {
        let (ip, length) = match self {
            Self::Peer(ip @ IpAddr::V4(_)) => (*ip, 24),
            Self::Peer(ip @ IpAddr::V6(_)) => (*ip, 48),
            Self::Network(net) if net.prefix_len() == 24 => (net.addr(), 16),
            Self::Network(net) if net.prefix_len() == 48 => (net.addr(), 32),
            Self::Network(_) | Self::Name(_) => return Some(Self::Others),
            Self::Others | Self::User(_) | Self::Grant(_) | Self::All | Self::Browser(_) => return None,
        };
        // The lengths fit their addresses.
        Some(IpNet::new(ip, length).map_or(Self::Others, |net| Self::Network(net.trunc())))
    }
}
