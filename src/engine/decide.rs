//! Decide: a signed-in user looks at what is asked for, says yes or no, and may take it back.

use std::net::IpAddr;

use jiff::Timestamp;

use super::{
    Engine, Error, PERSONAL,
    advance::{Advanced, heard},
};
use crate::{
    limit::{Action, Who},
    oauth::{
        client::Client,
        code::UserCode,
        grant::{Approval, Channel, Grant, RevokedBecause, State},
        id::{GrantId, SessionId, UserId},
        refusal::{ErrorCode, Refusal},
        scope::Scopes,
        step::Step,
        tenant::Tenant,
        user::User,
    },
    store::Unavailable,
};

/// What a user says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Yes.
    Approve,
    /// No.
    Deny,
}

/// Who decides.
#[derive(Clone, Copy, Debug)]
pub struct Decider<'a> {
    /// The user.
    pub user: &'a User,
    /// In which browser, where it is one.
    pub session: Option<SessionId>,
}

/// A live grant, as the user's list shows it.
#[derive(Clone, Debug)]
pub struct Application {
    /// The grant.
    pub grant: Grant,
    /// What it may do.
    pub scopes: Scopes,
    /// When the user said yes.
    pub approved: Timestamp,
    /// When it last opened something.
    pub last_used: Option<Timestamp>,
}

const UNKNOWN_CODE: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The code is unknown, expired or decided.");
const UNKNOWN_GRANT: Refusal = Refusal::new(ErrorCode::InvalidGrant, "There is no such grant.");

impl Engine {
    /// The pending grant that a typed code stands for. Unknown, expired and decided codes look the
    /// same, and wrong ones are counted by user and by address, right ones included once there
    /// were too many.
    ///
    /// # Errors
    /// `invalid_grant` for a wrong code; limited after too many.
    pub async fn find_by_user_code(&self, typed: &str, user: UserId, peer: IpAddr) -> Result<Grant, Error> {
        let guess = self.limits.guess_of_all(Action::GuessUserCode, vec![Who::User(user), Who::peer(peer)]).await?;
        let found = self.pending_under(typed).await;
        match found {
            Ok(None) => guess.wrong(),
            Ok(Some(_)) | Err(Unavailable { .. }) => guess.give_back().await,
        }
        found?.ok_or_else(|| UNKNOWN_CODE.into())
    }

    async fn pending_under(&self, typed: &str) -> Result<Option<Grant>, Unavailable> {
        let now = self.clock.now();
        let Some(code) = UserCode::parse(typed) else { return Ok(None) };
        for name in self.keyring.lookups(code.as_bytes()) {
            if let Some(id) = self.store.user_code(name).await?
                && let Some(grant) = self.store.grant(id).await?
                && grant.record.is_pending(now)
            {
                return Ok(Some(grant.record));
            }
        }
        Ok(None)
    }

    /// What a user would give by approving: nobody grants more than he holds.
    pub fn grantable(grant: &Grant, user: &User) -> Scopes {
        grant.requested.narrowed_to(&user.scopes)
    }

    /// Records a user's decision. The first decision stands.
    ///
    /// # Errors
    /// `invalid_grant` where the grant is no longer pending; `access_denied` where the user holds
    /// nothing of what is asked for, or has as many codes open as one may have.
    pub async fn decide(&self, id: GrantId, by: Decider<'_>, decision: Decision) -> Result<Grant, Error> {
        self.decide_in(None, id, by, decision).await
    }

    /// Records a user's decision about a login to this tenant, where there is one (Fruxon). What is asked
    /// for there is given whole or not at all.
    ///
    /// # Errors
    /// As [`Engine::decide`]; `access_denied` also where the user holds too little, or is not in the tenant.
    pub async fn decide_in(&self, tenant: Option<&Tenant>, id: GrantId, by: Decider<'_>, decision: Decision) -> Result<Grant, Error> {
        const TOO_LITTLE: Refusal = Refusal::new(ErrorCode::AccessDenied, "You do not hold all the permissions that are asked for.");
        const NO_TENANT: Refusal = Refusal::new(ErrorCode::AccessDenied, "You are in no tenant in which this could be approved.");
        const NOTHING: Refusal = Refusal::new(ErrorCode::AccessDenied, "You hold none of the permissions that this app asks for.");
        let tenant = tenant.filter(|tenant| tenant.has(&by.user.name));
        let decided = self.advance(id, UNKNOWN_CODE, |grant, standing, now| match (decision, standing.client) {
            (Decision::Deny, _) => grant.deny(now),
            (Decision::Approve, None) => Step::unchanged(Err(UNKNOWN_CODE)),
            (Decision::Approve, Some(client_generation)) => {
                let scopes = Self::grantable(grant, by.user);
                if scopes.is_empty() {
                    return Step::unchanged(Err(NOTHING));
                }
                let is_login = matches!(grant.channel, Channel::Delivered(_));
                if is_login {
                    if tenant.is_none() {
                        return Step::unchanged(Err(NO_TENANT));
                    }
                    if !scopes.cover(&grant.requested) {
                        return Step::unchanged(Err(TOO_LITTLE));
                    }
                }
                let tenant = tenant.filter(|_| is_login).map(|tenant| tenant.slug.as_str().to_owned());
                let Decider { user, session } = by;
                let user_generation = user.generation;
                grant.approve(Approval { user: Some(user.id), user_generation, client_generation, scopes, at: now, session, tenant }, now)
            }
        });
        Ok(decided.await?.0)
    }

