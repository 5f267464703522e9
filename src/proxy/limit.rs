//! Not too often?

use super::{
    authorize::Permit,
    reject::Rejection,
    route::{Route, Target},
};
use crate::{
    limit::{Action, Limits, Who},
    message::Peer,
    oauth::subject::Subject,
};

/// Counts a request against its route's limit and against that of all forwarded ones: by user, or
/// by address where there is none. What the gateway answers itself has limits of its own.
///
/// # Errors
/// 429.
pub fn limit(limits: &Limits, route: &Route, target: &Target, permit: &Permit<'_>, peer: Peer) -> Result<(), Rejection> {
    if matches!(target, Target::Local(_)) {
        return Ok(());
    }
    let who = match permit.subject() {
        Some(Subject { user: Some(user), .. }) => Who::User(user.id),
        // A client that asked for itself.
        Some(subject) => Who::Grant(subject.grant),
        None => Who::peer(peer.ip),
    };
    let of_route = route.limiter.as_ref().map_or(Ok(()), |limiter| limiter.take(who));
    let taken = of_route.and_then(|()| limits.take_here(Action::Forward, who));
    taken.map_err(|limited| Rejection::too_many(limited.retry_after))
}
