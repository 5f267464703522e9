//! Not too often?

use super::{authorize::Permit, reject::Rejection, route::Route};
use crate::{limit::Who, message::Peer};

/// Counts a request against its route's limit: by user, or by address where there is none.
///
/// # Errors
/// 429.
pub fn limit(route: &Route, permit: &Permit<'_>, peer: Peer) -> Result<(), Rejection> {
    let Some(limiter) = &route.limiter else { return Ok(()) };
    let who = permit.subject().map_or_else(|| Who::peer(peer.ip), |subject| Who::User(subject.user));
    limiter.take(who).map_err(|limited| Rejection::too_many(limited.retry_after))
}
