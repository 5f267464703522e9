//! The published command line of Fruxon, as people use it. What its exit codes mean stands in its
//! `ui.py`: 10 is "log in", 12 is "this was no good".

mod command;

use std::time::Duration;

use gatepost::message::{Body, body};
use http::{Response, header};
use serde_json::{Value, json};

use self::command::Computer;
use crate::support::{
    gateway::Gateway,
    http::{Reply, bearing, get},
    person::Person,
    upstream::{Seen, Upstream},
};

/// "Sign-in expired before it was approved", and all else that it takes for bad input.
const VALIDATION: Option<i32> = Some(12);
/// No key, or one that the server does not take.
const AUTH_REQUIRED: Option<i32> = Some(10);

/// Observers may read; what operators may do besides is to execute.
const CONFIG: &str = r#"
public_url = "http://127.0.0.1:8080"
listen = "127.0.0.1:0"
threads = 1
drain = "2s"
[scopes]
"agents:read" = "See agents."
"agents:execute" = "Run agents."
"agents:write" = "Change agents."
[users]
default_scopes = ["agents:read", "agents:execute", "agents:write"]
[dialects.fruxon]
[upstreams.platform]
url = "UPSTREAM"
[[routes]]
prefix = "/v1/tenants/{tenant}/agents"
scopes = ["agents:read"]
errors = "problem"
[[routes]]
prefix = "/v1/tenants/{tenant}/executions"
scopes = ["agents:execute"]
errors = "problem"
[[routes]]
prefix = "/v1/tenants/{tenant}/environments"
scopes = ["agents:write"]
errors = "problem"
"#;

/// One page with one agent, as the platform answers.
fn agents() -> Response<Body> {
    let agent = json!({"id": "invoices", "displayName": "Invoices", "enabled": true, "currentRevision": 3, "tags": ["finance"]});
    let page = json!({"items": [agent], "nextPageToken": null}).to_string();
    Response::builder().header(header::CONTENT_TYPE, "application/json").body(body::full(page)).unwrap()
}

/// A gateway before the platform, and a computer where nobody has logged in yet.
struct Scene {
    gateway: Gateway,
    platform: Upstream,
    computer: Computer,
}

impl Scene {
    async fn set() -> Option<Self> {
        let computer = Computer::new()?;
        let platform = Upstream::answering(|_: Seen| async { agents() }).await;
        let gateway = Gateway::with(&CONFIG.replace("UPSTREAM", &format!("http://{}", platform.address))).await;
        Some(Self { gateway, platform, computer })
    }

    /// A scene in which Ada has approved this preset.
    async fn logged_in(preset: &str) -> Option<Self> {
        let scene = Self::set().await?;
        scene.log_in(preset).await;
        Some(scene)
    }

    async fn log_in(&self, preset: &str) {
        let login = self.computer.login(&self.gateway, preset).await;
        decide(&self.gateway, &login.user_code, "approve").await;
        let ended = login.ended().await;
        assert!(ended.code == Some(0) && ended.told().contains("Workspace default"), "{ended:?}");
    }

    /// The keys of the workspace, as the command line lists them.
    async fn keys(&self) -> Vec<Value> {
        self.computer.json(&["keys", "list"]).await.as_array().unwrap().clone()
    }
}

/// Ada comes by the link of a login and decides.
async fn decide(gateway: &Gateway, user_code: &str, decision: &str) {
    let person = Person::signed_in(gateway).await;
    let mut page = person.get(&format!("/device-auth?user_code={user_code}")).await;
    if !page.text().contains("name=\"decision\"") {
        // The link fills the code in; that it is the right one is hers to confirm.
        page = submit(&person, &page, "user_code", user_code).await;
    }
    let decided = submit(&person, &page, "decision", decision).await;
    assert_eq!(decided.status, 200, "{}", decided.text());
}

/// Sends the form that has this field, filled with this.
async fn submit(person: &Person, page: &Reply, field: &str, value: &str) -> Reply {
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    let named = format!("name=\"{field}\"");
    let form = text.split("<form").find(|form| form.contains(&named)).unwrap_or_else(|| panic!("no {field} in {text}"));
    let form = form.split("</form>").next().unwrap();
    let action = between(form, "action=\"").to_owned();
    let inputs = form.split("<input").skip(1).filter(|input| input.contains("type=\"hidden\""));
    let mut fields: Vec<(&str, &str)> = inputs.map(|input| (between(input, "name=\""), between(input, "value=\""))).collect();
    fields.push((field, value));
    person.post(&action, &fields).await
}

