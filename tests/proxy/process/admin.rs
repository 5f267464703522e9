//! `gatepost admin`.

use super::installation::Installation;
use crate::{
    proxy::raw::soon,
    support::{
        gateway::CONFIG,
        http::{get, post_form, send},
        person::hidden,
    },
};

const ADD: [&str; 5] = ["admin", "user", "add", "grace", "--password-stdin"];

/// Whether somebody can sign in.
async fn signs_in(address: std::net::SocketAddr, password: &str) -> bool {
    let form = send(address, get("/sign-in")).await;
    let visit = form.header("set-cookie").split(';').next().unwrap().to_owned();
    let mut request = post_form("/sign-in", &[("form", &hidden(&form, "form")), ("name", "grace"), ("password", password)]);
    request.headers_mut().insert("cookie", visit.parse().unwrap());
    let reply = soon(send(address, request)).await;
    reply.status == 303 && reply.header("set-cookie").starts_with("gatepost_session=")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_added_while_the_gateway_is_down_and_can_sign_in_then() {
    let installation = Installation::with(CONFIG);
    let added = installation.done(&ADD, "a better password\n").await;
    assert_eq!((added.code, added.stderr.as_str()), (Some(0), ""), "{added:?}");
    assert!(added.stdout.contains("grace") && added.stdout.contains("inference") && !added.stdout.contains("better"), "{added:?}");
    let (child, address) = installation.serve().await;
    assert!(signs_in(address, "a better password").await);
    assert!(!signs_in(address, "a better password\n").await);
    assert_eq!(child.end().await.code, Some(0));

    let again = installation.done(&ADD, "another password").await;
    assert_eq!((again.code, again.stdout.as_str()), (Some(64), ""));
    assert!(again.stderr.contains("there is a user of that name already"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_gateway_is_up_the_store_is_its_own() {
    let installation = Installation::with(CONFIG);
    let (child, address) = installation.serve().await;
    let refused = installation.done(&ADD, "a better password\n").await;
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(75), ""));
    assert!(refused.stderr.contains("in use: another Gatepost runs on it"), "{refused:?}");
    assert!(!signs_in(address, "a better password").await);
    child.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_said_and_nothing_is_changed() {
    let installation = Installation::with(CONFIG);
    for (arguments, input, words) in [
        (&ADD[..], "short", "8 to 512 bytes"),
        (&ADD, "", "8 to 512 bytes"),
        (&["admin", "user", "add", "grace hopper", "--password-stdin"], "a better password", "name"),
        (&["admin", "user", "add", "grace", "--scopes", "inference root", "--password-stdin"], "a better password", "no scope \"root\""),
    ] {
        let ended = installation.done(arguments, input).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(64), ""), "{ended:?}");
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
    let added = installation.done(&[&ADD[..], &["--scopes", "images"]].concat(), "a better password\r\n").await;
    assert!(added.code == Some(0) && added.stdout.contains("images") && !added.stdout.contains("inference"), "{added:?}");
}
