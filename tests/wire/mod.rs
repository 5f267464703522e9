//! What clients send and read, across a socket.

mod bad_input;
mod bootspring;
mod fruxon;
mod fruxon_races;
pub(crate) mod github;
mod golden;
mod late;
mod login;
mod pages;
mod serble;
mod serechat;
mod serika;
mod standard;
mod standard_races;
pub(crate) mod together;
