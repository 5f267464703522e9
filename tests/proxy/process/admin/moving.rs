//! Moving to another store: whoever had been let in does not notice.

use std::{fs, net::SocketAddr};

use data_encoding::BASE64URL_NOPAD;
use gatepost::oauth::signing::{Algorithm, TokenFormat};
use serde_json::Value;

use super::taking_back::{refresh, use_of};
use crate::{
    proxy::process::{
        child::{Child, Ended},
        installation::{Installation, mode},
        login::{Login, log_in},
    },
    support::{
        gateway::{CONFIG, forwarding},
        http::{post_form, send},
        person::Person,
        redis::Server,
        upstream::Upstream,
    },
};

const PASSWORD: &str = "a better password";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What people and programs hold.
struct Held {
    client: String,
    opaque: Login,
    jwt: Login,
    revoked: Login,
    personal: String,
    person: Person,
    device_code: String,
    user_code: String,
}

impl Held {
    async fn from(installation: &Installation, address: SocketAddr, client: String) -> Self {
        let opaque = log_in(address, "grace", PASSWORD, "app").await;
        let jwt = log_in(address, "grace", PASSWORD, &client).await;
        let revoked = log_in(address, "grace", PASSWORD, "app").await;
        let grants = installation.told(&["grant", "list", "--user", "grace"]).await;
        installation.told(&["grant", "revoke", grants[0]["id"].as_str().unwrap()]).await;
        let create = ["token", "create", "--user", "grace", "--name", "a script", "--scopes", "inference"];
        let personal = text(&installation.told(&create).await, "token");
        let asked = send(address, post_form("/auth/device/code", &[("client_id", "app")])).await.json();
        let person = Person::at_address(address);
        assert_eq!(person.sign_in("grace", PASSWORD).await.status, 303);
        let (device_code, user_code) = (text(&asked, "device_code"), text(&asked, "user_code"));
        let held = Self { client, opaque, jwt, revoked, personal, person, device_code, user_code };
        held.opens(address).await;
        held
    }

    /// The same things open the same doors.
    async fn opens(&self, address: SocketAddr) {
        for token in [&self.opaque.access, &self.jwt.access, &self.personal] {
            assert_eq!(use_of(address, token).await.0, 200);
        }
        assert_eq!(use_of(address, &self.revoked.access).await, (401, "token_revoked".into()));
        assert_eq!(self.person.get("/account").await.status, 200);
        assert_eq!(self.poll(address).await["error"], "authorization_pending");
    }

