//! Client libraries as people use them, at pinned versions, against the gateway.

mod authlib;
mod code;
mod fruxon;
mod install;
mod mcp;
mod oauth2;
mod octokit;
mod openai;
mod openid;
mod script;
mod serble;

use serde_json::Value;
use tokio::net::TcpSocket;

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
[[routes]]
prefix = "/v2"
scopes = ["inference"]
"#;

/// The standard's: apps that keep no secret, one of them with signed tokens, a service that keeps
/// one, and a server that asks what tokens are worth.
const STANDARD: &str = r#"
public_url = "ISSUER"
listen = "LISTEN"
threads = 1
drain = "2s"
[scopes]
inference = "Use the models."
tools = "Use the tools."
[users]
default_scopes = ["inference", "tools"]
[dialects.standard]
hold = "0s"
interval = "1s"
registration = { scopes = ["tools"] }
[[dialects.standard.clients]]
id = "app"
name = "An app"
scopes = ["inference"]
redirect_uris = ["http://127.0.0.1/callback"]
grant_types = ["authorization_code", "refresh_token", "device_code"]
[[dialects.standard.clients]]
id = "signed"
name = "An app"
scopes = ["inference"]
redirect_uris = ["http://127.0.0.1/callback"]
tokens = "EdDSA"
[[dialects.standard.clients]]
id = "service"
name = "A service"
scopes = ["inference"]
redirect_uris = ["http://127.0.0.1/callback"]
secret = "file:root"
[[dialects.standard.clients]]
id = "resource-server"
name = "A server of ours"
scopes = []
secret = "file:root"
resource_server = true
[upstreams.model]
url = "UPSTREAM"
[[routes]]
prefix = "/v1"
scopes = ["inference"]
[[routes]]
prefix = "/v2"
scopes = ["inference"]
[[routes]]
prefix = "/mcp"
scopes = ["tools"]
"#;

/// The secret of each client that keeps one.
fn secret() -> String {
    "r".repeat(32)
}

/// A gateway with [`CONFIG`].
async fn gateway(upstream: std::net::SocketAddr) -> Gateway {
    Gateway::with(&CONFIG.replace("UPSTREAM", &format!("http://{upstream}"))).await
}

/// A gateway with [`STANDARD`] that is found where its issuer says, since libraries compare the two.
struct Standard {
    gateway: Gateway,
    issuer: String,
    // Keeps the port from everybody else: the gateway shares its own with those who share theirs.
    _port: TcpSocket,
}

impl Standard {
    async fn before(upstream: std::net::SocketAddr) -> Self {
        let port = TcpSocket::new_v4().unwrap();
        port.set_reuseaddr(true).unwrap();
        port.set_reuseport(true).unwrap();
        port.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listen = port.local_addr().unwrap().to_string();
        let issuer = format!("http://{listen}");
        let config = STANDARD.replace("ISSUER", &issuer).replace("LISTEN", &listen).replace("UPSTREAM", &format!("http://{upstream}"));
        Self { gateway: Gateway::with(&config).await, issuer, _port: port }
    }
}

/// The user says yes to whoever shows this code.
async fn approve(gateway: &Gateway, user_code: &Value) {
    Person::signed_in(gateway).await.approve(user_code.as_str().unwrap()).await;
}
