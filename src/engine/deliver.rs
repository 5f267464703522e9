//! Redeem, once: a device asks whether it has been let in, and is given its key (Fruxon).
//!
//! 1. Where the device has a key already, the secret of that key is taken back first, as long as the
//!    login is not over. From then on it opens nothing, on this device or elsewhere.
//! 2. Then, in one commit, the key gets its next secret, and the login is over. Whoever polls at the
//!    same time finds one or the other.
//!
//! Whatever breaks off in between, the next poll begins at 1.

use std::{net::IpAddr, time::Duration};

use aws_lc_rs::digest;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::{
    Engine, Error, Style,
    advance::{MAX_TRIES, again, changes, heard},
};
use crate::{
    limit::{Action, Who},
    oauth::{
        client::Client,
        grant::{Approval, Caller, Channel, Grant, Login, State, Terms},
        id::{GrantId, UserId},
        refusal::{ErrorCode, Refusal},
        secret::Salt,
        step::Step,
        token::{self, Kind, Presented},
    },
    store::{Change, CommitError, Expect, Key, Loaded, Record, Unavailable},
};

/// One poll.
pub struct Deliver<'a> {
    /// How the dialect spells it.
    pub style: &'a Style,
    /// The client that asks.
    pub client: &'a Client,
    /// What it shows.
    pub device_code: &'a str,
    /// How long the answer may wait for the decision.
    pub hold: Duration,
    /// From where.
    pub peer: IpAddr,
    /// Ends when the device has hung up.
    pub gone: &'a CancellationToken,
}

/// What a device gets.
#[derive(Debug)]
pub struct Delivered {
    /// The key, as a grant.
    pub grant: GrantId,
    /// The key, as a secret. It is told here and never again.
    pub secret: SecretString,
    /// In which tenant it opens something.
    pub tenant: String,
}

const UNKNOWN: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The device code is unknown.");
const GONE: Refusal = Refusal::new(ErrorCode::TakenBack, "The key was taken back.");
const PENDING: Refusal = Refusal::new(ErrorCode::AuthorizationPending, "The device has hung up.");

impl Engine {
    /// Answers a poll.
    ///
    /// # Errors
    /// `authorization_pending`, `access_denied`, `expired_token`; [`ErrorCode::Consumed`] once the key was
    /// given; `invalid_grant` for an unknown code. Limited where a pending code is asked for much faster
    /// than any client would.
    pub async fn deliver(&self, deliver: Deliver<'_>) -> Result<Delivered, Error> {
        self.limits.take(Action::Redeem, Who::peer(deliver.peer)).await?;
        let code = Presented::read(&self.keyring, Kind::DeviceCode, deliver.device_code).ok_or(UNKNOWN)?;
        let pace = || async { Ok(self.limits.take(Action::PollForKey, Who::Grant(code.grant())).await?) };
        self.once_decided(code.grant(), deliver.hold, deliver.gone, || self.delivered(&code, &deliver), pace).await
    }

