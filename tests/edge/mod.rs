//! The edge towards callers: the slow and the silent, HTTP/2, and those who flood it.

pub(crate) mod frames;

mod fetch;
mod floods;
mod http2;
mod malformed;
mod slow;
mod streams;

use crate::proxy::{
    raw::RawUpstream,
    stand::{Stand, config},
};

/// A gateway before a server that the test serves itself.
struct Edge {
    stand: Stand,
    upstream: RawUpstream,
}

impl Edge {
    /// With these keys in `[connections]`.
    async fn with(connections: &str) -> Self {
        let upstream = RawUpstream::start().await;
        let routes = config(&format!("url = \"http://{}\"", upstream.address), "prefix = \"/v1\"\nscopes = [\"inference\"]");
        let open = "[[routes]]\nprefix = \"/open\"\nauth = \"none\"";
        let stand = Stand::with(&format!("{routes}{open}\n[connections]\n{connections}\n")).await;
        Self { stand, upstream }
    }
}
