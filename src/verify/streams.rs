//! The answers that are still on their way, so that taking access back ends them too.

use std::{
    ops::RangeBounds,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use dashmap::DashMap;
use tokio_util::sync::CancellationToken;

use crate::oauth::{
    client::ClientKey,
    id::{GrantId, KeyId, UserId},
};

/// All open streams of this process, by grant.
#[derive(Clone, Default)]
pub struct OpenStreams(Arc<Table>);

#[derive(Default)]
struct Table {
    by_grant: DashMap<GrantId, Vec<Open>>,
    /// Counts how often it was looked for the streams of somebody.
    turn: AtomicU64,
    /// How many were cut since the start.
    cut: AtomicU64,
}

/// Those that run under one access token.
struct Open {
    number: u32,
    key: Option<KeyId>,
    count: usize,
    run: Arc<Run>,
}

#[derive(Default)]
struct Run {
    cut: CancellationToken,
    /// Whether it ends because nobody knows whether its access was taken back.
    is_unknown: AtomicBool,
    owner: OnceLock<Owner>,
}

/// On whom a grant rests. Streams outlive its record, by which they could be found otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owner {
    /// Who approved; nobody, where a client asked for itself.
    pub user: Option<UserId>,
    /// The user's generation then.
    pub user_generation: u64,
    /// The app.
    pub client: ClientKey,
    /// The app's generation then.
    pub client_generation: u64,
}

/// One answer's entry; it leaves the table when dropped.
pub struct OpenStream {
    table: OpenStreams,
    grant: GrantId,
    run: Arc<Run>,
}

impl OpenStreams {
    /// Enters a stream under issue `number` of a grant, whose token was signed with `key`, if it is a
    /// JWT. To be done before it is read what the token is worth, so that a revocation that comes in
    /// between is not missed.
    pub fn enter(&self, grant: GrantId, number: u32, key: Option<KeyId>) -> OpenStream {
        let mut open = self.0.by_grant.entry(grant).or_default();
        let same = open.iter_mut().find(|open| open.number == number && !open.run.cut.is_cancelled());
        let run = match same {
            Some(open) => {
                open.count += 1;
                Arc::clone(&open.run)
            }
            None => {
                let run = Arc::<Run>::default();
                open.push(Open { number, key, count: 1, run: Arc::clone(&run) });
                run
            }
        };
        OpenStream { table: self.clone(), grant, run }
    }

    /// Ends every stream under those access tokens of a grant.
    pub fn cut(&self, grant: GrantId, numbers: impl RangeBounds<u32>) {
        if let Some(open) = self.0.by_grant.get(&grant) {
            open.iter().filter(|open| numbers.contains(&open.number)).for_each(|open| open.run.cut.cancel());
        }
    }

    /// Ends every stream under a token that this key signed.
    pub fn cut_signed(&self, key: KeyId) {
        self.cut_where(|open| open.key == Some(key));
    }

    /// Ends every stream of whom this says so.
    pub fn cut_owned(&self, is_theirs: impl Fn(&Owner) -> bool) {
        // Raised before the table is read: whoever says whose a stream is looks at it afterwards.
        self.0.turn.fetch_add(1, Ordering::SeqCst);
        self.cut_where(|open| open.run.owner.get().is_some_and(&is_theirs));
    }

    /// Ends every stream: what was taken back is not known any more.
    pub fn cut_all(&self) {
        self.0.turn.fetch_add(1, Ordering::SeqCst);
        self.cut_where(|open| {
            open.run.is_unknown.store(true, Ordering::SeqCst);
            true
        });
    }

    /// How many streams were cut since the start.
    pub fn cut_count(&self) -> u64 {
        self.0.cut.load(Ordering::Relaxed)
    }

    /// Changes with each look for the streams of somebody.
    pub fn turn(&self) -> u64 {
        self.0.turn.load(Ordering::SeqCst)
    }

    /// Looks at every stream there is: this is rare, and what is done for each request is not.
    fn cut_where(&self, is_meant: impl Fn(&Open) -> bool) {
        for open in self.0.by_grant.iter() {
            open.iter().filter(|open| is_meant(open)).for_each(|open| open.run.cut.cancel());
        }
    }

    /// How many there are. Looks at all.
    pub fn count(&self) -> usize {
        self.0.by_grant.iter().map(|open| open.iter().map(|open| open.count).sum::<usize>()).sum()
    }
}

impl OpenStream {
    /// The grant that it runs under.
    pub const fn grant(&self) -> GrantId {
        self.grant
    }

    /// Completes when the stream's access is taken back.
    pub fn cut(&self) -> &CancellationToken {
        &self.run.cut
    }

    /// Whether it was cut because nobody knows any more what was taken back. Its access may be as good as ever.
    pub fn is_unknown(&self) -> bool {
        self.run.is_unknown.load(Ordering::SeqCst)
    }

    /// Counts it among those that were cut. To be said once, by whoever ends it.
    pub fn count_cut(&self) {
        self.table.0.cut.fetch_add(1, Ordering::Relaxed);
    }

    /// Says whose it is. To be done before it is read whether they are still there, so that what
    /// stops them in between is not missed.
    pub fn belongs_to(&self, owner: Owner) {
        self.run.owner.get_or_init(|| owner);
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        if let Some(mut open) = self.table.0.by_grant.get_mut(&self.grant)
            && let Some(at) = open.iter().position(|open| Arc::ptr_eq(&open.run, &self.run))
        {
            open[at].count -= 1;
            if open[at].count == 0 {
                open.swap_remove(at);
            }
        }
        self.table.0.by_grant.remove_if(&self.grant, |_, open| open.is_empty());
    }
}
