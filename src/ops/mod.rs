//! For whoever runs the gateway: administration, moving between stores, the log, and whether it lives.

pub mod admin;
pub mod health;
pub mod log;
pub mod moving;