fn between<'a>(text: &'a str, before: &str) -> &'a str {
    text.split(before).nth(1).unwrap_or_else(|| panic!("no {before} in {text}")).split('"').next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn fruxon_logs_in_says_who_it_is_and_lists_what_is_forwarded() {
    let Some(scene) = Scene::set().await else { return };
    let Scene { gateway, platform, computer } = &scene;
    let login = computer.login(gateway, "operator").await;
    assert!(login.user_code.chars().all(|letter| "BCDFGHJKLMNPQRSTVWXZ".contains(letter)), "{}", login.shown);
    decide(gateway, &login.user_code, "approve").await;
    let ended = login.ended().await;
    assert!(ended.code == Some(0) && ended.told().contains("Signed in"), "{ended:?}");

    let who = computer.json(&["whoami"]).await;
    assert_eq!((&who["signed_in"], &who["workspace"]), (&json!(true), &json!("default")));
    let (key, secret) = (&who["current_key"], computer.key("default"));
    assert_eq!((&key["scopes"], &key["revokedAt"]), (&json!(["agents:execute", "agents:read"]), &Value::Null));
    // It reads times as milliseconds.
    let ninety_days = 90 * 24 * 3600 * 1000;
    assert_eq!(key["expiresAt"], json!(gateway.time.clock().now().as_millisecond() + ninety_days));
    let prefix = key["keyPrefix"].as_str().unwrap();
    assert!(prefix.starts_with("fx_pat_") && prefix != secret && secret.starts_with(prefix), "{who}");
    assert!(key["name"].as_str().unwrap().contains("Fruxon CLI 2.0.2"), "{who}");

    let agents = computer.json(&["agents", "list"]).await;
    assert_eq!((&agents[0]["id"], &agents[0]["currentRevision"]), (&json!("invoices"), &json!(3)));
    let seen = platform.seen();
    let [call] = seen.as_slice() else { panic!("{seen:?}") };
    assert!(call.target == "/v1/tenants/default/agents" && !call.headers.contains_key(header::AUTHORIZATION), "{call:?}");
    scene.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fruxon_revokes_its_own_key_and_has_to_log_in_again() {
    let Some(scene) = Scene::logged_in("operator").await else { return };
    let keys = scene.keys().await;
    let [key] = keys.as_slice() else { panic!("{keys:?}") };
    // It takes an id for one where it looks like a UUID; whatever else it is given, it looks for among
    // names and prefixes.
    let id = key["id"].as_str().unwrap();
    let revoked = scene.computer.run(&["keys", "revoke", id]).await;
    assert_eq!(revoked.code, Some(0), "{revoked:?}");
    let listed = scene.computer.run(&["agents", "list"]).await;
    assert!(listed.code == AUTH_REQUIRED && listed.told().contains("401"), "{listed:?}");
    assert!(scene.platform.seen().is_empty());
    scene.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fruxon_is_shut_out_once_its_user_takes_the_access_back() {
    let Some(scene) = Scene::logged_in("operator").await else { return };
    assert_eq!(scene.computer.run(&["agents", "list"]).await.code, Some(0));
    assert_eq!(Person::signed_in(&scene.gateway).await.revoke_first().await.status, 303);
    let listed = scene.computer.run(&["agents", "list"]).await;
    assert!(listed.code == AUTH_REQUIRED && listed.told().contains("401"), "{listed:?}");
    assert_eq!(scene.platform.seen().len(), 1);
    scene.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fruxon_logs_in_again_and_the_key_of_its_computer_is_replaced_in_place() {
    let Some(scene) = Scene::logged_in("observer").await else { return };
    let (first, before) = (scene.computer.key("default"), scene.keys().await);
    let ask = async |key: &str| scene.gateway.send(bearing(get("/v1/tenants/default/agents"), key)).await.status;
    assert_eq!(ask(&first).await, 200);
    scene.log_in("operator").await;
    let (second, after) = (scene.computer.key("default"), scene.keys().await);
    assert_eq!((before.len(), after.len(), &before[0]["id"]), (1, 1, &after[0]["id"]));
    let scopes = (&before[0]["scopes"], &after[0]["scopes"]);
    assert_eq!(scopes, (&json!(["agents:read"]), &json!(["agents:execute", "agents:read"])));
    assert_eq!((ask(&first).await.as_u16(), ask(&second).await.as_u16()), (401, 200));

    // Another computer has another key.
    let other = Computer::new().unwrap();
    let login = other.login(&scene.gateway, "observer").await;
    decide(&scene.gateway, &login.user_code, "approve").await;
    assert_eq!(login.ended().await.code, Some(0));
    let others = other.json(&["keys", "list"]).await;
    // Neither may look after the other.
    assert_eq!((others.as_array().unwrap().len(), scene.keys().await.len(), ask(&second).await.as_u16()), (1, 1, 200));
    assert_ne!(others[0]["id"], after[0]["id"]);
    scene.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fruxon_is_told_of_the_no() {
    let Some(scene) = Scene::set().await else { return };
    let login = scene.computer.login(&scene.gateway, "operator").await;
    decide(&scene.gateway, &login.user_code, "deny").await;
    let ended = login.ended().await;
    // It knows one word for all that ended a login.
    assert!(ended.code == VALIDATION && ended.told().contains("expired before it was approved"), "{ended:?}");
    scene.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fruxon_gives_up_where_nobody_decides_in_time() {
    let Some(scene) = Scene::set().await else { return };
    let login = scene.computer.login(&scene.gateway, "operator").await;
    scene.gateway.time.advance(Duration::from_secs(600));
    let ended = login.ended().await;
    assert!(ended.code == VALIDATION && ended.told().contains("expired before it was approved"), "{ended:?}");
    scene.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fruxon_says_which_scope_is_missing_and_which_preset_has_it() {
    let Some(scene) = Scene::logged_in("observer").await else { return };
    let listed = scene.computer.run(&["environments", "list"]).await;
    assert_eq!(listed.code, AUTH_REQUIRED, "{listed:?}");
    let told = listed.told();
    assert!(told.contains("This key can't agents:write. Granted: agents:read"), "{told}");
    assert!(told.contains("fruxon login --preset developer"), "{told}");
    assert!(scene.platform.seen().is_empty());
    scene.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fruxon_without_a_login_asks_for_one() {
    let Some(computer) = Computer::new() else { return };
    let listed = computer.run(&["agents", "list"]).await;
    assert!(listed.code == AUTH_REQUIRED && listed.told().contains("fruxon login"), "{listed:?}");
}