    /// The grant, if this user's yes to it stands. A login is over once its device has the key, and then
    /// it is the key's yes that counts.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn approved_by(&self, user: UserId, id: GrantId) -> Result<Option<Grant>, Error> {
        let Some(grant) = self.store.grant(id).await?.map(|grant| grant.record) else { return Ok(None) };
        let is_theirs = |grant: &Grant| grant.approval().is_some_and(|approval| approval.user == Some(user));
        if is_theirs(&grant) || !matches!((&grant.channel, &grant.state), (Channel::Delivered(_), State::Void { .. })) {
            return Ok(Some(grant).filter(is_theirs));
        }
        let is_its_key = |key: &Grant| key.key.is_some() && key.channel == grant.channel && is_theirs(key);
        for id in self.store.grants_of(user).await? {
            let key = self.store.grant(id).await?.map(|key| key.record).filter(is_its_key);
            if key.and_then(|key| Some(key.approval()?.at)).is_some_and(|at| at >= grant.created) {
                return Ok(Some(grant));
            }
        }
        Ok(None)
    }

    /// The apps that a user has let in, the newest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn applications(&self, user: &User) -> Result<Vec<Application>, Error> {
        let mut applications = self.live_grants(user).await?;
        applications.retain(|application| application.grant.dialect != PERSONAL);
        Ok(applications)
    }

    /// Everything that opens something for a user, the newest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn live_grants(&self, user: &User) -> Result<Vec<Application>, Error> {
        let theirs = |approval: &Approval| (approval.user, approval.user_generation) == (Some(user.id), user.generation);
        self.live_among(self.store.grants_of(user.id).await?, theirs).await
    }

    /// Everything that opens something for a client itself, without any user, the newest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn own_grants(&self, client: &Client) -> Result<Vec<Application>, Error> {
        self.live_among(self.store.grants_of_client(client.key()).await?, |approval| approval.user.is_none()).await
    }

    /// Those of the grants that can still be used and were not taken back from their client.
    async fn live_among(&self, ids: Vec<GrantId>, is_meant: impl Fn(&Approval) -> bool) -> Result<Vec<Application>, Error> {
        let now = self.clock.now();
        let mut applications = Vec::new();
        for id in ids {
            let Some(grant) = self.store.grant(id).await?.map(|grant| grant.record) else { continue };
            let Some(approval) = grant.approval().filter(|approval| is_meant(approval) && grant.is_usable(now)) else { continue };
            let client = self.clients.find(&grant.dialect, &grant.client).await?.map(|found| found.client.generation);
            if client != Some(approval.client_generation) {
                continue;
            }
            let (scopes, approved) = (approval.scopes.clone(), approval.at);
            let last_used = self.verifier.last_used(id).await?;
            applications.push(Application { grant, scopes, approved, last_used });
        }
        applications.sort_by_key(|application| std::cmp::Reverse(application.approved));
        Ok(applications)
    }

    /// A user takes back what he gave. From the answer on nothing opens with it.
    ///
    /// # Errors
    /// `invalid_grant` for a grant of somebody else.
    pub async fn revoke_own(&self, id: GrantId, user: UserId) -> Result<(), Error> {
        let Advanced { outcome, taken, .. } = self.revoke_own_unheard(id, user).await?;
        heard(taken).await;
        Ok(outcome?)
    }

    /// The same, but that all replicas know is still to be waited for.
    pub(super) async fn revoke_own_unheard(&self, id: GrantId, user: UserId) -> Result<Advanced<'_, ()>, Error> {
        self.advance_unheard(id, UNKNOWN_GRANT, |grant, _, now| match grant.approval() {
            Some(approval) if approval.user == Some(user) => grant.revoke(RevokedBecause::User, now),
            // Taken back already: a second press of the button is no mistake.
            None if matches!(grant.state, State::Revoked { .. }) => grant.revoke(RevokedBecause::User, now),
            Some(_) | None => Step::unchanged(Err(UNKNOWN_GRANT)),
        })
        .await
    }
}
