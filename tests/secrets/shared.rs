//! The same where the store is Redis: nothing that it is told, that its log of slow commands holds, or that lies
//! in it opens anything.

use serde_json::Value;

use super::{PLACES, broken_configurations, day, house::House};
use crate::support::redis::{Monitor, Server};

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_redis_or_in_what_it_is_told() {
    // Every command is a slow one.
    let Some(server) = Server::start(&["slowlog-log-slower-than 0", "slowlog-max-len 1000000"]) else { return };
    let monitor = Monitor::of(&server);
    let mut house = House::start(&format!("[store]\nurl = \"redis://{}\"\ntimeout = \"10s\"\n", server.address())).await;
    day(&mut house).await;
    operator(&mut house);
    broken_configurations(&mut house);
    let mut evidence = house.end();

    let told = monitor.since(&server);
    assert!(told.len() > 1000, "{}", told.len());
    told.iter().for_each(|told| evidence.saw("what Redis is told", &told.words));
    let slow: Vec<redis::Value> = server.command(&["SLOWLOG", "GET", "-1"]);
    assert!(slow.len() > 1000, "{}", slow.len());
    slow.iter().for_each(|slow| saw(slow, &mut |bytes| evidence.saw("the log of slow commands", bytes)));
    let keys: Vec<Vec<u8>> = server.command(&["KEYS", "*"]);
    assert!(keys.len() > 20, "{}", keys.len());
    for key in keys {
        evidence.saw("the keys", &key);
        let key = String::from_utf8(key).unwrap();
        let kind: String = server.command(&["TYPE", &key]);
        let value: redis::Value = match kind.as_str() {
            "string" => server.command(&["GET", &key]),
            "zset" => server.command(&["ZRANGE", &key, "0", "-1"]),
            "stream" => server.command(&["XRANGE", &key, "-", "+"]),
            other => panic!("{other}"),
        };
        saw(&value, &mut |bytes| evidence.saw("the store", bytes));
    }
    assert!(evidence.at("the store").windows(10).any(|part| part == b"bootspring"), "grants lie in it");
    let wrong = evidence.wrong(PLACES);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What an operator does, besides.
fn operator(house: &mut House) {
    let command = |house: &mut House, arguments: &[&str]| {
        house.command(&[&["admin"], arguments, &["--json", "--config", "gatepost.toml"]].concat(), &[], &[])
    };
    let said = command(house, &["key", "rotate", "EdDSA"]);
    let answer: Value = said.lines().find_map(|line| serde_json::from_str(line).ok()).unwrap_or_else(|| panic!("{said}"));
    let kid = answer["kid"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned();
    for arguments in [
        &["key", "revoke", &kid][..],
        &["key", "list"],
        &["client", "disable", "service"],
        &["client", "list"],
        &["grant", "list"],
        &["token", "list", "--user", "grace"],
        &["user", "disable", "grace"],
        &["user", "enable", "grace"],
        &["user", "scopes", "grace", "inference"],
        &["user", "revoke", "grace"],
        &["user", "list"],
    ] {
        let said = command(house, arguments);
        assert!(said.starts_with("exit status: 0"), "{arguments:?}: {said}");
    }
}

/// All bytes of an answer.
fn saw(value: &redis::Value, see: &mut impl FnMut(&[u8])) {
    match value {
        redis::Value::BulkString(bytes) => see(bytes),
        redis::Value::SimpleString(text) => see(text.as_bytes()),
        redis::Value::Array(values) => values.iter().for_each(|value| saw(value, see)),
        redis::Value::Int(_) | redis::Value::Nil | redis::Value::Okay => {}
        other => panic!("{other:?}"),
    }
}
