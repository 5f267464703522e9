//! One fault after the other, while nobody stops calling, and what came of each.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::{
    callers,
    fault::{Chance, Fault},
    history::Verdict,
    ledger::Attempt,
    revokers,
    setup::{GATEWAYS, REVOKERS, Setup},
    stand::Stand,
};

/// So many callers at each replica, and so many who hold streams.
const CALLERS: usize = 3;
const WATCHERS: usize = 2;
/// So long everything is well before a fault.
const BEFORE: Duration = Duration::from_millis(500);
/// And after it, for what comes late.
const AFTER: Duration = Duration::from_millis(1500);
/// So long a replica may take to serve again.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of one fault.
pub(crate) struct Round {
    pub(crate) fault: Fault,
    /// What was random about it.
    pub(crate) chance: String,
    pub(crate) calls: usize,
    /// How many attempts to take back succeeded.
    pub(crate) revokes: usize,
    /// How long they took, but for those at a gateway that the fault befell, unless it befell all.
    pub(crate) took: Vec<Duration>,
    pub(crate) failed: usize,
    /// Answers to an attempt that were neither success nor 503.
    pub(crate) refused: Vec<u16>,
    pub(crate) verdict: Verdict,
    /// What part of the calls with live tokens each replica admitted during the fault.
    pub(crate) admitted: Vec<Option<f64>>,
    /// How long after the fault the last replica admitted somebody again; `None`: not at all.
    pub(crate) again: Option<Duration>,
}

impl Round {
    /// Whether nothing happened that must not.
    pub(crate) fn is_good(&self) -> bool {
        self.verdict == Verdict::default() && self.again.is_some()
    }
}

/// Callers and revokers, until this is dropped.
pub(crate) struct Run {
    _tasks: Vec<AbortOnDropHandle<()>>,
    stand: Arc<Stand>,
    is_brief: bool,
}

impl Run {
    /// Answers when every replica serves; `None`, and a note, where Redis is not installed.
    pub(crate) async fn start(setup: &Setup) -> io::Result<Option<Self>> {
        let Some(stand) = Stand::start(setup).await? else { return Ok(None) };
        let mut tasks = Vec::new();
        for replica in 0..GATEWAYS {
            tasks.extend((0..CALLERS).map(|_| spawn(callers::call(Arc::clone(&stand), replica))));
            tasks.extend((0..WATCHERS).map(|_| spawn(callers::stream(Arc::clone(&stand), replica))));
        }
        tasks.extend((0..REVOKERS).map(|revoker| spawn(revokers::revoke(Arc::clone(&stand), revoker))));
        let run = Self { _tasks: tasks, stand, is_brief: setup.is_brief };
        assert!(run.serves_again(Instant::now()).await, "it does not serve at the beginning");
        Ok(Some(run))
    }

    /// One fault.
    pub(crate) async fn round(&self, fault: Fault, random: &mut rand::rngs::StdRng) -> Round {
        let chance = Chance::draw(random, self.is_brief);
        sleep(BEFORE).await;
        let from = Instant::now();
        let befallen = self.stand.befall(fault, &chance).await;
        let to = Instant::now();
        let serves = self.serves_again(to).await;
        for replica in &befallen {
            self.stand.ledger.was_sick(*replica, from, Instant::now());
        }
        sleep(AFTER).await;
        let (history, attempts) = self.stand.ledger.take();
        let times = (0..GATEWAYS).map(|replica| history.serves_again(replica, to));
        let again = times.collect::<Option<Vec<_>>>().and_then(|times| times.into_iter().max()).filter(|_| serves);
        let mut round = Round {
            fault,
            chance: chance.said(),
            calls: history.calls.len(),
            revokes: 0,
            took: Vec::new(),
            failed: 0,
            refused: Vec::new(),
            verdict: history.judge(),
            admitted: (0..GATEWAYS).map(|replica| history.availability(replica, from, to)).collect(),
            again,
        };
        for attempt in attempts {
            match attempt {
                Attempt::Done { at, took } => {
                    round.revokes += 1;
                    let counts = befallen.len() == GATEWAYS || !befallen.contains(&at);
                    round.took.extend(counts.then_some(took));
                }
                Attempt::Failed => round.failed += 1,
                Attempt::Refused(status) => round.refused.push(status),
            }
        }
        round
    }

    /// Waits until every replica has admitted somebody since then.
    async fn serves_again(&self, since: Instant) -> bool {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if self.stand.ledger.admitted_since(since, GATEWAYS).iter().all(|count| *count > 0) {
                return true;
            }
            sleep(Duration::from_millis(20)).await;
        }
        false
    }
}

fn spawn(work: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(work))
}
