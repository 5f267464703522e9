//! `gatepost admin`.

mod api;
mod clients;
mod command;
mod keys;
mod making;
mod moving;
mod replicas;
mod secrets;
mod socket;
mod taking_back;

use serde_json::{Value, json};

use super::{child::Ended, installation::Installation};
use crate::{
    proxy::raw::soon,
    support::{
        gateway::CONFIG,
        http::{get, post_form, send},
        person::hidden,
    },
};

const ADD: [&str; 5] = ["admin", "user", "add", "grace", "--password-stdin"];
const PASSWORD: &str = "a better password";
const PICTURE: &str = "https://pictures.example/grace.png";

/// Whether somebody can sign in.
async fn signs_in(address: std::net::SocketAddr, password: &str) -> bool {
    let form = send(address, get("/sign-in")).await;
    let visit = form.header("set-cookie").split(';').next().unwrap().to_owned();
    let mut request = post_form("/sign-in", &[("form", &hidden(&form, "form")), ("name", "grace"), ("password", password)]);
    request.headers_mut().insert("cookie", visit.parse().unwrap());
    let reply = soon(send(address, request)).await;
    reply.status == 303 && reply.header("set-cookie").starts_with("gatepost_session=")
}

impl Installation {
    /// Runs `gatepost admin` with `--json`.
    async fn admin(&self, arguments: &[&str], input: &str) -> Ended {
        self.done(&[&["admin"], arguments, &["--json"]].concat(), input).await
    }

    /// What came out of it.
    async fn told(&self, arguments: &[&str]) -> Value {
        self.told_of(arguments, "").await
    }

    async fn told_of(&self, arguments: &[&str], input: &str) -> Value {
        let ended = self.admin(arguments, input).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{arguments:?} {ended:?}");
        assert_eq!(ended.stdout.lines().count(), 1, "{ended:?}");
        serde_json::from_str(&ended.stdout).unwrap()
    }

    /// The code of what it was refused with, and the exit code.
    async fn refused(&self, arguments: &[&str], input: &str) -> (String, i32, String) {
        let ended = self.admin(arguments, input).await;
        assert_eq!(ended.stdout, "", "{arguments:?}");
        let error = serde_json::from_str::<Value>(&ended.stderr).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
        let text = |key: &str| error["error"][key].as_str().unwrap().to_owned();
        (text("code"), ended.code.unwrap(), text("message"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_added_while_the_gateway_is_down_and_can_sign_in_then() {
    let installation = Installation::with(CONFIG);
    let added = installation.done(&ADD, "a better password\n").await;
    assert_eq!((added.code, added.stderr.as_str()), (Some(0), ""), "{added:?}");
    assert!(added.stdout.contains("grace") && added.stdout.contains("inference") && !added.stdout.contains("better"), "{added:?}");
    let (child, address) = installation.serve().await;
    assert!(signs_in(address, PASSWORD).await);
    assert!(!signs_in(address, "a better password\n").await);
    assert_eq!(child.end().await.code, Some(0));

    let again = installation.done(&ADD, "another password").await;
    assert_eq!((again.code, again.stdout.as_str()), (Some(64), ""));
    assert!(again.stderr.contains("there is a user of that name already"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_added_while_the_gateway_runs_can_sign_in_at_once() {
    let installation = Installation::with(CONFIG);
    let (child, address) = installation.serve().await;
    let added = installation.done(&ADD, "a better password\n").await;
    assert_eq!((added.code, added.stderr.as_str()), (Some(0), ""), "{added:?}");
    assert!(signs_in(address, PASSWORD).await);
    let again = installation.done(&ADD, "another password").await;
    assert_eq!((again.code, again.stdout.as_str()), (Some(64), ""));
    assert!(again.stderr.contains("there is a user of that name already"), "{again:?}");
    child.end().await;
    assert_eq!(installation.told(&["user", "show", "grace"]).await["name"], "grace");
}

/// A user's life, told without what differs each time.
async fn life_of_a_user(installation: &Installation) -> Vec<Value> {
    let mut told = vec![
        installation
            .told_of(&["user", "add", "Grace", "--email", "grace@example.org", "--avatar", PICTURE, "--password-stdin"], PASSWORD)
            .await,
    ];
    told.push(installation.told_of(&["user", "add", "bob", "--scopes", "images", "--password-stdin"], PASSWORD).await);
    for verb in [&["disable", "grace"][..], &["show", "grace"], &["enable", "grace"], &["revoke", "grace"], &["scopes", "grace", "images"]]
    {
        told.push(installation.told(&[&["user"], verb].concat()).await);
    }
    told.push(installation.told_of(&["user", "reset", "grace", "--password-stdin"], "another password").await);
    told.extend(installation.told(&["user", "list"]).await.as_array().unwrap().clone());
    for user in &mut told {
        // Who has heard of it has a name of its own each time.
        user.as_object_mut().unwrap().remove("receipt");
        for (key, form) in [("id", 32), ("created", "2027-01-15T08:00:00Z".len())] {
            let value = user.as_object_mut().unwrap().remove(key).unwrap();
            assert_eq!(value.as_str().unwrap().len(), form, "{value}");
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_the_gateway_runs_or_not_the_same_comes_out() {
    let (up, down) = (Installation::with(CONFIG), Installation::with(CONFIG));
    let (child, address) = up.serve().await;
    let told = life_of_a_user(&up).await;
    assert_eq!(told, life_of_a_user(&down).await);
    let grace =
        |scopes, enabled| json!({"name": "grace", "email": "grace@example.org", "avatar": PICTURE, "scopes": scopes, "enabled": enabled});
    let all = "images inference";
    let bob = json!({"name": "bob", "email": null, "avatar": null, "scopes": "images", "enabled": true});
    let steps = [(all, true), (all, false), (all, false), (all, true), (all, true), ("images", true), ("images", true)];
    let mut expected: Vec<Value> = steps.into_iter().map(|(scopes, enabled)| grace(scopes, enabled)).collect();
    expected.insert(1, bob.clone());
    expected.extend([bob, grace("images", true)]);
    assert_eq!(told, expected);
    assert!(signs_in(address, "another password").await && !signs_in(address, PASSWORD).await);
    child.end().await;
    let (child, address) = down.serve().await;
    assert!(signs_in(address, "another password").await && !signs_in(address, PASSWORD).await);
    child.end().await;
}
