//! How the primary is found, and what is said where there is none.

use std::time::Duration;

use redis::PushKind;
use tokio::{
    sync::mpsc::unbounded_channel,
    time::{sleep, timeout},
};

use super::{
    PATIENT,
    between::Pretender,
    count, echo, link, link_to, recovered, redis, refusal,
    server::{Server, host},
};
use crate::{
    config::store::{Login, Redis, Servers},
    store::redis::{connect::Finder, link::Repeat},
};

async fn until(mut is_so: impl FnMut() -> bool) {
    let looked = async {
        while !is_so() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(3 * PATIENT, looked).await.unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_run_is_named() {
    let why = refusal(redis(Servers::One(host(1)))).await;
    assert!(why.starts_with("no connection to Redis: 127.0.0.1:1: ") && why.contains("refused"), "{why}");
}

#[tokio::test]
async fn a_wrong_password_is_said_and_not_told() {
    let server = Server::start(&["--requirepass", "right-password"]);
    let login = |password: &str| Some(Login { user: None, password: password.into() });
    let why = refusal(Redis { login: login("wrong-password"), ..redis(Servers::One(server.host())) }).await;
    assert!(why.contains("WRONGPASS") && !why.contains("wrong-password"), "{why}");
    let why = refusal(redis(Servers::One(server.host()))).await;
    assert!(why.contains("NOAUTH"), "{why}");
    let link = link(Redis { login: login("right-password"), ..redis(Servers::One(server.host())) }).await.unwrap();
    assert_eq!(echo(&link, 7).await.unwrap(), 7);
}

#[tokio::test]
async fn a_user_who_may_not_touch_the_realm_is_refused_at_the_start() {
    let server = Server::start(&[]);
    server.says(&["ACL", "SETUSER", "other", "on", ">secret", "~other:*", "+@all"]);
    let login = Some(Login { user: Some("other".to_owned()), password: "secret".into() });
    let why = refusal(Redis { login, ..redis(Servers::One(server.host())) }).await;
    assert!(why.contains("no permissions to access one of the keys"), "{why}");
}

#[tokio::test]
async fn a_replica_is_refused() {
    let server = Server::start(&["--replicaof", "127.0.0.1 1"]);
    let why = refusal(redis(Servers::One(server.host()))).await;
    assert!(why.contains("this is a replica"), "{why}");
}

#[tokio::test]
async fn an_old_server_is_refused_with_its_version() {
    let old = Pretender::new("6.0.16", Duration::ZERO, |_| Vec::new()).await;
    let why = refusal(redis(Servers::One(old.host.clone()))).await;
    assert!(why.contains("Redis 6.2 or newer is needed, this is 6.0.16"), "{why}");
}

#[tokio::test]
async fn the_server_is_the_one_whose_database_is_named() {
    let server = Server::start(&[]);
    let link = link(Redis { db: 3, ..redis(Servers::One(server.host())) }).await.unwrap();
    count(&link, Repeat::OnlyIfNotDone).await.unwrap();
    assert_eq!(server.says(&["-n", "3", "GET", "gatepost:{default}:n"]).trim(), "1");
}

#[tokio::test]
async fn the_next_seed_is_asked_where_one_does_not_answer() {
    let server = Server::start(&["--cluster-enabled", "yes"]);
    server.says(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    until(|| server.says(&["CLUSTER", "INFO"]).contains("cluster_state:ok")).await;
    let link = link(redis(Servers::Cluster(vec![host(1), server.host()]))).await.unwrap();
    assert_eq!(echo(&link, 7).await.unwrap(), 7);
    let why = refusal(redis(Servers::One(server.host()))).await;
    assert!(why.contains("this is a node of a Redis Cluster, whose URL begins with `redis-cluster://`"), "{why}");
}

#[tokio::test]
async fn the_node_of_a_cluster_that_has_the_realm_is_found_and_followed() {
    let nodes = [Server::start(&["--cluster-enabled", "yes"]), Server::start(&["--cluster-enabled", "yes"])];
    let slot = nodes[0].says(&["CLUSTER", "KEYSLOT", "{default}"]).trim().to_owned();
    nodes[0].says(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    nodes[1].says(&["CLUSTER", "MEET", "127.0.0.1", &nodes[0].port.to_string()]);
    until(|| nodes.iter().all(|node| node.says(&["CLUSTER", "INFO"]).contains("cluster_state:ok\r\ncluster_slots_assigned:16384"))).await;
    let link = link(redis(Servers::Cluster(vec![nodes[1].host()]))).await.unwrap();
    assert_eq!(echo(&link, 7).await.unwrap(), 7);
    let id = nodes[1].says(&["CLUSTER", "MYID"]).trim().to_owned();
    for node in [&nodes[1], &nodes[0]] {
        node.says(&["CLUSTER", "SETSLOT", &slot, "NODE", &id]);
    }
    assert_eq!(count(&link, Repeat::OnlyIfNotDone).await.unwrap(), 1);
    assert_eq!(nodes[1].says(&["GET", "gatepost:{default}:n"]).trim(), "1");
}

#[tokio::test]
async fn nodes_that_point_to_each_other_are_left() {
    let node = Pretender::moving().await;
    let why = refusal(redis(Servers::Cluster(vec![node.host.clone()]))).await;
    assert!(why.contains("the nodes point to each other"), "{why}");
}

#[tokio::test]
async fn a_sentinel_names_the_primary_and_the_next_one_after_a_fail_over() {
    let primary = Server::start(&[]);
    let replica = Server::start(&["--replicaof", &format!("127.0.0.1 {}", primary.port)]);
    let sentinel = Server::sentinel(primary.port);
    let to = |name: &str| redis(Servers::Sentinel { sentinels: vec![host(1), sentinel.host()], name: name.to_owned() });
    let why = refusal(to("theirs")).await;
    assert!(why.contains("this Sentinel knows no primary called `theirs`"), "{why}");
    let why = refusal(redis(Servers::One(sentinel.host()))).await;
    assert!(why.contains("redis+sentinel://"), "{why}");
    sentinel.says(&["SENTINEL", "DEBUG", "INFO-PERIOD", "100", "PING-PERIOD", "100", "PUBLISH-PERIOD", "100"]);
    let link = link(to("ours")).await.unwrap();
    assert_eq!(echo(&link, 7).await.unwrap(), 7);
    until(|| sentinel.says(&["SENTINEL", "FAILOVER", "ours"]).trim() == "OK").await;
    until(|| primary.says(&["ROLE"]).starts_with("slave") && replica.says(&["ROLE"]).starts_with("master")).await;
    // The Sentinel had the old primary end its connections.
    recovered(&link).await;
    assert_eq!(count(&link, Repeat::OnlyIfNotDone).await.unwrap(), 1);
    assert_eq!(replica.says(&["GET", "gatepost:{default}:n"]).trim(), "1");
}

#[tokio::test]
async fn a_subscriber_hears_messages_and_that_the_server_has_gone() {
    let mut server = Server::start(&[]);
    let (push, mut pushed) = unbounded_channel();
    let mut connected = Finder::new(&redis(Servers::One(server.host()))).unwrap().connect(Some(push)).await.unwrap();
    connected.connection.subscribe("news").await.unwrap();
    assert_eq!(pushed.recv().await.unwrap().kind, PushKind::Subscribe);
    server.says(&["PUBLISH", "news", "hello"]);
    assert_eq!(pushed.recv().await.unwrap().kind, PushKind::Message);
    server.kill();
    assert_eq!(pushed.recv().await.unwrap().kind, PushKind::Disconnection);
    connected.driver.await.unwrap();
}

#[tokio::test]
async fn a_primary_that_became_a_replica_is_left_until_it_is_one_again() {
    let server = Server::start(&[]);
    let link = link_to(&server.host(), PATIENT).await;
    server.says(&["REPLICAOF", "127.0.0.1", "1"]);
    let why = count(&link, Repeat::OnlyIfNotDone).await.unwrap_err();
    assert!(why.reason.contains("replica"), "{why}");
    server.says(&["REPLICAOF", "NO", "ONE"]);
    recovered(&link).await;
    assert_eq!(count(&link, Repeat::OnlyIfNotDone).await.unwrap(), 1);
}
