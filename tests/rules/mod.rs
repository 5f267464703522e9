//! What may happen to a grant: the rules by example, against a model, with many at once, and over
//! a store that fails.

mod faults;
mod grant;
mod history;
mod keys;
mod manage;
mod model;
mod polling;
mod typed;
