//! The answers that are still on their way, so that taking access back ends them too.

use std::sync::Arc;

use dashmap::DashMap;
use tokio_util::sync::CancellationToken;

use crate::oauth::id::{GrantId, KeyId};

/// All open streams of this process, by grant.
#[derive(Clone, Default)]
pub struct OpenStreams(Arc<DashMap<GrantId, Vec<Open>>>);

/// Those that run under one access token.
struct Open {
    number: u32,
    key: Option<KeyId>,
    count: usize,
    cut: CancellationToken,
}

/// One answer's entry; it leaves the table when dropped.
pub struct OpenStream {
    table: OpenStreams,
    grant: GrantId,
    number: u32,
    cut: CancellationToken,
}

impl OpenStreams {
    /// Enters a stream under issue `number` of a grant, whose token that key signed. To be done before the token is verified, so
    /// that a revocation that comes in between is not missed.
    pub fn enter(&self, grant: GrantId, number: u32, key: Option<KeyId>) -> OpenStream {
        let mut open = self.0.entry(grant).or_default();
        let same = open.iter_mut().find(|open| open.number == number && !open.cut.is_cancelled());
        let cut = match same {
            Some(open) => {
                open.count += 1;
                open.cut.clone()
            }
            None => {
                let cut = CancellationToken::new();
                open.push(Open { number, key, count: 1, cut: cut.clone() });
                cut
            }
        };
        OpenStream { table: self.clone(), grant, number, cut }
    }

    /// Ends every stream of a grant, or those of one of its access tokens.
    pub fn cut(&self, grant: GrantId, number: Option<u32>) {
        if let Some(open) = self.0.get(&grant) {
            open.iter().filter(|open| number.is_none_or(|number| open.number == number)).for_each(|open| open.cut.cancel());
        }
    }

    /// Ends every stream under a token that this key signed.
    pub fn cut_signed(&self, key: KeyId) {
        for open in self.0.iter() {
            open.iter().filter(|open| open.key == Some(key)).for_each(|open| open.cut.cancel());
        }
    }
}

impl OpenStream {
    /// The grant that it runs under.
    pub const fn grant(&self) -> GrantId {
        self.grant
    }

    /// Completes when the stream's access is taken back.
    pub const fn cut(&self) -> &CancellationToken {
        &self.cut
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        if let Some(mut open) = self.table.0.get_mut(&self.grant) {
            let is_cut = self.cut.is_cancelled();
            if let Some(at) = open.iter().position(|open| open.number == self.number && open.cut.is_cancelled() == is_cut) {
                open[at].count -= 1;
                if open[at].count == 0 {
                    open.swap_remove(at);
                }
            }
        }
        self.table.0.remove_if(&self.grant, |_, open| open.is_empty());
    }
}
