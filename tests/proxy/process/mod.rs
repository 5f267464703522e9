//! The program itself: its commands, its signals, its exit codes, and what it writes.

mod admin;
mod child;
mod crowds;
mod installation;
mod log;
mod login;
mod quickstart;
mod serve;
mod tunnels;
