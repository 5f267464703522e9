//! The cache of what was read, between threads: a scheduler runs every interleaving of a few, and every value that the memory model
//! allows a load to see. What they share besides the cache is what they do in the gateway: the truth lies in a store; a request reads it
//! and fills it in; a revocation changes it, and then takes it out of the cache; afterwards somebody looks.
//!
//! It is the very file that the gateway is built from. Only `sync` is another one, so it cannot hold tests of its own: they would run
//! outside the scheduler.
#![allow(missing_docs, clippy::unwrap_used)]

#[allow(dead_code)] // what the gateway does with it besides
#[path = "../../src/verify/cache.rs"]
mod cache;
mod checks;
mod planted;
mod runs;
mod world;

mod sync {
    pub(crate) use loom::sync::{RwLock, atomic};
}
