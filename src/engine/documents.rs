//! Clients that nobody made: the id is the address of a document about the client
//! (draft-ietf-oauth-client-id-metadata-document).
//!
//! Whoever opens an authorization page has a document fetched. What was fetched is kept in memory, a
//! bounded number of them; into the store a client comes with a user's decision, so strangers write
//! nothing there. At the token endpoint the client is what it was at the last decision.

use std::{
    collections::HashMap,
    future::Future,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use url::Url;

use super::{
    Engine, Error,
    apps::{UNUSED_LIFE, listed},
};
use crate::{
    clock::{BootTime, Clock},
    limit::{Action, Limits, Who},
    oauth::{
        client::{Authentication, Client, Origin},
        client_metadata::{ClientMetadata, Described},
        document::DocumentUrl,
        grant::after,
        id::ClientId,
        refusal::{ErrorCode, Refusal},
        scope::Scopes,
    },
    store::{Change, Expect, Found},
};

/// For so long a document is not fetched again.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// For so long it counts where it cannot be fetched again.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);
/// For so long nobody tries again what failed.
const FAILED: Duration = Duration::from_secs(60);
/// So many documents are known at a time: some 10 MB at the worst.
const MAX_KNOWN: usize = 1000;
/// So many are fetched at a time. Which share a place is nobody's to choose.
const PLACES: usize = 64;

/// Why a document was not fetched: for the log. To whoever asked it would tell how things look behind
/// the gateway.
pub type NotFetched = Box<dyn std::error::Error + Send + Sync>;

/// Fetches the document at an address, which anybody may have named.
pub type Fetch = Arc<dyn Fn(Url) -> Pin<Box<dyn Future<Output = Result<Bytes, NotFetched>> + Send>> + Send + Sync>;

/// The documents that are known.
#[derive(Default)]
pub(super) struct Documents(Option<Fetched>);

struct Fetched {
    fetch: Fetch,
    known: Mutex<HashMap<String, Known>>,
    /// Held while a document is fetched: one at a time for one address.
    places: [tokio::sync::Mutex<()>; PLACES],
    hasher: RandomState,
}

/// What is known of one address.
#[derive(Clone)]
struct Known {
    /// What was there when it was fetched last.
    document: Option<(Arc<Described>, BootTime)>,
    /// Why it could not be fetched since then.
    failed: Option<(Refusal, BootTime)>,
}

impl Engine {
    /// The client of this dialect with this id, if it is enabled; one that is described by the document
    /// at its id, too, which may ask for no more than `scopes`.
    ///
    /// # Errors
    /// `invalid_client` where there is no good document; limited by the address of the caller, where
    /// something has to be fetched; [`Error::Unavailable`].
    pub async fn client_or_document(&self, dialect: &str, id: &ClientId, scopes: &Scopes, peer: IpAddr) -> Result<Option<Client>, Error> {
        let (Some(documents), Ok(url)) = (&self.documents.0, DocumentUrl::parse(id.as_str())) else {
            return self.client(dialect, id).await;
        };
        let stored = match self.clients.find(dialect, id).await? {
            Some(found) if found.client.origin != Origin::Document || !found.client.enabled => {
                return Ok(Some(found.client).filter(|client| client.enabled));
            }
            found => found.map(|found| found.client),
        };
        let described = documents.get(&url, &self.limits, &self.clock, peer).await?;
        Ok(Some(self.described(dialect, &url, &described, scopes, stored.as_ref())))
    }

    fn described(&self, dialect: &str, url: &DocumentUrl, described: &Described, cap: &Scopes, stored: Option<&Client>) -> Client {
        let now = self.clock.now();
        // One document serves many servers: where none of its scopes is ours, it says nothing about us.
        let scopes = described.scopes.as_ref().map(|wanted| wanted.narrowed_to(cap)).filter(|scopes| !scopes.is_empty());
        Client {
            id: ClientId::new(url.as_str()),
            dialect: dialect.to_owned(),
            // All that is known for sure, so that nobody goes by another one's name.
            name: url.host().to_owned(),
            description: described.name.as_ref().map(ToString::to_string),
            scopes: scopes.unwrap_or_else(|| cap.clone()),
            redirect_uris: described.redirect_uris.clone(),
            grant_types: described.grant_types.clone(),
            authentication: Authentication::Public,
            format: None,
            resource_server: None,
            owner: None,
            origin: Origin::Document,
            verified: stored.is_some_and(|stored| stored.verified),
            enabled: true,
            // Its id is not new where it was deleted before: what it had then stays taken back.
            generation: stored.map_or_else(|| u64::from(rand::random::<u32>()), |stored| stored.generation),
            created: stored.and_then(|stored| stored.created).or(Some(now)),
            expires: Some(after(now, UNUSED_LIFE)),
        }
    }
}

/// The client that a decision is about, as it is now, and the changes that make a commit rest on that.
/// One that a document describes is written down as the question showed it. `None`: there is no such
/// client any more.
pub(super) fn settled(asked: &Client, found: Option<Found>) -> Option<(Client, Vec<Change>)> {
    let before = match found {
        Some(found) if !found.client.enabled => return None,
        Some(found) if found.client.origin != Origin::Document => return Some((found.client.clone(), vec![found.unchanged()])),
        Some(found) => found,
        None if asked.origin == Origin::Document => Found { client: asked.clone(), expect: Expect::Absent },
        None => return None,
    };
    let Client { generation, created, verified, .. } = before.client;
    let next = Client { generation, created, verified, ..asked.clone() };
    let changes = [before.put(&next)].into_iter().chain(next.expires.into_iter().flat_map(|until| listed(&next, until))).collect();
    Some((next, changes))
}

impl Documents {
    pub(super) fn fetched_by(fetch: Fetch) -> Self {
        let places = std::array::from_fn(|_| tokio::sync::Mutex::new(()));
        Self(Some(Fetched { fetch, known: Mutex::default(), places, hasher: RandomState::new() }))
    }
}

impl Fetched {
    /// What stands at an address, fetched now or not long ago.
    async fn get(&self, url: &DocumentUrl, limits: &Limits, clock: &Clock, peer: IpAddr) -> Result<Arc<Described>, Error> {
        if let Some(answer) = self.known_of(url).and_then(|known| known.answer(clock.boot_now())) {
            return Ok(answer?);
        }
        let place = usize::try_from(self.hasher.hash_one(url) % PLACES as u64).unwrap_or(0);
        let _alone = self.places[place].lock().await;
        // Somebody else may have fetched it meanwhile.
        let known = self.known_of(url);
        if let Some(answer) = known.as_ref().and_then(|known| known.answer(clock.boot_now())) {
            return Ok(answer?);
        }
        let stale = known.and_then(|known| known.document);
        if let Err(limited) = limits.take(Action::FetchDocument, Who::peer(peer)).await {
            return stale.filter(|(_, at)| clock.boot_now() < *at + STALE).map(|(document, _)| document).ok_or(limited.into());
        }
        let fetched = (self.fetch)(url.url().clone()).await;
        let now = clock.boot_now();
        let known = match fetched.map(|json| ClientMetadata::document(url, &json)) {
            Ok(Ok(described)) => Known { document: Some((Arc::new(described), now)), failed: None },
            // Another document is what its author wants; that there is none may be an accident.
            Ok(Err(refusal)) => {
                tracing::info!(client = url.as_str(), error = %refusal, "the document about a client cannot be used");
                Known { document: None, failed: Some((refusal, now)) }
            }
            Err(error) => {
                tracing::info!(client = url.as_str(), %error, "the document about a client could not be fetched");
                Known { document: stale, failed: Some((NOT_FETCHED, now)) }
            }
        };
        self.remember(url, known.clone(), now);
        known.answer(now).unwrap_or(Err(NOT_FETCHED)).map_err(Into::into)
    }

    fn known_of(&self, url: &DocumentUrl) -> Option<Known> {
        self.known().get(url.as_str()).cloned()
    }

    fn remember(&self, url: &DocumentUrl, what: Known, now: BootTime) {
        let mut known = self.known();
        if known.len() >= MAX_KNOWN && !known.contains_key(url.as_str()) {
            known.retain(|_, known| known.is_of_use(now));
            let oldest = known.iter().min_by_key(|(_, known)| known.since()).map(|(url, _)| url.clone());
            if let Some(oldest) = oldest.filter(|_| known.len() >= MAX_KNOWN) {
                known.remove(&oldest);
            }
        }
        known.insert(url.as_str().to_owned(), what);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        // Nothing in this file panics while it holds the lock.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const NOT_FETCHED: Refusal =
    Refusal::new(ErrorCode::InvalidClient, "The document about the app, at its client_id, could not be fetched. Try again in a minute.");

impl Known {
    /// What can be said without fetching anything.
    fn answer(&self, now: BootTime) -> Option<Result<Arc<Described>, Refusal>> {
        let document = |life| self.document.as_ref().filter(|(_, at)| now < *at + life).map(|(document, _)| Ok(Arc::clone(document)));
        let failed = self.failed.as_ref().filter(|(_, at)| now < *at + FAILED);
        document(FRESH).or_else(|| failed.and_then(|(refusal, _)| document(STALE).or_else(|| Some(Err(refusal.clone())))))
    }

    /// Whether anything of it would still be answered.
    fn is_of_use(&self, now: BootTime) -> bool {
        self.document.as_ref().is_some_and(|(_, at)| now < *at + STALE) || self.answer(now).is_some()
    }

    fn since(&self) -> Option<BootTime> {
        self.document.as_ref().map(|(_, at)| *at).into_iter().chain(self.failed.as_ref().map(|(_, at)| *at)).max()
    }
}
