//! Servers of each kind do what their tests take for granted.

use crate::support::redis::{Cluster, PASSWORD, Sentinels, Server, USER, until};

fn fill(server: &Server) {
    server.command::<()>(&["SET", "{default}:a", "1"]);
}

fn read(server: &Server) -> Option<String> {
    server.command(&["GET", "{default}:a"])
}

#[test]
fn a_server_that_was_killed_comes_back_on_its_port_with_its_data() {
    let Some(server) = Server::start(&[]) else { return };
    let address = server.address();
    fill(&server);
    server.kill();
    assert!(server.try_command::<()>(&["PING"]).unwrap_err().is_connection_refusal());
    server.restart();
    assert_eq!((server.address(), read(&server).as_deref()), (address, Some("1")));
}

#[test]
fn a_server_restarted_empty_has_lost_its_data() {
    let Some(server) = Server::start(&[]) else { return };
    fill(&server);
    server.restart_empty();
    assert_eq!(read(&server), None);
}

#[test]
fn a_stopped_server_answers_nothing_until_it_goes_on() {
    let Some(server) = Server::start(&[]) else { return };
    server.stop();
    assert!(server.try_command::<()>(&["PING"]).unwrap_err().is_timeout());
    server.go_on();
    assert_eq!(server.command::<String>(&["PING"]), "PONG");
}

#[test]
fn those_who_share_a_server_get_the_same_and_it_ends_with_the_last_of_them() {
    let Some(one) = Server::shared() else { return };
    let other = Server::shared().unwrap();
    fill(&one);
    let address = one.address();
    drop(one);
    assert_eq!((other.address(), read(&other).as_deref()), (address, Some("1")));
}

#[test]
fn a_server_ends_with_the_test_that_started_it() {
    let Some(server) = Server::start(&[]) else { return };
    let address = server.address();
    drop(server);
    assert_eq!(std::net::TcpStream::connect(address).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn a_server_with_a_password_refuses_whoever_does_not_know_it() {
    let Some(server) = Server::with_password(&[]) else { return };
    fill(&server);
    let mut stranger = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    let refused = redis::cmd("GET").arg("{default}:a").query::<()>(&mut stranger).unwrap_err();
    assert_eq!(refused.code(), Some("NOAUTH"));
    redis::cmd("AUTH").arg(PASSWORD).exec(&mut stranger).unwrap();
    assert_eq!(redis::cmd("GET").arg("{default}:a").query::<String>(&mut stranger).unwrap(), "1");
}

#[test]
fn a_secured_server_serves_its_user_and_wants_a_certificate_and_a_login() {
    let Some(server) = Server::secured(&[]) else { return };
    assert_eq!(server.command::<String>(&["ACL", "WHOAMI"]), USER);
    let mut certificates = server.authority().certificates();
    let mut nameless = redis::Client::build_with_tls(server.url(), certificates.clone()).unwrap().get_connection().unwrap();
    assert_eq!(redis::cmd("PING").query::<()>(&mut nameless).unwrap_err().code(), Some("NOAUTH"));
    certificates.client_tls = None;
    let bare = redis::Client::build_with_tls(server.url(), certificates).unwrap();
    let refused = bare.get_connection().and_then(|mut connection| redis::cmd("PING").query::<()>(&mut connection)).unwrap_err();
    assert!(refused.is_io_error() && refused.code().is_none(), "{refused}");
}

#[test]
fn the_sentinels_name_another_primary_when_the_first_dies() {
    let Some(sentinels) = Sentinels::start() else { return };
    let first = sentinels.primary();
    fill(first);
    until("the replica has it", || read(sentinels.other()).is_some());
    sentinels.kill_primary();
    let second = sentinels.primary();
    assert_ne!(second.address(), first.address());
    assert!(sentinels.addresses().into_iter().all(|address| std::net::TcpStream::connect(address).is_ok()));
    assert_eq!(read(second).as_deref(), Some("1"));
    fill(second);
}

#[test]
fn primary_and_replica_change_places_when_the_sentinels_are_told() {
    let Some(sentinels) = Sentinels::start() else { return };
    let first = sentinels.primary();
    sentinels.fail_over();
    assert_ne!(sentinels.primary().address(), first.address());
    fill(sentinels.primary());
    assert_eq!(first.try_command::<()>(&["SET", "a", "1"]).unwrap_err().code(), Some("READONLY"));
}

#[test]
fn a_cluster_survives_the_death_of_a_master() {
    let Some(cluster) = Cluster::start() else { return };
    let first = cluster.master_of("default");
    fill(first);
    let elsewhere = cluster.servers().iter().find(|server| server.address() != first.address()).unwrap();
    assert_eq!(elsewhere.try_command::<()>(&["SET", "{default}:a", "1"]).unwrap_err().code(), Some("MOVED"));
    assert_eq!(first.command::<u32>(&["WAIT", "1", "1000"]), 1);
    cluster.kill_master_of("default");
    let second = cluster.master_of("default");
    assert!(second.address() != first.address() && cluster.addresses().contains(&second.address()));
    until("it serves", || second.try_command::<String>(&["GET", "{default}:a"]).is_ok_and(|value| value == "1"));
}
