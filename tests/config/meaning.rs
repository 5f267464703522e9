//! What a right file means.

use std::{net::SocketAddr, time::Duration};

use gatepost::config::{
    Config, ErrorShape, LogFormat, Paths, RevokedStreams, RouteAuth, Upgrade,
    limits::{Action, Rates},
};
use http::Method;
use secrecy::ExposeSecret;

use super::support::{Bootspring, SECRET, load};

fn loaded(text: &str) -> (Config, Vec<Bootspring>) {
    load(text).unwrap_or_else(|problems| panic!("\n{problems}"))
}

#[test]
fn what_is_left_out_has_a_default() {
    let (config, dialects) = loaded("public_url = 'http://localhost:8080'");
    assert_eq!(config.public_url.as_str(), "http://localhost:8080");
    assert_eq!(config.listen, SocketAddr::from(([127, 0, 0, 1], 8080)));
    assert_eq!(config.threads.get(), 2, "the cores of the tests' machine");
    assert_eq!(config.drain, Duration::from_secs(30));
    assert_eq!((config.connections.max, config.connections.max_per_peer, config.connections.body_rate), (16_000, 4_000, 100));
    let times = [config.connections.head_timeout, config.connections.idle_timeout, config.connections.body_timeout];
    assert_eq!(times.map(|time| time.as_secs()), [15, 75, 30]);
    assert_eq!((config.connections.send_timeout.as_secs(), config.connections.max_age.as_secs()), (30, 3600));
    assert_eq!(config.store.folder().and_then(std::path::Path::to_str), Some("/etc/gatepost/gatepost-data"));
    assert_eq!(config.admin_socket.as_deref().and_then(std::path::Path::to_str), Some("/etc/gatepost/gatepost-data/admin.sock"));
    assert!(config.roots.is_none());
    assert_eq!((config.log.format, config.log.filter.as_str()), (LogFormat::Auto, "info"));
    assert_eq!((config.pages.name.as_str(), config.pages.prefix.as_str()), ("Gatepost", ""));
    assert_eq!(config.pages.session, Duration::from_secs(7 * 24 * 60 * 60));
    assert!(config.scopes.is_empty() && config.default_scopes.is_empty());
    assert_eq!((config.limits, config.trusted_proxies), (Rates::default(), None));
    assert!(config.upstreams.is_empty() && config.routes.is_empty() && config.clients.is_empty());
    assert!(dialects.is_empty(), "a dialect without a table is off");
}

