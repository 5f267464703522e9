//! The connections of a replica to a server in memory: a test holds them up, bends and cuts them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::watch;

use super::node::Node;
use crate::store::{
    Answer, Change, CommitError, Cursor, FeedNow, Key, List, Loaded, Member, Notice, Notices, Page, Position, ReadError, Record, Renewal,
    Replicas, Sent, Soft, SoftKey, Store, Swept, Unavailable, Whole, memory::Memory,
};

/// Holds up answers.
struct Gate(watch::Sender<bool>);

impl Gate {
    fn open() -> Self {
        Self(watch::Sender::new(false))
    }

    async fn pass(&self) {
        drop(self.0.subscribe().wait_for(|is_held| !is_held).await.unwrap());
    }
}

/// A replica's connections.
#[derive(Clone)]
pub(super) struct Site(Arc<Connections>);

struct Connections {
    name: String,
    /// Where renewals lead, commits and all that is asked of members; and where reads do.
    renewals: Mutex<Arc<Node>>,
    reads: Mutex<Arc<Node>>,
    is_away: AtomicBool,
    held_renewals: Gate,
    held_reads: Gate,
    acknowledges: AtomicBool,
    reads_so_far: AtomicUsize,
    looks_elsewhere: AtomicUsize,
    /// Tells notices to everybody.
    board: Arc<Memory>,
}

impl Site {
    pub(super) fn at(name: &str, node: &Arc<Node>, board: &Arc<Memory>) -> Self {
        Self(Arc::new(Connections {
            name: name.to_owned(),
            renewals: Mutex::new(Arc::clone(node)),
            reads: Mutex::new(Arc::clone(node)),
            is_away: AtomicBool::new(false),
            held_renewals: Gate::open(),
            held_reads: Gate::open(),
            acknowledges: AtomicBool::new(true),
            reads_so_far: AtomicUsize::new(0),
            looks_elsewhere: AtomicUsize::new(0),
            board: Arc::clone(board),
        }))
    }

    /// From now on it is another server that answers renewals.
    pub(super) fn renew_at(&self, node: &Arc<Node>) {
        *self.0.renewals.lock().unwrap() = Arc::clone(node);
    }

    /// The same of reads.
    pub(super) fn read_at(&self, node: &Arc<Node>) {
        *self.0.reads.lock().unwrap() = Arc::clone(node);
    }

    /// Nothing can be asked.
    pub(super) fn cut_off(&self, is_away: bool) {
        self.0.is_away.store(is_away, Ordering::Relaxed);
    }

    /// What is asked is done, and the answers wait.
    pub(super) fn hold_renewals(&self, is_held: bool) {
        self.0.held_renewals.0.send_replace(is_held);
    }

    pub(super) fn hold_reads(&self, is_held: bool) {
        self.0.held_reads.0.send_replace(is_held);
    }

    /// Whether acknowledgements come through.
    pub(super) fn lets_acknowledge(&self, acknowledges: bool) {
        self.0.acknowledges.store(acknowledges, Ordering::Relaxed);
    }

    /// How many grants were read.
    pub(super) fn reads(&self) -> usize {
        self.0.reads_so_far.load(Ordering::Relaxed)
    }

    pub(super) fn looks_elsewhere(&self) -> usize {
        self.0.looks_elsewhere.load(Ordering::Relaxed)
    }

    fn node(&self, which: &Mutex<Arc<Node>>) -> Result<Arc<Node>, Unavailable> {
        if self.0.is_away.load(Ordering::Relaxed) {
            return Err(Unavailable::because("it is cut off"));
        }
        Ok(Arc::clone(&which.lock().unwrap()))
    }

    fn main(&self) -> Result<Arc<Node>, Unavailable> {
        self.node(&self.0.renewals)
    }

    fn records(&self) -> Result<Arc<Node>, Unavailable> {
        self.node(&self.0.reads)
    }
}

