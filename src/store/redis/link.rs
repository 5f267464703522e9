//! A connection to the realm's primary that is always there, or says at once that it is not.
//!
//! ```text
//! run ──► a place ──► the line that stands ──► EVALSHA ──► the answer to this very question
//!            │                │
//!            │                └─ given up: the keeper finds the primary again and connects
//!            └─ none left: refused, and nothing piles up
//! ```

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use redis::{ErrorKind, RedisError, RedisResult, Script, ServerErrorKind, Value, aio::MultiplexedConnection, cmd};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    OpenError,
    connect::Finder,
    keeper,
    line::{Fault, Line},
};
use crate::store::Unavailable;

/// So long a slot that moves, or a script that was forgotten, is left alone before it is asked for again.
const SOON: Duration = Duration::from_millis(20);

/// How much a link may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinkLimits {
    /// How long a call may take, repeats included.
    pub(super) timeout: Duration,
    /// So many calls may be under way, those included that nobody waits for any more.
    pub(super) most_waiting: NonZeroUsize,
}

/// When a script is sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Repeat {
    /// It reads: wherever a connection broke.
    Safe,
    /// It writes: only where it is certain that it was not executed.
    OnlyIfNotDone,
}

/// A kept connection. Calls come from any thread; the connection lives on the runtime of [`Link::open`], and as
/// long as this.
pub(super) struct Link {
    shared: Arc<Shared>,
    _keeper: AbortOnDropHandle<()>,
}

/// What callers and the keeper share.
pub(super) struct Shared {
    /// For the log.
    pub(super) name: &'static str,
    pub(super) limits: LinkLimits,
    places: Arc<Semaphore>,
    state: ArcSwap<State>,
    changed: Notify,
}

/// Whether there is a connection.
pub(super) enum State {
    /// This one.
    Up(Arc<Line>),
    /// It broke, and the first attempt to connect again is under way.
    Connecting,
    /// There is none, for this reason.
    Down(String),
}

impl Link {
    /// Connects, and from then on keeps connected.
    ///
    /// # Errors
    /// [`OpenError`], where the first attempt fails.
    pub(super) async fn open(finder: Arc<Finder>, name: &'static str, limits: LinkLimits) -> Result<Self, OpenError> {
        let connected = finder.connect(keeper::NO_PUSH).await?;
        tracing::info!(link = name, server = %connected.host, "connected to Redis");
        let shared = Arc::new(Shared {
            name,
            limits,
            places: Arc::new(Semaphore::new(limits.most_waiting.get().min(Semaphore::MAX_PERMITS))),
            state: ArcSwap::from_pointee(State::Connecting),
            changed: Notify::new(),
        });
        let keeper = tokio::spawn(keeper::keep(Arc::clone(&shared), finder, connected));
        Ok(Self { shared, _keeper: AbortOnDropHandle::new(keeper) })
    }

    /// Runs a script, which gets a nonce as its first argument and gives it back as the first element of its answer:
    /// an answer to another question is taken for none. Answers with what comes after it.
    ///
    /// # Errors
    /// [`Unavailable`]. A script that writes may have been executed all the same.
    pub(super) async fn run(&self, script: &Script, keys: &[Vec<u8>], args: &[Vec<u8>], repeat: Repeat) -> Result<Vec<Value>, Unavailable> {
        self.run_and_wait(script, keys, args, repeat, 0).await.map(|(answer, _)| answer)
    }

    /// The same, and how many replicas of the server have got what the script wrote: as many as that, or else
    /// those that had after half of the time that a call may take. It is asked on the connection on which the
    /// script ran, since a new one would say that nothing is missing.
    ///
    /// # Errors
    /// As [`Link::run`], also where only this is not known.
    pub(super) async fn run_and_wait(
        &self,
        script: &Script,
        keys: &[Vec<u8>],
        args: &[Vec<u8>],
        repeat: Repeat,
        replicas: u32,
    ) -> Result<(Vec<Value>, u32), Unavailable> {
        let LinkLimits { timeout: limit, most_waiting } = self.shared.limits;
        let place = Arc::clone(&self.shared.places).try_acquire_owned();
        let place = place.map_err(|_none_left| Unavailable::because(format!("{most_waiting} calls to Redis are under way already")))?;
        let nonce: [u8; 8] = rand::random();
        let mut invocation = script.prepare_invoke();
        invocation.key(keys).arg(&nonce[..]).arg(args);
        let mut call = Call { place: Some(place), due: None };
        let answered = async {
            loop {
                let line = self.shared.line().await?;
                let mut connection = line.connection();
                let mut done = false;
                let asked = async {
                    let answer = invocation.invoke_async::<Value>(&mut connection).await?;
                    done = true;
                    let have = if replicas > 0 { wait(&mut connection, replicas, limit / 2).await? } else { 0 };
                    Ok((answer, have))
                };
                let error = match call.on(&line, asked).await {
                    Ok((answer, have)) => {
                        let answer = after_nonce(answer, &nonce).ok_or_else(|| self.mixed_up(&line))?;
                        return Ok((answer, have));
                    }
                    Err(error) => error,
                };
                match Verdict::on(&error) {
                    Verdict::NotPrimary | Verdict::Soon if done => {
                        line.give_up(Fault::NotPrimary(error.to_string()));
                        return Err(Unavailable::because(format!("whether its replicas have it, Redis does not say: {error}")));
                    }
                    Verdict::NotPrimary => line.give_up(Fault::NotPrimary(error.to_string())),
                    Verdict::Soon => sleep(SOON).await,
                    Verdict::Final => return Err(Unavailable::because(format!("Redis refused: {error}"))),
                    Verdict::Broken => {
                        line.give_up(Fault::Broken(error.to_string()));
                        if repeat == Repeat::OnlyIfNotDone {
                            return Err(Unavailable::because(format!("the connection to Redis broke: {error}")));
                        }
                    }
                }
            }
        };
        match timeout(limit, answered).await {
            Ok(answer) => answer,
            Err(_elapsed) => {
                call.timed_out(limit);
                Err(Unavailable::because(format!("Redis did not answer within {limit:?}")))
            }
        }
    }

