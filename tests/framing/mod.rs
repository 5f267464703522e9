//! Bytes in, bytes out: what a caller writes on a socket, and what a server behind the gateway reads
//! on another one. Each table is one gateway and many callers.

mod bench;

mod answers;
mod bodies;
mod credentials;
mod fields;
mod heads;
mod paths;
mod refusals;
mod targets;
