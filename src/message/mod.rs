//! The shared words of HTTP: bodies, calls to what the gateway answers itself, replies, refusals,
//! and which header fields may travel.

pub mod body;
pub mod credential;
pub mod endpoint;
pub mod fields;
pub mod header;
pub mod refused;
pub mod reply;

pub use body::Body;
pub use credential::Credential;
pub use endpoint::{Call, Endpoint, Handler, Need, Note, Peer, RequestId};
pub use fields::{BadInput, Fields, Takes};
pub use refused::{Lacking, Refused, Shape};
