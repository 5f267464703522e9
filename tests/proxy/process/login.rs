//! A whole login over a socket: a device asks, a person signs in and approves, the device fetches
//! its tokens.

use std::net::SocketAddr;

use serde_json::Value;

use crate::support::{
    http::{Reply, get, post_form, send},
    person::{hidden, last_hidden},
};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What went over the wire, and must not be seen anywhere else.
#[derive(Debug)]
pub(super) struct Login {
    pub(super) access: String,
    pub(super) refresh: String,
    pub(super) device_code: String,
    pub(super) user_code: String,
    pub(super) verification_uri: String,
    pub(super) cookies: String,
    /// The names of all requests that it took.
    pub(super) requests: Vec<String>,
}

/// A browser, as far as it is needed.
struct Browser {
    address: SocketAddr,
    cookies: Vec<String>,
    requests: Vec<String>,
}

impl Browser {
    async fn get(&mut self, path: &str) -> Reply {
        self.send(get(path)).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.send(post_form(path, fields)).await
    }

    async fn send(&mut self, mut request: http::Request<http_body_util::Full<bytes::Bytes>>) -> Reply {
        request.headers_mut().insert("cookie", self.cookies.join("; ").parse().unwrap());
        let reply = send(self.address, request).await;
        self.requests.push(reply.header("x-request-id").to_owned());
        for cookie in reply.headers.get_all("set-cookie") {
            self.cookies.push(cookie.to_str().unwrap().split(';').next().unwrap().to_owned());
        }
        reply
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}

/// Logs a client in with a person's yes.
pub(super) async fn log_in(address: SocketAddr, user: &str, password: &str, client: &str) -> Login {
    let mut browser = Browser { address, cookies: Vec::new(), requests: Vec::new() };
    let asked = browser.post("/auth/device/code", &[("client_id", client)]).await.json();
    let (device_code, user_code) = (text(&asked, "device_code"), text(&asked, "user_code"));
    let poll = [("grant_type", DEVICE_CODE), ("client_id", client), ("device_code", device_code.as_str())];
    assert_eq!(browser.post("/auth/device/token", &poll).await.json()["error"], "authorization_pending");

    let page = browser.get("/sign-in").await;
    let fields = [("form", hidden(&page, "form")), ("name", user.to_owned()), ("password", password.to_owned())];
    let reply = browser.post("/sign-in", &fields.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    assert_eq!(reply.status, 303, "{}", reply.text());
    let page = browser.get(&format!("/device?user_code={user_code}")).await;
    let entered = browser.post("/device", &[("form", &last_hidden(&page, "form")), ("user_code", &user_code)]).await;
    let (form, grant) = (last_hidden(&entered, "form"), hidden(&entered, "grant"));
    let decided = browser.post("/device/decision", &[("form", &form), ("grant", &grant), ("decision", "approve")]).await;
    assert_eq!(decided.status, 200, "{}", decided.text());

    let tokens = browser.post("/auth/device/token", &poll).await.json();
    Login {
        access: text(&tokens, "access_token"),
        refresh: text(&tokens, "refresh_token"),
        verification_uri: text(&asked, "verification_uri"),
        device_code,
        user_code,
        cookies: browser.cookies.join("; "),
        requests: browser.requests,
    }
}
