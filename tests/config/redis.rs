//! What `[store]` means where it is Redis.

use std::{fs, net::Ipv6Addr, time::Duration};

use gatepost::config::{
    Config, Host, Login, Redis, Servers, Store,
    store::{Mode, Promise},
};
use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::support::{SECRET, load, mistakes, repository};

fn text(store: &str) -> String {
    format!("public_url = 'http://localhost'\n[keys]\nroot = 'env:ROOT'\n[store]\n{store}")
}

fn loaded(store: &str) -> Config {
    load(&text(store)).unwrap_or_else(|problems| panic!("\n{problems}")).0
}

fn redis(store: &str) -> Redis {
    match loaded(store).store {
        Store::Redis(redis) => *redis,
        Store::Embedded(folder) => panic!("{}", folder.display()),
    }
}

fn host(name: &str, port: u16) -> Host {
    Host { name: name.to_owned(), port }
}

#[test]
fn what_is_left_out_has_a_default() {
    let redis = redis("url = 'redis://cache'");
    assert_eq!((redis.servers, redis.db), (Servers::One(host("cache", 6379)), 0));
    assert!(redis.tls.is_none() && redis.login.is_none() && redis.sentinel_login.is_none());
    assert_eq!((redis.realm.as_str(), redis.prefix.as_str()), ("default", "gatepost:"));
    assert_eq!((redis.timeout, redis.most_waiting.get()), (Duration::from_millis(500), 1024));
    assert_eq!((redis.mode, redis.wait_replicas, redis.promise), (Mode::Cached, 0, Promise::Durable));
}

#[test]
fn an_address_is_one_server_sentinels_or_a_cluster() {
    let servers = |url: &str| {
        let redis = redis(&format!("url = '{url}'\nwait_replicas = 1"));
        (redis.servers, redis.db, redis.tls.is_some())
    };
    assert_eq!(servers("redis://127.0.0.1/"), (Servers::One(host("127.0.0.1", 6379)), 0, false));
    assert_eq!(servers("REDISS://Cache.Example.COM:6380/7"), (Servers::One(host("cache.example.com", 6380)), 7, true));
    assert_eq!(servers("redis://[::1]"), (Servers::One(host("::1", 6379)), 0, false));
    assert_eq!(servers("redis://[2001:DB8::1]:7000/1"), (Servers::One(host("2001:db8::1", 7000)), 1, false));
    let sentinels = |name: &str| Servers::Sentinel { sentinels: vec![host("a", 26379), host("b", 7)], name: name.to_owned() };
    assert_eq!(servers("redis+sentinel://a,b:7/mymaster"), (sentinels("mymaster"), 0, false));
    assert_eq!(servers("rediss+sentinel://a,b:7/main.one_2-x/3"), (sentinels("main.one_2-x"), 3, true));
    let nodes = Servers::Cluster(vec![host("a", 6379), host("10.0.0.1", 7), host("::2", 8)]);
    assert_eq!(servers("redis-cluster://a,10.0.0.1:7,[::2]:8"), (nodes.clone(), 0, false));
    assert_eq!(servers("rediss-cluster://a,10.0.0.1:7,[::2]:8/"), (nodes, 0, true));
}

#[test]
fn logins_are_a_password_and_perhaps_a_user() {
    let told = |login: Option<Login>| login.map(|login| (login.user, login.password.expose_secret().to_owned()));
    let of_redis = |lines: &str| told(redis(&format!("url = 'redis://a'\n{lines}")).login);
    let secret = SECRET.to_owned();
    assert_eq!(of_redis("password = 'env:ROOT'"), Some((None, secret.clone())));
    assert_eq!(of_redis("user = 'gatepost'\npassword = 'env:ROOT'"), Some((Some("gatepost".to_owned()), secret.clone())));
    assert_eq!(of_redis("user = 'env:REDIS_USER'\npassword = 'env:ROOT'"), Some((Some("ada".to_owned()), secret.clone())));
    let redis = redis("url = 'redis+sentinel://a/m'\nwait_replicas = 1\nsentinel_user = 'watch'\nsentinel_password = 'env:REDIS_PASSWORD'");
    assert_eq!(told(redis.sentinel_login), Some((Some("watch".to_owned()), secret)));
    assert!(redis.login.is_none());
}

