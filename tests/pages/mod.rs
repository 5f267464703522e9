//! The pages, as a person's browser shows them.

mod account;
mod apps;
mod authorize;
mod hostile;
mod keyboard;
mod login;
mod looks;
mod together;
mod typed;
mod walk;

/// Answers what is wrong with a page.
const AUDIT: &str = include_str!("audit.js");
