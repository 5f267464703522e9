//! For whoever runs the gateway: the log, and whether it lives.

pub mod health;
pub mod log;
