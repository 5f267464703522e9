//! What every store promises (`gatepost::store::Store`), on every store.

mod commits;
pub(crate) mod dumps;
mod earlier;
mod expiry;
mod feed;
mod lists;
mod notices;
mod reading;
mod rights;
pub(crate) mod samples;
mod soft_state;
mod topologies;
mod whole;

use crate::support::stores::Contract;

/// All of it.
fn everything() -> Vec<Contract> {
    [
        commits::all(),
        dumps::all(),
        expiry::all(),
        feed::all(),
        lists::all(),
        notices::all(),
        reading::all(),
        soft_state::all(),
        whole::all(),
    ]
    .concat()
}
