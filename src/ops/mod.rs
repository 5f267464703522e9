//! For whoever runs the gateway: administration, the log, and whether it lives.

pub mod admin;
pub mod health;
pub mod log;
