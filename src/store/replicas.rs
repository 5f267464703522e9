//! What the replicas of a gateway say to each other through the store that they share, so that what one of them
//! takes back none of them admits any more (docs/revocation.md).
//!
//! A replica *renews*: it says how far it has applied the feed, and hears what came after. From the answer it
//! has a lease. Whoever takes something back hears who was a *member* in the same moment, and waits for each of
//! them: until it has acknowledged that entry, or until no lease of it can be left.

use std::time::Duration;

use super::{Answer, Change, CommitError, Position, feed::FeedEntry};

/// The replicas of a realm, as one of them, or somebody who is none, reaches them.
pub trait Replicas: Send + Sync + 'static {
    /// What this process is called among them: random, so that nobody ever bears the name of another.
    fn name(&self) -> &str;

    /// Says up to where the feed is applied here and for how long known tokens may be served without a lease,
    /// and hears what came after. To be called by one task alone.
    ///
    /// # Errors
    /// [`Unavailable`](super::Unavailable); it may have been said all the same.
    fn renew(&self, applied: Position, serve_known: Duration) -> Answer<'_, Renewal>;

    /// Says that everything up to there is applied here.
    ///
    /// # Errors
    /// [`Unavailable`](super::Unavailable).
    fn acknowledge(&self, applied: Position) -> Answer<'_, ()>;

    /// Is no member any more. To be called once nothing can be admitted here.
    ///
    /// # Errors
    /// [`Unavailable`](super::Unavailable).
    fn leave(&self) -> Answer<'_, ()>;

    /// A commit that takes something back, as [`Store::commit`](super::Store::commit), and durable on as many
    /// servers as are configured. `None`, and nothing is written, where the feed has not the entry that is named.
    ///
    /// # Errors
    /// [`CommitError`]; it may be in the feed and still not be durable.
    fn take_back(&self, changes: Vec<Change>, applied: Option<Position>) -> Answer<'_, Option<Sent>, CommitError>;

    /// How far the members have come now; `None` where the feed has no such entry.
    ///
    /// # Errors
    /// [`Unavailable`](super::Unavailable).
    fn members(&self, of: Position) -> Answer<'_, Option<Vec<Member>>>;

    /// Where the feed ends, and how far all members have come.
    ///
    /// # Errors
    /// [`Unavailable`](super::Unavailable).
    fn now(&self) -> Answer<'_, FeedNow>;

    /// Those of them are no members any more that have not renewed since. Where the feed has no such entry nothing
    /// happens: in another history the numbers of renewals may come again.
    ///
    /// # Errors
    /// [`Unavailable`](super::Unavailable).
    fn remove(&self, of: Position, members: Vec<Member>) -> Answer<'_, ()>;

    /// The connections to the server are given up, and it is looked for anew: it may not be the one any more
    /// that counts.
    fn look_elsewhere(&self, reason: &str);
}

/// The answer to a renewal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Renewal {
    /// What came after.
    pub news: News,
    /// Whether as many servers as are configured have got the renewal. Without that, whoever answered may not
    /// be the one that counts.
    pub confirmed: bool,
}

/// What a replica hears.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// What came after the entry that was named, the oldest first.
    Since {
        /// The entries.
        entries: Vec<FeedEntry>,
        /// Whether there are more.
        more: bool,
    },
    /// The entry that was named is not kept any more. The feed ends here.
    Gap(Position),
    /// There never was such an entry here. The feed ends here.
    OtherHistory(Position),
}

/// A commit that is in the feed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sent {
    /// Its last entry.
    pub at: Position,
    /// Who was a member then.
    pub members: Vec<Member>,
}

/// The feed and who follows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedNow {
    /// The sequence of its last entry; 0 where there is none.
    pub end: u64,
    /// Who follows it.
    pub members: Vec<Member>,
}

/// A replica, as the others see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Which renewal of the realm its last one was.
    pub renewal: u64,
    /// Up to which entry of the feed it has applied.
    pub applied: u64,
    /// For how long it may serve known tokens without a lease.
    pub serve_known: Duration,
}
