//! Client libraries as people use them, at pinned versions, against the gateway.

mod authlib;
mod install;
mod oauth2;
mod openai;
mod openid;
mod script;

use serde_json::Value;

use crate::support::{gateway::Gateway, person::Person};

/// Bootspring's clients here: one that keeps no secret, and one that does.
const CONFIG: &str = r#"
public_url = "http://127.0.0.1:8080"
listen = "127.0.0.1:0"
threads = 1
drain = "2s"
[scopes]
inference = "Use the models."
[users]
default_scopes = ["inference"]
[dialects.bootspring]
hold = "0s"
interval = "1s"
default_client = false
[[dialects.bootspring.clients]]
id = "app"
name = "An app"
scopes = ["inference"]
[[dialects.bootspring.clients]]
id = "service"
name = "A service"
scopes = ["inference"]
secret = "file:root"
[upstreams.model]
url = "UPSTREAM"
[[routes]]
prefix = "/v1"
scopes = ["inference"]
"#;

/// The secret of the client `service`.
fn secret() -> String {
    "r".repeat(32)
}

/// A gateway with [`CONFIG`].
async fn gateway(upstream: std::net::SocketAddr) -> Gateway {
    Gateway::with(&CONFIG.replace("UPSTREAM", &format!("http://{upstream}"))).await
}

/// The user says yes to whoever shows this code.
async fn approve(gateway: &Gateway, user_code: &Value) {
    Person::signed_in(gateway).await.approve(user_code.as_str().unwrap()).await;
}
