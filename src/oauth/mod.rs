//! The rules: what may happen to a grant, and what proves that somebody may ask for it.
//!
//! Everything here is a pure function of its arguments. There is no I/O, no clock and no chance:
//! the time and random bytes are handed in, so the whole protocol can be tested without a socket.
//! Only key pairs and the nonces that seal them come from the library of cryptography itself.
//!
//! One life serves all dialects: **ask → decide → redeem → use → refresh → revoke**
//! ([`grant::Grant`]). A rule looks at a grant and answers a [`step::Step`]: the grant's next
//! state, what to tell the caller, and what the step takes back from others.

pub mod audience;
pub mod claim;
pub mod client;
pub mod client_metadata;
pub mod code;
pub mod document;
pub mod frame;
pub mod grant;
pub mod guid;
pub mod id;
pub mod jwt;
pub mod pace;
pub mod pattern;
pub mod pkce;
pub mod redirect;
pub mod refusal;
pub mod resource;
pub mod scope;
pub mod secret;
pub mod signing;
pub mod step;
pub mod subject;
pub mod tenant;
pub mod token;
pub mod typed;
pub mod user;
