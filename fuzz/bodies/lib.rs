//! What must hold for any input at all: one function for each target of `cargo fuzz`. The tests
//! feed the same functions from a generator with a seed.

mod message;
mod world;

pub mod configuration;
pub mod credentials;
pub mod dialects;
pub mod headers;
pub mod records;
pub mod targets;
pub mod values;
