//! What may happen to a grant: the rules by example, against a model, with many at once, and over
//! a store that fails.

mod delivery;
mod faults;
mod grant;
mod history;
mod keys;
mod lasting;
mod logins;
mod manage;
mod model;
mod polling;
mod typed;
