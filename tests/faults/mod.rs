//! Faults with real processes: three gateways before a real Redis, clients that never stop, and a history of all that
//! was asked and answered. Nothing may be admitted that was sent after its grant was taken back.
//!
//! `examples/faults` goes on for as long as it is told; the tests here are the short form. What a run consists of:
//!
//! | file | what it is |
//! |---|---|
//! | `setup` | how it is configured |
//! | `topology`, `links` | Redis alone, with Sentinels, as a Cluster; everybody's ways to it |
//! | `gateway`, `upstream`, `stand` | what runs |
//! | `client`, `login`, `callers`, `ways`, `revokers` | who asks |
//! | `fault`, `befall`, `skew` | what goes wrong |
//! | `ledger`, `history` | what happened, and what must not have |
//! | `run`, `report` | one fault after the other, and what came of it |

mod befall;
mod callers;
mod client;
pub(crate) mod fault;
mod gateway;
mod history;
mod ledger;
mod links;
mod login;
pub(crate) mod report;
mod revokers;
pub(crate) mod run;
pub(crate) mod setup;
mod skew;
mod stand;
pub(crate) mod topology;
mod upstream;
mod ways;

#[cfg(test)]
mod history_by_hand;
#[cfg(test)]
mod short;
