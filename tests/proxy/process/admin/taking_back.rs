//! What an operator takes back is gone when the command has answered.

use std::net::SocketAddr;

use serde_json::Value;

use crate::{
    proxy::{
        process::{
            installation::Installation,
            login::{Login, log_in},
        },
        raw::{RawUpstream, Wire},
        streaming::asking,
    },
    support::{
        gateway::forwarding,
        http::{bearing, get, post_form, send},
        upstream::Upstream,
    },
};

const PASSWORD: &str = "a better password";

/// A gateway that runs, with the user grace.
pub(super) async fn with_grace(upstream: SocketAddr) -> (Installation, crate::proxy::process::child::Child, SocketAddr) {
    let installation = Installation::with(&forwarding(upstream));
    let (child, address) = installation.serve().await;
    installation.told_of(&["user", "add", "grace", "--password-stdin"], PASSWORD).await;
    (installation, child, address)
}

pub(super) async fn use_of(address: SocketAddr, token: &str) -> (u16, Value) {
    let reply = send(address, bearing(get("/v1/x"), token)).await;
    (reply.status.as_u16(), reply.json()["error"]["code"].clone())
}

pub(super) async fn refresh(address: SocketAddr, client: &str, login: &Login) -> (u16, Value) {
    let fields = [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", login.refresh.as_str())];
    let reply = send(address, post_form("/auth/device/token", &fields)).await;
    (reply.status.as_u16(), reply.json()["error"].clone())
}

/// A caller on whose stream something has arrived, and the connection that it comes from.
pub(super) async fn streaming(address: SocketAddr, upstream: &RawUpstream, token: &str) -> (Wire, Wire) {
    let mut caller = Wire::to(address).await;
    caller.send(asking(token)).await;
    let (mut wire, _head) = upstream.asked().await;
    wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    wire.send_chunk("data: 1\n\n").await;
    assert_eq!(caller.head().await.status(), 200);
    assert_eq!(caller.chunk().await.as_deref(), Some("data: 1\n\n"));
    (caller, wire)
}

/// Neither more data nor a clean end.
pub(super) async fn is_cut((mut caller, mut wire): (Wire, Wire)) {
    assert_eq!(caller.chunk().await, None);
    wire.closed().await;
}

/// Whether the cookies of a login still are somebody's.
async fn is_signed_in(address: SocketAddr, login: &Login) -> bool {
    let mut request = get("/account");
    request.headers_mut().insert("cookie", login.cookies.parse().unwrap());
    send(address, request).await.status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_users_stream_is_cut_and_nothing_of_his_opens_anything_until_he_is_enabled() {
    let upstream = RawUpstream::start().await;
    let (installation, child, address) = with_grace(upstream.address).await;
    let login = log_in(address, "grace", PASSWORD, "app").await;
    assert!(is_signed_in(address, &login).await);
    let stream = streaming(address, &upstream, &login.access).await;

    installation.told(&["user", "disable", "grace"]).await;
    is_cut(stream).await;
    assert_eq!(use_of(address, &login.access).await, (401, "token_revoked".into()));
    assert_eq!(refresh(address, "app", &login).await.1, "invalid_grant");
    assert!(!is_signed_in(address, &login).await);
    let grants = installation.told(&["grant", "list", "--user", "grace"]).await;
    assert_eq!(grants[0]["state"], "suspended", "{grants}");

    installation.told(&["user", "enable", "grace"]).await;
    assert_eq!(refresh(address, "app", &login).await, (200, Value::Null));
    // The session is not worth anything again.
    assert!(!is_signed_in(address, &login).await);
    child.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_from_a_user_stays_so() {
    let upstream = Upstream::start().await;
    let (installation, child, address) = with_grace(upstream.address).await;
    let login = log_in(address, "grace", PASSWORD, "app").await;
    assert_eq!(use_of(address, &login.access).await.0, 200);
    let grant = installation.told(&["grant", "list"]).await[0]["id"].as_str().unwrap().to_owned();

    installation.told(&["user", "revoke", "grace"]).await;
    installation.told(&["user", "enable", "grace"]).await;
    assert_eq!(use_of(address, &login.access).await, (401, "token_revoked".into()));
    assert_eq!(refresh(address, "app", &login).await.1, "invalid_grant");
    assert!(!is_signed_in(address, &login).await);
    assert_eq!(installation.told(&["grant", "list"]).await, serde_json::json!([]));
    assert_eq!(installation.told(&["grant", "show", &grant]).await["state"], "revoked");
    // The user can begin anew.
    let again = log_in(address, "grace", PASSWORD, "app").await;
    assert_eq!(use_of(address, &again.access).await.0, 200);
    child.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_sessions_and_leaves_apps_alone() {
    let upstream = Upstream::start().await;
    let (installation, child, address) = with_grace(upstream.address).await;
    let login = log_in(address, "grace", PASSWORD, "app").await;
    installation.told_of(&["user", "reset", "grace", "--password-stdin"], "another password").await;
    assert!(!is_signed_in(address, &login).await);
    assert_eq!(use_of(address, &login.access).await.0, 200);
    assert!(super::signs_in(address, "another password").await && !super::signs_in(address, PASSWORD).await);
    child.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_found_by_user_and_client_and_taken_back_by_its_id() {
    let upstream = Upstream::start().await;
    let (installation, child, address) = with_grace(upstream.address).await;
    let login = log_in(address, "grace", PASSWORD, "app").await;
    let other = log_in(address, "grace", PASSWORD, "bootspring-cli").await;
    assert_eq!(installation.told(&["grant", "list", "--client", "nothing"]).await, serde_json::json!([]));
    assert_eq!(installation.told(&["grant", "list", "--user", "grace"]).await.as_array().unwrap().len(), 2);
    let found = installation.told(&["grant", "list", "--client", "app"]).await;
    let [grant] = found.as_array().unwrap().as_slice() else { panic!("{found}") };
    assert_eq!((&grant["user"], &grant["dialect"], &grant["state"]), (&"grace".into(), &"bootspring".into(), &"live".into()));
    let id = grant["id"].as_str().unwrap();
    assert_eq!(&installation.told(&["grant", "show", id]).await, grant);

    // Doing it again is no mistake.
    for _ in 0..2 {
        let revoked = installation.told(&["grant", "revoke", id]).await;
        assert_eq!((&revoked["state"], &revoked["because"]), (&"revoked".into(), &"operator".into()));
    }
    assert_eq!(use_of(address, &login.access).await, (401, "token_revoked".into()));
    assert_eq!(use_of(address, &other.access).await.0, 200);
    child.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_authorized_before_a_moment_is_taken_back_and_what_came_later_stays() {
    let upstream = Upstream::start().await;
    let (installation, child, address) = with_grace(upstream.address).await;
    let (early, other) = (log_in(address, "grace", PASSWORD, "app").await, log_in(address, "grace", PASSWORD, "bootspring-cli").await);
    let moment = jiff::Timestamp::now().to_string();
    let late = log_in(address, "grace", PASSWORD, "app").await;

    let of_app = installation.told(&["grant", "revoke-before", &moment, "--client", "app"]).await;
    assert_eq!((&of_app["revoked"], of_app["receipt"]["waited_out"].as_array().map(Vec::len)), (&1.into(), Some(0)));
    let statuses =
        async || [use_of(address, &early.access).await.0, use_of(address, &other.access).await.0, use_of(address, &late.access).await.0];
    assert_eq!(statuses().await, [401, 200, 200]);
    assert_eq!(installation.told(&["grant", "revoke-before", &moment, "--user", "grace"]).await["revoked"], 1);
    assert_eq!(statuses().await, [401, 401, 200]);
    assert_eq!(installation.told(&["grant", "revoke-before", &moment]).await["revoked"], 0);
    child.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_made_shown_once_and_taken_back() {
    let upstream = Upstream::start().await;
    let (installation, child, address) = with_grace(upstream.address).await;
    let create = ["token", "create", "--user", "grace", "--name", "a script", "--scopes"];
    let with = |more: &[&'static str]| [&create[..], more].concat();
    let made = installation.told(&with(&["inference", "--expires", "90d"])).await;
    let token = made["token"].as_str().unwrap();
    assert_eq!(use_of(address, token).await.0, 200);
    let id = made["id"].as_str().unwrap();
    let tokens = installation.told(&["token", "list", "--user", "grace"]).await;
    assert_eq!((&tokens[0]["id"], &tokens[0]["name"], &tokens[0]["scopes"]), (&id.into(), &"a script".into(), &"inference".into()));
    assert!(!tokens.to_string().contains(token));
    let span = |from: &Value, to: &Value| {
        let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        time(to).duration_since(time(from)).as_secs()
    };
    assert_eq!(span(&tokens[0]["created"], &tokens[0]["expires"]), 90 * 24 * 3600);

    for (more, words) in [
        (&["root"][..], "may have some of these scopes: approve clients images inference"),
        (&[""], "may have some of these scopes"),
        (&["inference", "--expires", "1s"], "1 minute to 400 days"),
        (&["inference", "--expires", "10 years"], "`expires`"),
        (&["inference", "--expires", "soon"], "no length of time"),
    ] {
        let (code, exit, message) = installation.refused(&with(more), "").await;
        assert_eq!((code.as_str(), exit), ("invalid_request", 64), "{message}");
        assert!(message.contains(words), "{message}");
    }
    installation.told(&["token", "revoke", id]).await;
    assert_eq!(use_of(address, token).await, (401, "token_revoked".into()));
    assert_eq!(installation.told(&["token", "list", "--user", "grace"]).await, serde_json::json!([]));
    installation.told(&["user", "disable", "grace"]).await;
    assert!(installation.refused(&with(&["inference"]), "").await.2.contains("is disabled"));
    child.end().await;
    // For people, the token stands on a line of its own.
    installation.told(&["user", "enable", "grace"]).await;
    let made = installation.done(&[&["admin"], with(&["inference"]).as_slice()].concat(), "").await;
    assert!(made.stdout.lines().nth(1).is_some_and(|line| line.starts_with("gpp_")), "{made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_is_no_personal_token_is_not_taken_for_one() {
    let upstream = Upstream::start().await;
    let (installation, child, address) = with_grace(upstream.address).await;
    let login = log_in(address, "grace", PASSWORD, "app").await;
    let id = installation.told(&["grant", "list"]).await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(installation.refused(&["token", "revoke", &id], "").await.0, "not_found");
    assert_eq!(use_of(address, &login.access).await.0, 200);
    child.end().await;
}