#[test]
fn roots_are_one_or_a_list_whose_first_one_mints() {
    let roots = |line: &str| {
        let (config, _) = loaded(&format!("public_url = 'http://localhost'\n[keys]\n{line}"));
        let roots = config.roots.unwrap_or_default();
        roots.iter().map(|(id, secret)| (id.to_string(), secret.expose_secret().to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(roots("root = 'env:ROOT'"), [("k1".to_owned(), SECRET.to_owned())]);
    let other = "another-root-secret-of-enough-bytes".to_owned();
    let expected = [("k2".to_owned(), other.clone()), ("k1".to_owned(), SECRET.to_owned())];
    assert_eq!(roots("root = [{ id = 'k2', secret = 'file:root-2.key' }, { id = 'k1', secret = 'env:ROOT' }]"), expected);
    assert_eq!(roots("[[keys.root]]\nid = 'k2'\nsecret = 'file:/etc/gatepost/root-2.key'"), [("k2".to_owned(), other)]);
}

#[test]
fn the_admin_socket_lies_with_the_store_or_elsewhere_or_nowhere() {
    let socket = |lines: &str| {
        let (config, _) = loaded(&format!("public_url = 'http://localhost'\n{lines}"));
        config.admin_socket.map(|path| path.to_str().unwrap().to_owned())
    };
    assert_eq!(socket("[store]\npath = '/data'").as_deref(), Some("/data/admin.sock"));
    assert_eq!(socket("[admin]\nsocket = '../run/a.sock'").as_deref(), Some("/etc/gatepost/../run/a.sock"));
    assert_eq!(socket("[admin]\nsocket = false"), None);
}

#[test]
fn limits_are_rates_and_some_may_be_none() {
    let (config, _) = loaded(
        "public_url = 'http://localhost'
        [limits]
        start = false
        forward = { times = 600, per = '1m' }
        guess_password = { times = 3, per = '1h' }",
    );
    let of = |action| config.limits.of(action).map(|rate| (rate.times.get(), rate.per.as_secs()));
    assert_eq!((of(Action::Start), of(Action::Forward)), (None, Some((600, 60))));
    assert_eq!((of(Action::GuessPassword), of(Action::Poll)), (Some((3, 3600)), Some((20, 60))));
}

#[test]
fn proxies_are_addresses_and_networks_and_none_is_not_the_same_as_nothing() {
    let proxies = |line: &str| {
        let config = loaded(&format!("public_url = 'https://ai.example.com'\n{line}")).0;
        let listed = config.trusted_proxies.as_ref().map(|listed| listed.iter().map(ToString::to_string).collect::<Vec<_>>());
        (listed, config.warnings())
    };
    let (listed, warnings) = proxies("trusted_proxies = ['10.0.0.0/8', '192.0.2.7', '::1', '2001:db8::/32']");
    assert_eq!(listed.unwrap(), ["10.0.0.0/8", "192.0.2.7/32", "::1/128", "2001:db8::/32"]);
    assert!(warnings.is_empty());
    assert_eq!(proxies("trusted_proxies = []"), (Some(vec![]), vec![]));
    let (listed, warnings) = proxies("");
    let expected = "every caller would be counted as one address: public_url is https, so TLS ends before the gateway, and no proxy is listed. \
        List your load balancer under trusted_proxies; if there is none that forwards addresses, write trusted_proxies = []";
    assert_eq!((listed, warnings), (None, vec![expected]));
    assert!(loaded("public_url = 'http://localhost:8080'").0.warnings().is_empty());
}

#[test]
fn upstreams_are_addresses_with_credentials() {
    let (config, _) = loaded(
        "public_url = 'http://localhost'
        [upstreams.a]
        url = 'https://API.example.com/base/'
        api_key = 'env:MODEL_API_KEY'
        connect_timeout = '1.5s'
        response_timeout = '10 min'
        [upstreams.b]
        url = 'http://[::1]:8000'
        credential = { header = 'X-API-Key', value = 'file:images.key' }",
    );
    let [a, b] = config.upstreams.as_slice() else { panic!("{config:?}") };
    assert_eq!((a.name.as_str(), a.tls, a.host.as_str(), a.port, a.base_path.as_str()), ("a", true, "api.example.com", 443, "/base"));
    assert_eq!((a.connect_timeout, a.response_timeout), (Duration::from_millis(1500), Some(Duration::from_secs(600))));
    let (header, value) = a.credential.as_ref().expect("there is an api_key");
    assert_eq!((header.as_str(), value.as_bytes(), value.is_sensitive()), ("authorization", b"Bearer sk-model".as_slice(), true));
    assert_eq!((b.tls, b.host.as_str(), b.port, b.base_path.as_str()), (false, "::1", 8000, ""));
    assert_eq!((b.response_timeout, b.idle_timeout), (None, Duration::from_secs(4)));
    let (header, value) = b.credential.as_ref().expect("there is a credential");
    assert_eq!((header.as_str(), value.as_bytes(), value.is_sensitive()), ("x-api-key", b"images".as_slice(), true));
}

#[test]
fn routes_say_who_may_send_what_where() {
    let (config, _) = loaded(
        "public_url = 'http://localhost'
        [scopes]
        inference = 'Use the models.'
        [upstreams.model]
        url = 'http://localhost:8000'
        [[routes]]
        prefix = '/v1'
        scopes = ['inference']
        [[routes]]
        path = '/v1/things/{id}'
        host = 'API.Example.com'
        methods = ['GET', 'POST']
        upstream = 'model'
        scopes = []
        errors = 'problem'
        revoked_streams = 'finish'
        limit = { requests = 60, per = '1m' }
        upgrade = ['websocket']
        [[routes]]
        path = '/'
        auth = 'none'",
    );
    let [first, second, third] = config.routes.as_slice() else { panic!("{config:?}") };
    assert_eq!((&first.claim.paths, first.upstream, first.errors), (&Paths::Prefix("/v1".into()), 0, ErrorShape::OpenAi));
    assert!(matches!(&first.auth, RouteAuth::Bearer(scopes) if scopes.to_string() == "inference"));
    assert_eq!(second.claim.host.as_deref(), Some("api.example.com"));
    assert_eq!(second.claim.methods, [Method::GET, Method::POST]);
    assert_eq!(second.claim.owner, "routes[1]");
    assert!(matches!(&second.auth, RouteAuth::Bearer(scopes) if scopes.is_empty()), "any token will do");
    assert_eq!(second.errors, ErrorShape::Problem);
    assert_eq!((first.revoked_streams, second.revoked_streams), (RevokedStreams::Cut, RevokedStreams::Finish));
    assert_eq!(second.limit.map(|limit| (limit.requests.get(), limit.per)), Some((60, Duration::from_secs(60))));
    assert_eq!((first.upgrade.as_slice(), second.upgrade.as_slice()), (&[][..], &[Upgrade::WebSocket][..]));
    assert_eq!(third.auth, RouteAuth::None);
}

#[test]
fn dialects_read_their_own_options() {
    let (config, dialects) = loaded(
        "public_url = 'http://localhost'
        [scopes]
        inference = 'Use the models.'
        [dialects.bootspring]
        host = 'auth.example.com'
        prefix = '/bs'
        default_client = false
        access = '5m'
        [[dialects.bootspring.clients]]
        id = 'cli'
        name = 'CLI'
        scopes = ['inference']
        [[dialects.bootspring.clients]]
        id = 'server'
        name = 'Server'
        scopes = []
        secret = 'env:BOOTSPRING_SECRET'",
    );
    let [bootspring] = dialects.as_slice() else { panic!("{dialects:?}") };
    assert_eq!((bootspring.mount.host.as_deref(), bootspring.mount.prefix.as_str()), (Some("auth.example.com"), "/bs"));
    assert_eq!((bootspring.default_client.as_deref(), bootspring.tier.as_str()), (None, "free"));
    assert_eq!((bootspring.access.as_secs(), bootspring.refresh.as_secs()), (300, 30 * 24 * 60 * 60));
    let clients: Vec<_> = config
        .clients
        .iter()
        .map(|gatepost::oauth::client::Declared { client, secret }| (client.id.as_str(), client.dialect.as_str(), secret.is_some()))
        .collect();
    assert_eq!(clients, [("cli", "bootspring", false), ("server", "bootspring", true)]);
}

#[test]
fn nothing_secret_is_in_debug() {
    let (config, dialects) = loaded(
        "public_url = 'http://localhost'
        [keys]
        root = 'env:ROOT'
        [upstreams.model]
        url = 'http://localhost:8000'
        api_key = 'env:ROOT'
        [[dialects.bootspring.clients]]
        id = 'cli'
        name = 'CLI'
        scopes = []
        secret = 'env:ROOT'",
    );
    let shown = format!("{config:?} {dialects:?} {:?}", super::support::environment());
    assert!(!shown.contains(SECRET), "{shown}");
}
