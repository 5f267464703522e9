//! What clients send and read, across a socket.

mod login;
