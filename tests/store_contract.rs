//! What every store promises (`gatepost::store::Store`), on every store.

mod commits;
mod earlier;
mod expiry;
mod lists;
mod reading;
mod soft_state;