#[test]
fn certificates_are_handed_on_and_never_told() {
    let config = loaded(
        "url = 'rediss://a'\nca = 'redis-ca.pem'\ncertificate = 'redis-client.pem'\nkey = 'file:redis-client.key'\npassword = 'env:ROOT'",
    );
    let told = format!("{config:?}");
    assert!(told.contains("RedisTls { ca: true, certificate: true }") && !told.contains(SECRET), "{told}");
    let Store::Redis(redis) = config.store else { panic!("{told}") };
    let tls = redis.tls.unwrap();
    let (chain, key) = tls.certificate.unwrap();
    assert!(tls.ca.unwrap().starts_with(b"-----BEGIN CERTIFICATE-----"));
    assert!(String::from_utf8(chain).unwrap().contains("-----BEGIN CERTIFICATE-----"));
    assert!(key.expose_secret().starts_with("-----BEGIN PRIVATE KEY-----"));
}

#[test]
fn a_realm_a_prefix_a_time_and_a_bound_may_be_given() {
    let redis = redis("url = 'redis://a'\nrealm = 'eu-1_b.test'\nprefix = ''\ntimeout = '50ms'\nmost_waiting = 1");
    assert_eq!((redis.realm.as_str(), redis.prefix.as_str()), ("eu-1_b.test", ""));
    assert_eq!((redis.timeout, redis.most_waiting.get()), (Duration::from_millis(50), 1));
}

#[test]
fn what_is_asked_what_is_waited_for_and_what_is_promised_may_be_given() {
    let of = |lines: &str| {
        let redis = redis(&format!("url = 'redis+sentinel://a/m'\n{lines}"));
        (redis.mode, redis.wait_replicas, redis.promise)
    };
    assert_eq!(of("mode = 'strict'\nwait_replicas = 16"), (Mode::Strict, 16, Promise::Durable));
    assert_eq!(of("mode = 'cached'\npromise = 'available'"), (Mode::Cached, 0, Promise::Available));
    assert_eq!(of("wait_replicas = 1\npromise = 'available'"), (Mode::Cached, 1, Promise::Available));
}

#[test]
fn a_route_may_serve_what_it_knew_for_a_while() {
    let routes = "[upstreams.a]\nurl = 'http://localhost:1'\n[[routes]]\nprefix = '/a'\nscopes = []\nserve_known = '60s'\n\
        [[routes]]\nprefix = '/b'\nscopes = []";
    let config = loaded(&format!("url = 'redis://localhost'\n{routes}"));
    let spans: Vec<u64> = config.routes.iter().map(|route| route.serve_known.as_secs()).collect();
    assert_eq!(spans, [60, 0]);
}

#[test]
fn what_may_let_somebody_in_who_was_revoked_is_worth_a_warning() {
    let route = |more: &str| format!("[upstreams.a]\nurl = 'http://localhost:1'\n[[routes]]\nprefix = '/a'\nscopes = []\n{more}");
    let warned = |store: &str, more: &str| {
        let warnings = loaded(&format!("{store}\n{}", route(more))).warnings();
        ["promise is available", "routes with serve_known"].map(|words| warnings.iter().any(|warning| warning.contains(words)))
    };
    assert_eq!(warned("url = 'redis://localhost'", ""), [false, false]);
    assert_eq!(warned("url = 'redis://localhost'\npromise = 'available'", ""), [true, false]);
    assert_eq!(warned("url = 'redis://localhost'", "serve_known = '1s'"), [false, true]);
    // Nobody else uses a folder, and it is never away for long.
    assert_eq!(warned("path = 'data'", "serve_known = '1s'"), [false, false]);
}

#[test]
fn with_redis_there_is_no_admin_socket_unless_one_is_given() {
    assert_eq!(loaded("url = 'redis://a'").admin_socket, None);
    let given = loaded("url = 'redis://a'\n[admin]\nsocket = '/run/a.sock'").admin_socket;
    assert_eq!(given.as_deref().and_then(std::path::Path::to_str), Some("/run/a.sock"));
}

#[test]
fn redis_elsewhere_without_tls_is_worth_a_warning() {
    let warned =
        |url: &str| loaded(&format!("url = '{url}'\nwait_replicas = 1")).warnings().iter().any(|warning| warning.contains("without TLS"));
    for url in ["redis://a", "redis://192.0.2.1", "redis+sentinel://localhost,a/m", "redis-cluster://[::1],[2001:db8::1]"] {
        assert!(warned(url), "{url}");
    }
    for url in ["rediss://a", "redis://localhost", "redis://127.1.2.3", "redis-cluster://[::1],localhost:7"] {
        assert!(!warned(url), "{url}");
    }
}

#[test]
fn the_examples_of_the_manual_load() {
    let page = fs::read_to_string(repository("docs/redis.md")).unwrap();
    let blocks: Vec<&str> = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 3);
    for block in blocks {
        redis(block.strip_prefix("[store]\n").unwrap());
    }
}