    async fn poll(&self, address: SocketAddr) -> Value {
        let poll = [("grant_type", DEVICE_CODE), ("client_id", "app"), ("device_code", self.device_code.as_str())];
        send(address, post_form("/auth/device/token", &poll)).await.json()
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}

fn kid(jwt: &str) -> Value {
    let head = BASE64URL_NOPAD.decode(jwt.split('.').next().unwrap().as_bytes()).unwrap();
    serde_json::from_slice::<Value>(&head).unwrap()["kid"].clone()
}

async fn moves(installation: &Installation, verb: &str, file: &str) -> Ended {
    installation.done(&["admin", verb, file], "").await
}

/// From one to the other. Both stand on an empty store.
async fn everybody_moves(from: &Installation, to: &Installation, bring_roots: impl FnOnce()) {
    let file = from.config().with_extension("export");
    let file_name = file.to_str().unwrap();
    let client = from.client(true, Some(TokenFormat::Jwt(Algorithm::EdDsa))).await.to_string();
    from.told_of(&["user", "add", "grace", "--password-stdin"], PASSWORD).await;
    let (child, address) = from.serve().await;
    let held = Held::from(from, address, client).await;

    child.end().await;
    let (grants, keys) = (from.told(&["grant", "list", "--user", "grace"]).await, from.told(&["key", "list"]).await);
    let exported = moves(from, "export", file_name).await;
    assert_eq!((exported.code, exported.stderr.as_str()), (Some(0), ""), "{exported:?}");
    assert!(exported.stdout.starts_with("exported 1 user, 1 client, 5 grants, 4 sessions, "), "{exported:?}");
    assert_eq!(mode(&file), 0o600);
    let again = moves(from, "export", file_name).await;
    assert!(again.code == Some(64) && again.stderr.contains("exists already"), "{again:?}");

    // Without the root that everything hangs on, nothing is moved, and none is made.
    let without = moves(to, "import", file_name).await;
    assert!(matches!(without.code, Some(65 | 78)) && without.stdout.is_empty() && without.stderr.contains("root"), "{without:?}");
    bring_roots();
    let imported = moves(to, "import", file_name).await;
    assert_eq!((imported.code, imported.stderr.as_str()), (Some(0), ""), "{imported:?}");
    assert_eq!(imported.stdout.replace("imported", "exported"), exported.stdout);
    let again = moves(to, "import", file_name).await;
    assert!(again.code == Some(64) && again.stderr.contains("in use already"), "{again:?}");

    let (child, address) = to.serve().await;
    let held = Held { person: held.person.at_another(address), ..held };
    // When a grant was used last has come along, and using it now would change that.
    assert_eq!(to.told(&["grant", "list", "--user", "grace"]).await, grants);
    assert_eq!(to.told(&["key", "list"]).await, keys);
    held.opens(address).await;
    held.person.approve(&held.user_code).await;
    let tokens = held.poll(address).await;
    assert_eq!(use_of(address, &text(&tokens, "access_token")).await.0, 200, "{tokens}");
    for (client, login) in [("app", &held.opaque), (held.client.as_str(), &held.jwt)] {
        assert_eq!(refresh(address, client, login).await, (200, Value::Null));
    }
    assert_eq!(kid(&log_in(address, "grace", PASSWORD, &held.client).await.access), kid(&held.jwt.access));
    child.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_token_cookie_and_login_under_way_works_after_a_move_from_one_folder_to_another() {
    let upstream = Upstream::start().await;
    let (from, to) = (Installation::before(upstream.address), Installation::before(upstream.address));
    let bring_roots = || {
        assert!(!to.data().join("root.key").exists());
        fs::copy(from.data().join("root.key"), to.data().join("root.key")).unwrap();
    };
    everybody_moves(&from, &to, bring_roots).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_token_cookie_and_login_under_way_works_after_a_move_under_a_root_of_the_configuration() {
    between(["", ""]).await;
}

/// Installations with a root of the configuration, whose stores are these.
async fn between(stores: [&str; 2]) {
    let upstream = Upstream::start().await;
    let config = format!("{}[keys]\nroot = \"file:secret\"\n", forwarding(upstream.address));
    let [from, to] = stores.map(|store| Installation::with(&format!("{config}{store}")));
    let secret = |of: &Installation, secret: &str| fs::write(of.config().with_file_name("secret"), secret.repeat(32)).unwrap();
    secret(&from, "r");
    secret(&to, "s");
    everybody_moves(&from, &to, || secret(&to, "r")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_token_cookie_and_login_under_way_works_after_a_move_from_a_folder_to_redis() {
    let Some(redis) = Server::start(&[]) else { return };
    between(["", &format!("[store]\nurl = \"{}\"\n", redis.url())]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_token_cookie_and_login_under_way_works_after_a_move_from_redis_to_a_folder() {
    let Some(redis) = Server::start(&[]) else { return };
    between([&format!("[store]\nurl = \"{}\"\n", redis.url()), ""]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_token_cookie_and_login_under_way_works_after_a_move_from_one_realm_to_another() {
    let Some(redis) = Server::start(&[]) else { return };
    let [from, to] = ["a", "b"].map(|realm| format!("[store]\nurl = \"{}\"\nrealm = \"{realm}\"\n", redis.url()));
    between([&from, &to]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_a_gateway_has_open_is_neither_exported_nor_imported_into() {
    let installation = Installation::with(CONFIG);
    let file = installation.config().with_extension("export");
    let (child, _) = installation.serve().await;
    for verb in ["export", "import"] {
        let refused = moves(&installation, verb, file.to_str().unwrap()).await;
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(75), ""), "{refused:?}");
        assert!(refused.stderr.contains("another Gatepost runs on it; stop it first"), "{refused:?}");
        let (code, exit, _) = installation.refused(&[verb, file.to_str().unwrap()], "").await;
        assert_eq!((code.as_str(), exit), ("unavailable", 75));
    }
    assert!(!file.exists());
    child.end().await;
    let told = installation.told(&["export", file.to_str().unwrap()]).await;
    assert_eq!((&told["exported"]["users"], &told["exported"]["signing_keys"]), (&0.into(), &2.into()), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_commands_say_in_their_help_to_stop_what_runs() {
    let overview = Child::start(&["admin", "--help"]).ended().await.stdout;
    for (verb, words) in [("export", "all of them"), ("import", "must be empty")] {
        assert!(overview.contains(&format!("  {verb} ")), "{overview}");
        let help = Child::start(&["admin", verb, "--help"]).ended().await.stdout;
        for words in ["FILE", "--config <FILE>", "--json", words] {
            assert!(help.contains(words), "{words} is not in {help}");
        }
    }
    let without = Child::start(&["admin", "export", "x"]).ended().await;
    assert!(without.code == Some(64) && without.stderr.contains("--config <FILE>"), "{without:?}");
}
