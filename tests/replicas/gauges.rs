//! What an operator sees of the replicas: who has to hear what is taken back, and how each stands.

use rustix::process::Signal;
use serde_json::Value;
use tokio::task::block_in_place;

use super::{House, REPLICAS, formats::log_in};
use crate::{
    support::{
        gateway::{Gateway, forwarding},
        http::{bearing, get, send},
        redis::Server,
        replicas::Replica,
        upstream::Upstream,
    },
    wire::together::credentials::text,
};

/// The samples in Prometheus's text, by their names.
fn samples(answer: &str) -> Vec<(&str, &str)> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    body.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit_once(' ').unwrap()).collect()
}

fn sample(answer: &str, name: &str) -> f64 {
    let found = samples(answer).into_iter().find(|(sample, _)| *sample == name);
    found.unwrap_or_else(|| panic!("no {name} in {answer}")).1.parse().unwrap()
}

const METRICS: &str = "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn each_replica_tells_of_all_and_of_itself() {
    let Some(redis) = Server::start(&[]) else { return };
    let upstream = Upstream::start().await;
    let mut replicas = Vec::new();
    for _ in 0..2 {
        replicas.push(Replica::start(&forwarding(upstream.address), redis.address()).await);
    }
    let told = |replica: usize, arguments: &[&str]| block_in_place(|| replicas[replica].admin(arguments));
    block_in_place(|| replicas[0].add_user());
    let access = text(&log_in(replicas[0].address, replicas[1].address).await, "access_token");
    assert_eq!(send(replicas[1].address, bearing(get("/v1/x"), &access)).await.status, 200);

    let names = [0, 1].map(|replica| {
        let shown = told(replica, &["replica", "show"]);
        assert_eq!((shown["mode"].as_str(), shown["lease"].as_str()), (Some("cached"), Some("holds")), "{shown}");
        assert!(shown["lease_ms"].as_u64().is_some_and(|left| (1..=1980).contains(&left)), "{shown}");
        assert_eq!((&shown["histories_lost"], &shown["waiting"], &shown["insisted"]), (&0.into(), &0.into(), &0.into()), "{shown}");
        text(&shown, "name")
    });
    assert_eq!(told(1, &["replica", "show"])["known_grants"], 1);
    let listed = told(0, &["replica", "list"]);
    for row in listed.as_array().unwrap() {
        assert_eq!(
            (&row["this"], &row["behind"], &row["serve_known"]),
            (&(row["name"] == names[0].as_str()).into(), &0.into(), &Value::Null)
        );
    }
    let of = |listed: &Value| listed.as_array().unwrap().iter().map(|row| text(row, "name")).collect::<Vec<_>>();
    let mut sorted = names.to_vec();
    sorted.sort();
    assert_eq!(of(&listed), sorted);
    assert!(block_in_place(|| replicas[0].says(&["replica", "list"])).starts_with("NAME "));

    let metrics = block_in_place(|| replicas[1].socket(METRICS));
    let lease = sample(&metrics, "gatepost_lease_seconds");
    assert!(lease > 0.0 && lease < 2.0, "{metrics}");
    for (name, expected) in [
        ("gatepost_feed_lag_entries", 0.0),
        ("gatepost_members", 2.0),
        ("gatepost_known_grants", 1.0),
        ("gatepost_store_up", 1.0),
        ("gatepost_streams_cut_total", 0.0),
    ] {
        assert_eq!(sample(&metrics, name), expected, "{name} in {metrics}");
    }
    let info = format!("gatepost_replica_info{{replica=\"{}\",mode=\"cached\"}}", names[1]);
    assert_eq!(sample(&metrics, &info), 1.0);

    // Who stands still stays behind, and the others see it.
    replicas[1].tell(Signal::STOP);
    let grants = told(0, &["grant", "list"]);
    told(0, &["grant", "revoke", grants[0]["id"].as_str().unwrap()]);
    assert_eq!(of(&told(0, &["replica", "list"])), [names[0].clone()], "it was waited out");
    replicas[1].tell(Signal::CONT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_away_is_seen_and_nothing_is_made_up() {
    let Some(redis) = Server::start(&[]) else { return };
    let upstream = Upstream::start().await;
    let replica = Replica::start(&forwarding(upstream.address), redis.address()).await;
    redis.kill();
    let (metrics, shown) = loop {
        let metrics = block_in_place(|| replica.socket(METRICS));
        if sample(&metrics, "gatepost_lease_seconds") == 0.0 {
            break (metrics, block_in_place(|| replica.admin(&["replica", "show"])));
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(sample(&metrics, "gatepost_store_up"), 0.0);
    assert!(sample(&metrics, "gatepost_renewals_failed_total") > 0.0, "{metrics}");
    assert!(!metrics.contains("gatepost_feed_lag_entries"), "{metrics}");
    assert_eq!((&shown["lease"], &shown["lease_ms"]), (&"over".into(), &0.into()), "{shown}");
    let (said, code) = block_in_place(|| replica.refused(&["replica", "list"]));
    assert!(code == 75 && said.contains("\"unavailable\""), "{code}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_lost_its_data_is_counted() {
    let Some(house) = House::start().await else { return };
    house.replicas.redis.restart_empty();
    let _time = house.replicas.let_time_run();
    for replica in 0..REPLICAS {
        loop {
            let shown = house.gateway(replica).admin("replica", "show", &[]).await;
            if shown["histories_lost"] == 1 {
                break;
            }
            assert_eq!(shown["histories_lost"], 0, "{shown}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_alone_needs_no_lease_and_lists_itself() {
    let gateway = Gateway::start().await;
    let shown = gateway.admin("replica", "show", &[]).await;
    let expected = (&"alone".into(), &"none is needed".into(), &Value::Null);
    assert_eq!((&shown["mode"], &shown["lease"], &shown["lease_ms"]), expected);
    let listed = gateway.admin("replica", "list", &[]).await;
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["this"], &listed[0]["behind"]), (1, &true.into(), &0.into()), "{listed}");
}
