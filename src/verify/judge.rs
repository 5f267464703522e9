//! What is it worth now? By what is known here while the lease holds, or else by the store.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::sync::SemaphorePermit;

use super::{AccessToken, Denied, Issued, LEASE, OpenStream, Verifier, known::Known, lease::RENEWED_WITHIN};
use crate::{
    config::store::Mode,
    oauth::{client::ClientKey, id::GrantId, subject::Subject},
    store::{FullGrant, ReadError, Unavailable},
};

pub(super) const NO_LEASE: &str = "this replica could not renew its lease in time";

/// On what a request may be let in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Footing {
    /// The lease holds.
    Lease,
    /// It is over, and the route serves tokens that were known before.
    Known,
}

impl Verifier {
    pub(super) async fn judge(
        &self,
        token: &AccessToken,
        stream: Option<&OpenStream>,
        serve_known: Duration,
    ) -> Result<(Arc<Subject>, Issued), Denied> {
        let id = token.grant();
        let mut place = None;
        loop {
            // The clock is read now that the request is here, and only then it is looked what is known.
            let footing = self.footing(serve_known).await?;
            let turn = self.streams.turn();
            let remembered = self.remembered(token, footing).map(|known| {
                let judged = known.judge(token, &self.keyring, self.clock.now());
                (known, judged)
            });
            let (known, judged) = match remembered {
                Some((known, judged @ Ok(_))) => (known, judged),
                Some((known, judged @ Err(Denied::Expired(_)))) if known.is_remembered(self.clock.now()) => (known, judged),
                // Anything else only the record says.
                _ if footing == Footing::Known => return Err(Denied::Unavailable(Unavailable::because(NO_LEASE))),
                _ => {
                    if self.is_strict() || place.is_some() {
                        let known = self.read_known(token).await?;
                        let judged = known.judge(token, &self.keyring, self.clock.now());
                        (known, judged)
                    } else {
                        // Whoever has to wait for his turn looks again then.
                        place = Some(self.lane(id).await);
                        continue;
                    }
                }
            };
            if let Some(stream) = stream {
                stream.belongs_to(known.owner());
                // Whose the stream is, nobody could know before: what was taken back from him in between has
                // not found it.
                if self.streams.turn() != turn {
                    continue;
                }
            }
            // Revoked since the signature was checked.
            if token.key().is_some_and(|kid| !self.signing.load().holds(kid)) {
                return Err(Denied::Unknown);
            }
            return judged;
        }
    }

    /// What a request may be let in on.
    async fn footing(&self, serve_known: Duration) -> Result<Footing, Denied> {
        if self.lease.holds(self.clock.boot_now()) {
            return Ok(Footing::Lease);
        }
        // A lease ends so early that the store must be away, or the machine has slept.
        let may_know = |now| !self.lease.end().is_zero() && now < self.lease.end().saturating_add(serve_known);
        if self.is_cut_off.load(Ordering::Relaxed) && may_know(self.clock.boot_now()) {
            return Ok(Footing::Known);
        }
        if self.lease.renewed(&self.clock, self.patience()).await {
            return Ok(Footing::Lease);
        }
        if may_know(self.clock.boot_now()) { Ok(Footing::Known) } else { Err(Denied::Unavailable(Unavailable::because(NO_LEASE))) }
    }

    fn remembered(&self, token: &AccessToken, footing: Footing) -> Option<Arc<Known>> {
        if self.is_strict() && footing == Footing::Lease {
            return None;
        }
        let known = self.known.get(&token.grant()).filter(|known| known.answers(token))?;
        (footing == Footing::Lease || known.has_seen(token)).then_some(known)
    }

    /// The grant as the store has it, which is known from then on.
    async fn read_known(&self, token: &AccessToken) -> Result<Arc<Known>, Denied> {
        let (id, with_keys) = (token.grant(), token.key().is_some());
        let turn = self.known.turn();
        let full = self.full_grant(id, with_keys).await.map_err(Denied::Unavailable)?.ok_or(Denied::Unknown)?;
        if with_keys && !self.signing.load().is(full.keys) {
            self.look_at_keys_of(full.keys).await.map_err(Denied::Unavailable)?;
        }
        let client = ClientKey::of(&full.grant.record.dialect, &full.grant.record.client);
        let generation = self.clients.generation(client, full.client.as_ref().map(|kept| &kept.record));
        let known = Arc::new(Known::of(full, client, generation, with_keys));
        // What lets nobody in may yet become something else.
        if known.is_upheld() {
            self.known.fill(turn, id, Arc::clone(&known));
        }
        Ok(known)
    }

    /// A place among those who read. Others who want the same grant wait meanwhile, and find it known.
    async fn lane(&self, id: GrantId) -> Option<SemaphorePermit<'_>> {
        let lane = &self.lanes[usize::from(id.as_bytes()[0]) % self.lanes.len()];
        // No lane is ever closed.
        lane.acquire().await.ok()
    }

    /// A grant and all that it rests on, as the server has it that counts: under a lease, and of the history that is
    /// applied here.
    ///
    /// # Errors
    /// [`Unavailable`], also without a lease.
    pub async fn full_grant(&self, id: GrantId, keys: bool) -> Result<Option<FullGrant>, Unavailable> {
        let Some(membership) = self.membership.get() else {
            return self.store.full_grant(id, keys, None).await.map_err(unavailable);
        };
        for _ in 0..2 {
            if !self.lease.holds(self.clock.boot_now()) && !self.lease.renewed(&self.clock, membership.patience).await {
                return Err(Unavailable::because(NO_LEASE));
            }
            match self.store.full_grant(id, keys, Some(self.applied())).await {
                Err(ReadError::OtherHistory) => drop(self.lease.renewed_again(membership.patience).await),
                answered => return answered.map_err(unavailable),
            }
        }
        self.look_elsewhere("it has another history");
        Err(unavailable(ReadError::OtherHistory))
    }

    /// Whoever answers may not be the server any more that counts: it is looked for anew, now and then.
    pub fn look_elsewhere(&self, reason: &str) {
        let now = u64::try_from(self.clock.boot_now().as_millis()).unwrap_or(u64::MAX);
        let last = self.looked_elsewhere.load(Ordering::Relaxed);
        let is_due = last == 0 || now.saturating_sub(last) >= LEASE.as_millis() as u64;
        if is_due
            && self.looked_elsewhere.compare_exchange(last, now.max(1), Ordering::Relaxed, Ordering::Relaxed).is_ok()
            && let Some(replicas) = &self.replicas
        {
            replicas.look_elsewhere(reason);
        }
    }

    fn is_strict(&self) -> bool {
        self.membership.get().is_some_and(|membership| membership.mode == Mode::Strict)
    }

    fn patience(&self) -> Duration {
        self.membership.get().map_or(RENEWED_WITHIN, |membership| membership.patience)
    }
}

pub(super) fn unavailable(error: ReadError) -> Unavailable {
    match error {
        ReadError::Unavailable(unavailable) => unavailable,
        ReadError::OtherHistory => Unavailable::because(error),
    }
}