impl Replicas for Site {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn renew(&self, applied: Position, serve_known: Duration) -> Answer<'_, Renewal> {
        Box::pin(async move {
            let renewal = self.main()?.state().renew(&self.0.name, applied, serve_known);
            self.0.held_renewals.pass().await;
            Ok(renewal)
        })
    }

    fn acknowledge(&self, applied: Position) -> Answer<'_, ()> {
        Box::pin(async move {
            if !self.0.acknowledges.load(Ordering::Relaxed) {
                return Err(Unavailable::because("acknowledgements are lost"));
            }
            let node = self.main()?;
            {
                let mut state = node.state();
                let is_here = state.has(applied);
                if let Some(member) = state.members.get_mut(&self.0.name).filter(|_| is_here) {
                    member.applied = member.applied.max(applied.sequence);
                }
            }
            self.0.board.commit(vec![Change::Tell(Notice::Heard)]).await.map_err(Unavailable::because)
        })
    }

    fn leave(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.main()?.state().members.remove(&self.0.name);
            Ok(())
        })
    }

    fn take_back(&self, changes: Vec<Change>, applied: Option<Position>) -> Answer<'_, Option<Sent>, CommitError> {
        Box::pin(async move {
            let node = self.main()?;
            let is_here = applied.is_none_or(|applied| node.state().has(applied));
            if is_here { node.write(changes).await.map(Some) } else { Ok(None) }
        })
    }

    fn now(&self) -> Answer<'_, FeedNow> {
        Box::pin(async { Err(Unavailable::because("nobody asks for it here")) })
    }

    fn members(&self, of: Position) -> Answer<'_, Option<Vec<Member>>> {
        Box::pin(async move {
            let node = self.main()?;
            let state = node.state();
            Ok(state.has(of).then(|| state.members.values().cloned().collect()))
        })
    }

    fn remove(&self, of: Position, members: Vec<Member>) -> Answer<'_, ()> {
        Box::pin(async move {
            let node = self.main()?;
            let mut state = node.state();
            let is_here = state.has(of);
            for gone in members.into_iter().filter(|_| is_here) {
                if state.members.get(&gone.name).is_some_and(|member| member.renewal == gone.renewal) {
                    state.members.remove(&gone.name);
                }
            }
            Ok(())
        })
    }

    fn look_elsewhere(&self, _: &str) {
        self.0.looks_elsewhere.fetch_add(1, Ordering::Relaxed);
    }
}

impl Store for Site {
    fn load<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Loaded<Record>>> {
        Box::pin(async move { self.records()?.records.load(key).await })
    }

    fn load_whole<'a>(&'a self, key: &'a Key, watch: Option<&'a Key>, applied: Option<Position>) -> Answer<'a, Option<Whole>, ReadError> {
        Box::pin(async move {
            let node = self.records()?;
            self.0.reads_so_far.fetch_add(1, Ordering::Relaxed);
            let is_here = applied.is_none_or(|applied| node.state().has(applied));
            let whole = if is_here { node.records.load_whole(key, watch, None).await } else { Err(ReadError::OtherHistory) };
            self.0.held_reads.pass().await;
            whole
        })
    }

    fn commit(&self, changes: Vec<Change>) -> Answer<'_, (), CommitError> {
        Box::pin(async move { self.main()?.write(changes).await.map(drop) })
    }

    fn members(&self, list: List) -> Answer<'_, Vec<[u8; 16]>> {
        Box::pin(async move { Store::members(&self.records()?.records, list).await })
    }

    fn soft_load(&self, key: SoftKey) -> Answer<'_, Option<Soft>> {
        Box::pin(async move { self.records()?.records.soft_load(key).await })
    }

    fn soft_save(&self, pieces: Vec<(SoftKey, Soft, Timestamp)>) -> Answer<'_, ()> {
        Box::pin(async move { self.records()?.records.soft_save(pieces).await })
    }

    fn sweep(&self) -> Answer<'_, Swept> {
        Box::pin(async { Ok(Swept::default()) })
    }

    fn notices(&self) -> Notices {
        self.0.board.notices()
    }

    fn replicas(&self) -> Option<Arc<dyn Replicas>> {
        Some(Arc::new(self.clone()))
    }

    fn dump(&self, _: Option<Cursor>) -> Answer<'_, Page> {
        Box::pin(async { Err(Unavailable::because("nobody moves it")) })
    }
}
