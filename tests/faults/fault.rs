//! What can go wrong.

use std::{str::FromStr, time::Duration};

use rand::{RngExt, rngs::StdRng};

use super::{setup::GATEWAYS, topology::Topology};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Fault {
    /// A gateway stands still (SIGSTOP), and goes on.
    GatewayStops,
    /// A gateway is killed, and started again.
    GatewayDies,
    /// Nothing passes between a gateway and Redis, either way.
    BlackHole,
    /// Commands of a gateway reach Redis, and the answers wait.
    HeldAnswers,
    /// A gateway's connections to Redis end, again and again.
    Resets,
    /// A gateway's way to Redis takes long, now more, now less.
    SlowLink,
    /// Subscriptions end, again and again.
    Deaf,
    /// Redis stands still.
    RedisStops,
    /// Redis is killed, and started again with its data.
    RedisDies,
    /// Redis is killed, and started again with nothing.
    RedisForgets,
    /// The clock of one gateway runs fast, that of another slowly, and each is cut off for a time.
    ClockSkew,
    /// The primary hands over to its replica, by order.
    FailOver,
    /// A replica of a Cluster takes over without asking anybody.
    TakeOver,
    /// The primary is killed, and comes back as a replica.
    PrimaryDies,
    /// One gateway alone reaches the old primary, and nothing but it; all others make a new one.
    SplitBrain,
}

impl Fault {
    const ALL: [(Self, &'static str); 15] = [
        (Self::GatewayStops, "gateway-stops"),
        (Self::GatewayDies, "gateway-dies"),
        (Self::BlackHole, "black-hole"),
        (Self::HeldAnswers, "held-answers"),
        (Self::Resets, "resets"),
        (Self::SlowLink, "slow-link"),
        (Self::Deaf, "deaf"),
        (Self::RedisStops, "redis-stops"),
        (Self::RedisDies, "redis-dies"),
        (Self::RedisForgets, "redis-forgets"),
        (Self::ClockSkew, "clock-skew"),
        (Self::FailOver, "fail-over"),
        (Self::TakeOver, "take-over"),
        (Self::PrimaryDies, "primary-dies"),
        (Self::SplitBrain, "split-brain"),
    ];

    /// All that can happen there.
    pub(crate) fn of(topology: Topology) -> Vec<Self> {
        Self::ALL.iter().map(|(fault, _)| *fault).filter(|fault| fault.is_of(topology)).collect()
    }

    pub(crate) fn is_of(self, topology: Topology) -> bool {
        match self {
            // What a primary lost its replicas lose too, and it comes back as anything.
            Self::RedisForgets => topology == Topology::Alone,
            Self::FailOver | Self::PrimaryDies | Self::SplitBrain => topology != Topology::Alone,
            Self::TakeOver => topology == Topology::Cluster,
            _ => true,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(fault, _)| *fault == self).map_or("", |(_, name)| name)
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.map(|(_, name)| name).join(", ");
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(fault, _)| *fault).ok_or_else(|| format!("one of: {known}"))
    }
}

/// What is random about it, drawn before it begins: a seed tells all of it.
pub(crate) struct Chance {
    /// The gateway that it befalls.
    pub(crate) gateway: usize,
    /// Between 0 and 1: where in its range each length lies.
    pub(crate) lengths: [f64; 8],
}

impl Chance {
    pub(crate) fn draw(random: &mut StdRng, is_brief: bool) -> Self {
        let gateway = random.random_range(0..GATEWAYS);
        let lengths = std::array::from_fn(|_| random.random::<f64>());
        Self { gateway, lengths: if is_brief { [0.0; 8] } else { lengths } }
    }

    /// A length in this range, in seconds.
    pub(crate) fn span(&self, from: f64, to: f64) -> Duration {
        Duration::from_secs_f64(from + self.lengths[0] * (to - from))
    }

    /// How long it lasts, so that a table of what was drawn can be read.
    pub(crate) fn said(&self) -> String {
        format!("gateway {}, {:.2}", self.gateway + 1, self.lengths[0])
    }
}