    /// The connection that stands is given up, and the primary is looked for anew.
    pub(super) fn look_elsewhere(&self, reason: &str) {
        if let State::Up(line) = &**self.shared.state.load() {
            line.give_up(Fault::NotPrimary(reason.to_owned()));
        }
    }

    fn mixed_up(&self, line: &Line) -> Unavailable {
        let fault = "an answer did not belong to the question";
        tracing::error!(link = self.shared.name, server = %line.host, "an answer from Redis did not belong to the question; connecting anew");
        line.give_up(Fault::Broken(fault.to_owned()));
        Unavailable::because(fault)
    }
}

impl Shared {
    /// Tells everybody.
    pub(super) fn set(&self, state: State) {
        self.state.store(Arc::new(state));
        self.changed.notify_waiters();
    }

    /// The line that stands, or will in a moment.
    async fn line(&self) -> Result<Arc<Line>, Unavailable> {
        loop {
            let changed = self.changed.notified();
            match &**self.state.load() {
                State::Up(line) if !line.is_given_up() => return Ok(Arc::clone(line)),
                State::Down(reason) => return Err(Unavailable::because(format!("there is no connection to Redis: {reason}"))),
                State::Up(_) | State::Connecting => {}
            }
            changed.await;
        }
    }
}

/// A call that is under way.
struct Call {
    place: Option<OwnedSemaphorePermit>,
    /// Where an answer is due, and what had been heard there when the question was sent.
    due: Option<(Arc<Line>, u64)>,
}

impl Call {
    async fn on<T>(&mut self, line: &Arc<Line>, question: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        self.due = Some((Arc::clone(line), line.heard.so_far()));
        let answer = question.await;
        self.due = None;
        answer
    }

    /// A slow server answers others in the meantime; a dead one does not.
    fn timed_out(&self, limit: Duration) {
        if let Some((line, heard)) = &self.due
            && line.heard.so_far() == *heard
        {
            line.give_up(Fault::Silent(limit));
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let (Some(place), Some((line, _))) = (self.place.take(), &self.due) {
            line.leave(place);
        }
    }
}

/// What an error means for the call and for the connection.
enum Verdict {
    /// It was not executed, and this is not the server to ask.
    NotPrimary,
    /// It was not executed; the same server may do it in a moment.
    Soon,
    /// The server answered, and would answer the same again.
    Final,
    /// No answer will come. It may have been executed.
    Broken,
}

impl Verdict {
    fn on(error: &RedisError) -> Self {
        use ServerErrorKind::{Ask, BusyLoading, ClusterDown, MasterDown, Moved, NoScript, ReadOnly, TryAgain};
        match error.kind() {
            ErrorKind::Server(Moved | ReadOnly | ClusterDown | MasterDown | BusyLoading) => Self::NotPrimary,
            ErrorKind::Server(Ask | TryAgain | NoScript) => Self::Soon,
            // Redis 6.2 wraps what a script's command was answered.
            ErrorKind::Server(_) if error.detail().is_some_and(|detail| detail.contains("-READONLY ")) => Self::NotPrimary,
            ErrorKind::Server(_) => Self::Final,
            ErrorKind::Extension if matches!(error.code(), Some("NOAUTH" | "UNBLOCKED")) => Self::NotPrimary,
            ErrorKind::Extension => Self::Final,
            _ => Self::Broken,
        }
    }
}

/// How many replicas have got what was written on this connection.
async fn wait(connection: &mut MultiplexedConnection, replicas: u32, within: Duration) -> RedisResult<u32> {
    // 0 would be without end.
    let within = within.as_millis().max(1);
    cmd("WAIT").arg(replicas).arg(u64::try_from(within).unwrap_or(u64::MAX)).query_async(connection).await
}

fn after_nonce(answer: Value, nonce: &[u8]) -> Option<Vec<Value>> {
    let Value::Array(mut values) = answer else { return None };
    if !matches!(values.first(), Some(Value::BulkString(first)) if first == nonce) {
        return None;
    }
    values.remove(0);
    Some(values)
}
