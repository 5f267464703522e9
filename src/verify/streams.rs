//! The answers that are still on their way, so that taking a grant back ends them too.

use std::sync::Arc;

use dashmap::DashMap;
use tokio_util::sync::CancellationToken;

use crate::oauth::id::GrantId;

/// All open streams of this process, by grant.
#[derive(Clone, Default)]
pub struct OpenStreams(Arc<DashMap<GrantId, Open>>);

#[derive(Default)]
struct Open {
    count: usize,
    cut: CancellationToken,
}

/// One answer's entry; it leaves the table when dropped.
pub struct OpenStream {
    table: OpenStreams,
    grant: GrantId,
    cut: CancellationToken,
}

impl OpenStreams {
    /// Enters a stream. To be done before the token is verified, so that a revocation that comes
    /// in between is not missed.
    pub fn enter(&self, grant: GrantId) -> OpenStream {
        let mut open = self.0.entry(grant).or_default();
        open.count += 1;
        OpenStream { table: self.clone(), grant, cut: open.cut.clone() }
    }

    /// Ends every stream of a grant.
    pub fn cut(&self, grant: GrantId) {
        if let Some(open) = self.0.get(&grant) {
            open.cut.cancel();
        }
    }
}

impl OpenStream {
    /// The grant that it runs under.
    pub const fn grant(&self) -> GrantId {
        self.grant
    }

    /// Completes when the stream's grant is taken back.
    pub const fn cut(&self) -> &CancellationToken {
        &self.cut
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        if let Some(mut open) = self.table.0.get_mut(&self.grant) {
            open.count -= 1;
        }
        self.table.0.remove_if(&self.grant, |_, open| open.count == 0);
    }
}
