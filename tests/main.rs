//! One binary, so that the tests link once.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod architecture;
mod clients;
mod config;
mod dialects;
mod edge;
mod faults;
mod framing;
mod fuzz;
mod moving;
mod pages;
mod proxy;
mod readme;
mod redis;
mod replicas;
mod rules;
mod secrets;
mod security;
mod store_contract;
mod store_counter;
mod store_durability;
mod store_embedded;
mod strangers;
mod support;
mod wire;