/// A host as it is read, with the port that it is written with.
fn any_host() -> impl Strategy<Value = (Host, bool)> {
    let name = prop_oneof![
        "[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,5})?(\\.[a-z]{2,5}){0,2}",
        any::<[u8; 4]>().prop_map(|address| std::net::Ipv4Addr::from(address).to_string()),
        any::<[u16; 8]>().prop_map(|address| Ipv6Addr::from(address).to_string()),
    ];
    (name, prop_oneof![Just(None), (1..=u16::MAX).prop_map(Some)])
        .prop_map(|(name, port)| (Host { name, port: port.unwrap_or_default() }, port.is_some()))
}

fn written(hosts: &[(Host, bool)]) -> String {
    let written = hosts.iter().map(|(host, with_port)| {
        let text = host.to_string();
        if *with_port { text } else { text.trim_end_matches(":0").to_owned() }
    });
    written.collect::<Vec<_>>().join(",")
}

fn read(hosts: &[(Host, bool)], default_port: u16) -> Vec<Host> {
    let read = hosts.iter().map(|(host, with_port)| if *with_port { host.clone() } else { Host { port: default_port, ..host.clone() } });
    read.collect()
}

proptest! {
    #[test]
    fn what_an_address_says_is_what_is_read(
        hosts in prop::collection::vec(any_host(), 1..5),
        name in "[A-Za-z0-9._-]{1,12}",
        db in prop::option::of(any::<u32>()),
        tls: bool,
    ) {
        let (s, number) = (if tls { "s" } else { "" }, db.map(|db| format!("/{db}")).unwrap_or_default());
        let one = &hosts[..1];
        let sentinels = read(&hosts, 26379);
        for (url, servers, db) in [
            (format!("redis{s}://{}{number}", written(one)), Servers::One(read(one, 6379).remove(0)), db.unwrap_or_default()),
            (
                format!("redis{s}+sentinel://{}/{name}{number}", written(&hosts)),
                Servers::Sentinel { sentinels, name },
                db.unwrap_or_default(),
            ),
            (format!("redis{s}-cluster://{}", written(&hosts)), Servers::Cluster(read(&hosts, 6379)), 0),
        ] {
            let redis = redis(&format!("url = '{url}'\nwait_replicas = 1"));
            prop_assert_eq!((redis.servers, redis.db, redis.tls.is_some()), (servers, db, tls), "{}", url);
        }
    }

    #[test]
    fn an_address_is_read_or_refused_in_one_place_without_a_word_of_it(
        scheme in prop::sample::select(vec!["redis", "rediss", "redis+sentinel", "rediss-cluster", "http", ""]),
        rest in "[a-z0-9:/\\[\\]@,?#._ %+-]{0,24}",
    ) {
        // What stands in the address and nowhere else, wherever it is put.
        let url = format!("{scheme}://{rest}zqzqz");
        match load(&text(&format!("url = '{url}'\nwait_replicas = 1"))) {
            Ok((config, _)) => {
                let Store::Redis(redis) = config.store else { panic!("{url}") };
                prop_assert!(redis.servers.hosts().iter().all(|host| host.port > 0 && !host.name.is_empty()), "{}", url);
                prop_assert!(!url.contains(['@', '?', '#', ' ', '%']), "{}", url);
            }
            Err(problems) => {
                let told: Vec<_> = problems.iter().map(|problem| (problem.line, problem.key.as_str())).collect();
                prop_assert_eq!(told, [(5, "store.url")], "{}", url);
                prop_assert!(!problems.to_string().contains("zqzqz"), "{}", problems);
            }
        }
    }

    #[test]
    fn a_realm_and_a_prefix_are_taken_whole_or_refused(realm in "[a-zA-Z0-9._ {}-]{0,66}", prefix in "[ -~é]{0,66}") {
        let store = format!("url = 'redis://a'\nrealm = {realm:?}\nprefix = {prefix:?}");
        let told = mistakes(&text(&store));
        let realm_is_fine = (1..=64).contains(&realm.len()) && !realm.contains(|c: char| c.is_ascii_uppercase() || " {}".contains(c));
        let prefix_is_fine = prefix.len() <= 64 && prefix.is_ascii() && !prefix.contains([' ', '{', '}']);
        prop_assert_eq!(told.len(), usize::from(!realm_is_fine) + usize::from(!prefix_is_fine), "{:?}", told);
        if told.is_empty() {
            let redis = redis(&store);
            prop_assert_eq!((redis.realm, redis.prefix), (realm, prefix));
        }
    }
}
