//! How revocation holds between replicas: a checker takes every order of every step within small bounds. The protocol keeps its promises
//! (`check.rs`), and each mistake that was planted breaks one (`mistakes.rs`: the table to read first). Change a step of the protocol only
//! together with this model.
//!
//! - R1: no request that arrived after a revoke returned is admitted.
//! - R2: a revoke returns although all other replicas are dead.
//! - R3: nothing is admitted when the lease is over.
//! - lease: a replica that is left alone gets a lease again.
//!
//! Modelled: RENEW with WAIT, the acknowledgement, REQUEST with its load and the fill, REVOKE with its five steps and its repetition; a
//! fail-over in which clients are stuck on the old primary, a restart with older data. Any message may be lost, late, or overtaken; any
//! replica or revoker may stop between two steps, for a while or for good; whatever a request found before it stopped it uses afterwards.
//! That a key is evicted from the cache is as if it had never been filled in.
//!
//! The feed of a data set is never empty once somebody has renewed: the first renewal writes its first entry, with a random id, which is
//! the epoch. So the position of a replica that knows nothing is in nobody's history, like one from a data set that is gone, and both
//! begin with "another history".
//!
//! Not modelled: the margins of 1 %; trimming (the answer "gap" goes the way of "another history": it too needs the confirmation of WAIT
//! before `applied` moves); what is put back after another history; open streams, of which a cancel signal is one more removal;
//! `serve_known`, which is an exception to R1 and R3.
//!
//! To see how a mistake breaks a promise, in about as few steps as can be:
//! `cargo test -p revocation-model --test revocation -- --nocapture a_late_request_joins`.
#![allow(missing_docs, clippy::print_stdout)]

mod bounds;
mod check;
mod mistakes;
mod model;
mod renew;
mod request;
mod revoke;
mod state;
mod world;
