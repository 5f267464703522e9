//! The way to the writer thread: what it is asked, and what it answers.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use tokio::sync::oneshot;

use super::batch::{Outcome, Work};
use crate::store::{Unavailable, local::Local};

/// So many jobs may wait. More than that means that the disk hangs, and whoever comes then is
/// better off with an answer than with a place in the queue.
const LONGEST_QUEUE: usize = 4096;

/// Work, and where its answer goes.
pub(super) struct Job {
    pub(super) work: Work,
    answer: oneshot::Sender<Answered>,
}

impl Job {
    pub(super) fn answer(self, answered: Answered) {
        // An error says that nobody waits for the answer any more.
        let _ = self.answer.send(answered);
    }

    /// Tells what was written, then answers.
    pub(super) fn done(self, outcome: Outcome, local: &Local) {
        if outcome == Outcome::Written {
            local.tell(self.work.tells());
        }
        // As above.
        let _ = self.answer.send(Ok(outcome));
    }
}

/// What the thread answers to a job.
pub(super) type Answered = Result<Outcome, Unavailable>;

/// What lies in the queue.
pub(super) enum Message {
    Do(Job),
    /// See [`Queue::look`].
    Look,
    /// See [`Queue::close`].
    Close,
}

/// The way to the writer thread.
pub(super) struct Queue(SyncSender<Message>);

impl Queue {
    /// An empty queue and the end that the thread holds.
    pub(super) fn new() -> (Self, Receiver<Message>) {
        let (sender, inbox) = sync_channel(LONGEST_QUEUE);
        (Self(sender), inbox)
    }

    /// Queues work. It is done whether or not anybody waits for the answer.
    ///
    /// # Errors
    /// [`Unavailable`] where too much is waiting already, or the store is closed.
    pub(super) fn push(&self, work: Work) -> Result<oneshot::Receiver<Answered>, Unavailable> {
        let (answer, answered) = oneshot::channel();
        match self.0.try_send(Message::Do(Job { work, answer })) {
            Ok(()) => Ok(answered),
            Err(TrySendError::Full(_)) => Err(Unavailable::because("too many commits are waiting for the disk")),
            Err(TrySendError::Disconnected(_)) => Err(closed()),
        }
    }

    /// Has the thread see whether the database still takes commits, and if not open it again:
    /// after a read that failed it does not.
    pub(super) fn look(&self) {
        // A full queue holds a commit that finds out as well, and a closed one nobody reopens.
        let _ = self.0.try_send(Message::Look);
    }

    /// Has the thread end once it has done what is queued. Waits for a place in the queue.
    pub(super) fn close(&self) {
        // An error says that the thread has ended.
        let _ = self.0.send(Message::Close);
    }
}

/// The answer to whoever comes too late.
pub(super) fn closed() -> Unavailable {
    Unavailable::because("the store is closed")
}
