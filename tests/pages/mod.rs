//! The pages, as a person's browser shows them.

mod looks;
mod walk;