    async fn delivered(&self, code: &Presented, deliver: &Deliver<'_>) -> Result<Delivered, Error> {
        let terms = self.terms(deliver.style, deliver.client)?;
        let caller = Caller { dialect: deliver.style.dialect, client: &deliver.client.id };
        let mut superseded = None;
        for _ in 0..MAX_TRIES {
            let Some(full) = self.verifier.full_grant(code.grant(), false).await? else { return Err(UNKNOWN.into()) };
            let (standing, rests_on) = self.standing(&full)?;
            let Loaded { version, record: login } = full.grant;
            let Some(proof) = code.prove(&self.keyring, &login.salt) else { return Err(UNKNOWN.into()) };
            let now = self.clock.now();
            let step = login.deliver(proof, caller, standing, now);
            let approval = step.outcome?;
            let (Some(over), Channel::Delivered(asked), Some(tenant)) = (step.next, &login.channel, &approval.tenant) else {
                return Err(UNKNOWN.into());
            };
            let place = approval.user.and_then(|user| place(deliver.style.dialect, user, tenant, asked));
            let (before, pointer) = match place {
                Some(name) => self.key_at(name).await?,
                None => (None, Expect::Absent),
            };
            // Another login or a rotation may have given it a secret since.
            if let Some(before) = &before
                && superseded != Some((before.record.id, before.record.newest_secret()))
            {
                // Once the login is over, the secret that the key has may be the one it was answered with.
                let still = Change::Compare { key: Key::Grant(login.id), expect: Expect::Version(version) };
                if self.supersede(before, rests_on.into_iter().chain([still])).await? {
                    superseded = Some((before.record.id, before.record.newest_secret()));
                }
                continue;
            }
            let (key, expect) = next_key(before, &login, &approval, &terms, now).ok_or(GONE)?;
            let secret = self.secret_of_key(deliver.style, &key)?;
            if deliver.gone.is_cancelled() {
                return Err(PENDING.into());
            }
            let mut commit = changes(&login, &over, Expect::Version(version), rests_on.into_iter());
            commit.extend(changes(&key, &key, expect, std::iter::empty()));
            commit.extend(place.map(|name| Change::Put {
                key: Key::Device(name),
                expect: pointer,
                record: Record::ToGrant(key.id),
                until: Some(key.keep_until()),
            }));
            match self.store.commit(commit).await {
                Ok(()) => {
                    self.holds.release(login.id);
                    return Ok(Delivered { grant: key.id, secret, tenant: tenant.clone() });
                }
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable(unavailable)) => return Err(unavailable.into()),
            }
        }
        Err(Error::Contended)
    }

    /// Takes back the secret that a key has; `false` where anything has changed since it was read.
    async fn supersede(&self, key: &Loaded<Grant>, besides: impl Iterator<Item = Change>) -> Result<bool, Error> {
        let Step { next, outcome, takes_back } = key.record.supersede();
        outcome?;
        let Some(what) = takes_back else { return Ok(true) };
        let commit = match next {
            Some(next) => {
                let mut commit = changes(&key.record, &next, Expect::Version(key.version), besides);
                commit.push(Change::TakeBack(what));
                commit
            }
            None => again(Key::Grant(key.record.id), Expect::Version(key.version), what),
        };
        match self.verifier.commit(commit).await {
            Ok(taken) => {
                heard(taken).await;
                Ok(true)
            }
            Err(CommitError::Conflict) => Ok(false),
            Err(CommitError::Unavailable(unavailable)) => Err(unavailable.into()),
        }
    }

    /// The key that a yes of this user in this tenant would replace, if the device has one.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn replaces(&self, login: &Grant, user: UserId, tenant: &str) -> Result<Option<Grant>, Error> {
        let Channel::Delivered(asked) = &login.channel else { return Ok(None) };
        let Some(name) = place(&login.dialect, user, tenant, asked) else { return Ok(None) };
        let key = self.key_at(name).await?.0.map(|key| key.record);
        Ok(key.filter(|key| key.is_usable(self.clock.now())))
    }

    /// The live key of that place, and what the commit that puts another there may expect.
    async fn key_at(&self, name: [u8; 16]) -> Result<(Option<Loaded<Grant>>, Expect), Unavailable> {
        let Some(pointer) = self.store.device(name).await? else { return Ok((None, Expect::Absent)) };
        let key = self.store.grant(pointer.record).await?;
        Ok((key.filter(|key| matches!(key.record.state, State::Live { .. })), Expect::Version(pointer.version)))
    }

    /// The newest secret of a key.
    pub(super) fn secret_of_key(&self, style: &Style, key: &Grant) -> Result<SecretString, Error> {
        let State::Live { issues, .. } = &key.state else { return Err(GONE.into()) };
        let newest = issues.last().ok_or(GONE)?;
        let mint = token::mint(&self.keyring, newest.root, style.access, Kind::Access, key.id.as_bytes(), newest.number, &key.salt);
        // Its root was dropped just now.
        mint.ok_or(Error::Contended)
    }
}

/// The key as this login leaves it, and what its commit may expect; `None` where it was taken back.
fn next_key(before: Option<Loaded<Grant>>, login: &Grant, approval: &Approval, terms: &Terms, now: Timestamp) -> Option<(Grant, Expect)> {
    match before {
        Some(Loaded { version, record: key }) => Some((key.replaced(login, approval, terms, now).next?, Expect::Version(version))),
        None => {
            let (id, salt) = (GrantId::from_random(rand::random()), Salt::from_random(rand::random()));
            Some((Grant::key_of(login, approval.clone(), id, salt, terms, now)?, Expect::Absent))
        }
    }
}

/// Where the key of a device lies; `None` where the device has no name.
fn place(dialect: &str, user: UserId, tenant: &str, asked: &Login) -> Option<[u8; 16]> {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [dialect, tenant, &asked.client_type, asked.device.as_deref()?] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    context.update(user.as_bytes());
    let mut name = [0; 16];
    name.copy_from_slice(&context.finish().as_ref()[..16]);
    Some(name)
}
