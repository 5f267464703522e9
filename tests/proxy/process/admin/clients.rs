//! What an operator does to clients holds when the command has answered.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::taking_back::{is_cut, refresh, streaming, use_of, with_grace};
use crate::{
    proxy::{
        process::{installation::Installation, login::log_in},
        raw::RawUpstream,
    },
    support::{
        gateway::CONFIG,
        http::{post_form, send},
        upstream::Upstream,
    },
};

const PASSWORD: &str = "a better password";

/// What becomes of a request for a code, and of a poll for it.
async fn start(address: SocketAddr, client: &str) -> Value {
    send(address, post_form("/auth/device/code", &[("client_id", client)])).await.json()
}

async fn poll(address: SocketAddr, client: &str, device_code: &str) -> Value {
    let grant_type = "urn:ietf:params:oauth:grant-type:device_code";
    let fields = [("grant_type", grant_type), ("client_id", client), ("device_code", device_code)];
    send(address, post_form("/auth/device/token", &fields)).await.json()["error"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_clients_stream_is_cut_and_nothing_of_it_opens_anything_until_it_is_enabled() {
    let upstream = RawUpstream::start().await;
    let (installation, child, address) = with_grace(upstream.address).await;
    let login = log_in(address, "grace", PASSWORD, "app").await;
    let other = log_in(address, "grace", PASSWORD, "bootspring-cli").await;
    let asked = start(address, "app").await["device_code"].as_str().unwrap().to_owned();
    let stream = streaming(address, &upstream, &login.access).await;
    let mut others = streaming(address, &upstream, &other.access).await;

    assert_eq!(installation.told(&["client", "disable", "app"]).await["enabled"], false);
    is_cut(stream).await;
    assert_eq!(use_of(address, &login.access).await, (401, "token_revoked".into()));
    assert_eq!(refresh(address, "app", &login).await.1, "invalid_client");
    assert_eq!(poll(address, "app", &asked).await, "invalid_client");
    assert_eq!(start(address, "app").await["error"], "invalid_client");
    let grants = installation.told(&["grant", "list", "--client", "app"]).await;
    assert_eq!(grants[0]["state"], "suspended", "{grants}");
    others.1.send_chunk("data: 2\n\n").await;
    assert_eq!(others.0.chunk().await.as_deref(), Some("data: 2\n\n"));

    assert_eq!(installation.told(&["client", "enable", "app"]).await["enabled"], true);
    assert_eq!(poll(address, "app", &asked).await, "authorization_pending");
    assert_eq!(refresh(address, "app", &login).await, (200, Value::Null));
    child.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_from_a_client_stays_so_and_it_may_ask_anew() {
    let upstream = RawUpstream::start().await;
    let (installation, child, address) = with_grace(upstream.address).await;
    let login = log_in(address, "grace", PASSWORD, "app").await;
    let grant = installation.told(&["grant", "list"]).await[0]["id"].as_str().unwrap().to_owned();
    let stream = streaming(address, &upstream, &login.access).await;
    installation.told(&["client", "revoke", "app"]).await;
    is_cut(stream).await;
    assert_eq!(use_of(address, &login.access).await, (401, "token_revoked".into()));
    assert_eq!(refresh(address, "app", &login).await.1, "invalid_grant");
    assert_eq!(installation.told(&["grant", "list"]).await, json!([]));
    assert_eq!(installation.told(&["grant", "show", &grant]).await["state"], "revoked");
    let again = log_in(address, "grace", PASSWORD, "app").await;
    streaming(address, &upstream, &again.access).await;
    child.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_client_that_is_deleted_nothing_opens_anything() {
    let upstream = Upstream::start().await;
    let installation = Installation::before(upstream.address);
    let client = installation.client(true, None).await;
    let (child, address) = installation.serve().await;
    installation.told_of(&["user", "add", "grace", "--password-stdin"], PASSWORD).await;
    let login = log_in(address, "grace", PASSWORD, client.as_str()).await;
    let asked = start(address, client.as_str()).await["device_code"].as_str().unwrap().to_owned();
    assert_eq!(use_of(address, &login.access).await.0, 200);
    let gone = installation.told(&["client", "delete", client.as_str()]).await;
    assert_eq!(gone["id"], client.as_str());
    assert_eq!(use_of(address, &login.access).await, (401, "token_revoked".into()));
    assert_eq!(refresh(address, client.as_str(), &login).await.1, "invalid_client");
    assert_eq!(poll(address, client.as_str(), &asked).await, "invalid_client");
    assert_eq!(installation.told(&["grant", "list"]).await, json!([]));
    assert_eq!(installation.refused(&["client", "show", client.as_str()], "").await.0, "not_found");
    child.end().await;
}

/// A client's life, told without what differs each time.
async fn life_of_a_client(installation: &Installation, id: &str) -> Vec<Value> {
    let mut told = Vec::new();
    for verb in ["show", "disable", "enable", "revoke", "verify", "unverify"] {
        told.push(installation.told(&["client", verb, id]).await);
    }
    told.extend(installation.told(&["client", "list"]).await.as_array().unwrap().clone());
    told.push(installation.told(&["client", "delete", id, "--dialect", "bootspring"]).await);
    told.extend(installation.told(&["client", "list", "--dialect", "bootspring"]).await.as_array().unwrap().clone());
    for client in &mut told {
        let client = client.as_object_mut().unwrap();
        client.remove("receipt");
        if client["origin"] == "managed" {
            assert_eq!((client.remove("id").unwrap(), client.remove("created").unwrap().as_str().unwrap().len()), (id.into(), 20));
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_the_gateway_runs_or_not_the_same_comes_out_of_clients() {
    let (up, down) = (Installation::with(CONFIG), Installation::with(CONFIG));
    let (of_up, of_down) = (up.client(false, None).await, down.client(false, None).await);
    let (child, _) = up.serve().await;
    let told = life_of_a_client(&up, of_up.as_str()).await;
    assert_eq!(told, life_of_a_client(&down, of_down.as_str()).await);
    child.end().await;
    let states: Vec<_> = told.iter().map(|client| (&client["name"], &client["enabled"], &client["verified"])).collect();
    let (made, app, cli) = (&json!("A made app"), &json!("An <b>app</b>"), &json!("Bootspring CLI"));
    let (yes, no) = (&json!(true), &json!(false));
    assert_eq!(states[..6], [(made, yes, no), (made, no, no), (made, yes, no), (made, yes, no), (made, yes, yes), (made, yes, no)]);
    assert_eq!(states[6..], [(app, yes, no), (cli, yes, no), (made, yes, no), (made, yes, no), (app, yes, no), (cli, yes, no)]);
    assert_eq!(
        told[0],
        json!({
            "dialect": "bootspring", "name": "A made app", "description": null, "origin": "managed", "user": null, "enabled": true,
            "verified": false, "public": false, "scopes": "images inference",
            "grant_types": "authorization_code refresh_token urn:ietf:params:oauth:grant-type:device_code client_credentials",
            "redirect_uris": "", "tokens": null, "resource_server": false, "expires": null,
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_configuration_says_of_a_client_is_changed_there() {
    let installation = Installation::with(CONFIG);
    let public = installation.client(true, None).await;
    let private = installation.client(false, None).await;
    for running in [false, true] {
        let child = if running { Some(installation.serve().await.0) } else { None };
        for (arguments, words) in [
            (&["client", "reset", "app"][..], "declared in the configuration file: write another `secret` there"),
            (&["client", "verify", "app"], "write `verified = true` there"),
            (&["client", "unverify", "app"], "write `verified = false` there"),
            (&["client", "delete", "app"], "take it out there"),
            (&["client", "reset", public.as_str()], "is public, and has no secret"),
            (&["client", "reset", private.as_str()], "no secrets are made in the dialect bootspring now"),
            (&["client", "add", "--name", "x", "--scopes", ""], "no dialect that is on has clients that are made here"),
        ] {
            let (code, exit, message) = installation.refused(arguments, "").await;
            assert_eq!((code.as_str(), exit), ("invalid_request", 64), "{arguments:?}");
            assert!(message.contains(words), "{message}");
        }
        if let Some(child) = child {
            child.end().await;
        }
    }
}
