//! What clients send and read, across a socket.

mod bad_input;
mod bootspring;
mod golden;
mod login;
mod pages;
mod serechat;
mod serika;
mod standard;
mod standard_races;
mod together;
