//! A grant as it was read, with all that decides about its tokens.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use super::{AccessToken, Denied, Issued, Owner};
use crate::{
    oauth::{
        client::ClientKey,
        grant::{Grant, NotAdmitted, Standing, State},
        secret::Keyring,
        subject::{Person, Subject},
    },
    store::FullGrant,
};

/// A grant as it was read.
pub(super) struct Known {
    grant: Grant,
    client: ClientKey,
    standing: Standing,
    user: Option<Person>,
    /// Whether the signing keys were seen to be those of the same moment.
    with_keys: bool,
    /// For whom each access token speaks that has been here, by its number.
    subjects: Vec<(u32, OnceLock<Arc<Subject>>)>,
}

impl Known {
    /// What was read, where the client is of that generation now; with the signing keys, or without.
    pub(super) fn of(full: FullGrant, client: ClientKey, generation: Option<u64>, with_keys: bool) -> Self {
        let user = full.user.map(|user| user.record);
        let standing = Standing { user: user.as_ref().filter(|user| user.enabled).map(|user| user.generation), client: generation };
        let grant = full.grant.record;
        let subjects = match &grant.state {
            State::Live { issues, .. } => issues.iter().map(|issue| (issue.number, OnceLock::new())).collect(),
            _ => Vec::new(),
        };
        Self { grant, client, standing, user: user.map(Person::from), with_keys, subjects }
    }

    /// On whom it rests.
    pub(super) fn owner(&self) -> Owner {
        let approval = self.grant.approval();
        Owner {
            user: approval.and_then(|approval| approval.user),
            user_generation: approval.map(|approval| approval.user_generation).unwrap_or_default(),
            client: self.client,
            client_generation: approval.map(|approval| approval.client_generation).unwrap_or_default(),
        }
    }

    /// Whether some token of it opens something, or did.
    pub(super) fn is_upheld(&self) -> bool {
        matches!(&self.grant.state, State::Live { approval, .. } if self.standing.upholds(approval))
    }

    /// Whether it says all that has to be known for such a token. A key may have been revoked before this replica
    /// heard of anything.
    pub(super) fn answers(&self, token: &AccessToken) -> bool {
        self.with_keys || token.key().is_none()
    }

    /// Whether the store remembers it still, for a better error than that nobody knows it.
    pub(super) fn is_remembered(&self, now: Timestamp) -> bool {
        now < self.grant.keep_until()
    }

    /// Whether this very token has been here.
    pub(super) fn has_seen(&self, token: &AccessToken) -> bool {
        self.subjects.iter().any(|(number, subject)| *number == token.number() && subject.get().is_some())
    }

    /// For whom a token speaks now, and which issue it is.
    ///
    /// # Errors
    /// [`Denied`].
    pub(super) fn judge(&self, token: &AccessToken, keyring: &Keyring, now: Timestamp) -> Result<(Arc<Subject>, Issued), Denied> {
        let proof = token.prove(keyring, &self.grant.salt).ok_or(Denied::Unknown)?;
        let (approval, issue) = match self.grant.admit(proof, token.key(), self.standing, now) {
            Ok(admitted) => admitted,
            Err(NotAdmitted::Unknown) => return Err(Denied::Unknown),
            Err(NotAdmitted::Expired) => return Err(Denied::Expired(self.grant.id)),
            Err(NotAdmitted::Revoked) => return Err(Denied::Revoked(self.grant.id)),
        };
        let (_, subject) = self.subjects.iter().find(|(number, _)| *number == issue.number).ok_or(Denied::Unknown)?;
        let subject = subject.get_or_init(|| {
            let grant = &self.grant;
            Arc::new(Subject {
                grant: grant.id,
                number: issue.number,
                dialect: grant.dialect.clone(),
                // Whoever approved is there, or it would not have been admitted.
                user: self.user.clone().filter(|_| approval.user.is_some()),
                client: grant.client.clone(),
                scopes: issue.scopes.clone(),
                audience: issue.audience.clone(),
                tenant: grant.key.as_ref().map(|key| key.tenant.clone()),
            })
        });
        Ok((Arc::clone(subject), Issued { number: issue.number, at: issue.issued, until: issue.access_until }))
    }
}
