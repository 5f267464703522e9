//! What the suite shares with the tests.

#[path = "../../tests/support/fault.rs"]
pub(crate) mod fault;
#[path = "../../tests/support/http.rs"]
pub(crate) mod http;
#[path = "../../tests/support/redis/mod.rs"]
pub(crate) mod redis;

/// Says that something cannot run here.
pub(crate) fn skipped(why: &str) {
    println!("skipped: {why}");
}
