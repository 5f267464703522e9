//! A person with a browser that has no JavaScript: follows forms, keeps cookies.

use std::{collections::BTreeMap, net::SocketAddr, sync::Mutex};

use http::{HeaderValue, Request};

use super::{
    gateway::{Gateway, PASSWORD, USER},
    http::{self as client, Reply},
};

pub(crate) struct Person {
    address: SocketAddr,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Person {
    pub(crate) fn at(gateway: &Gateway) -> Self {
        Self::at_address(gateway.address)
    }

    /// A person at a gateway in another process.
    pub(crate) fn at_address(address: SocketAddr) -> Self {
        Self { address, cookies: Mutex::default() }
    }

    /// The same person, with all cookies, at another gateway that answers for the same address.
    pub(crate) fn at_another(self, address: SocketAddr) -> Self {
        Self { address, ..self }
    }

    /// The value of a cookie that the browser keeps.
    pub(crate) fn cookie(&self, name: &str) -> String {
        self.cookies.lock().unwrap()[name].clone()
    }

    /// A person who is signed in as the gateway's first user.
    pub(crate) async fn signed_in(gateway: &Gateway) -> Self {
        let person = Self::at(gateway);
        let reply = person.sign_in(USER, PASSWORD).await;
        assert_eq!(reply.status, 303, "{reply:?}");
        person
    }

    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Reply {
        let form = self.get("/sign-in").await;
        self.post("/sign-in", &[("form", &hidden(&form, "form")), ("name", name), ("password", password)]).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(client::get(path)).await
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.send(client::post_form(path, fields)).await
    }

    pub(crate) async fn send(&self, mut request: Request<http_body_util::Full<bytes::Bytes>>) -> Reply {
        let cookies: Vec<String> = self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request.headers_mut().insert("cookie", HeaderValue::from_str(&cookies.join("; ")).unwrap());
        }
        let reply = client::send(self.address, request).await;
        for line in reply.headers.get_all("set-cookie") {
            let cookie = cookie::Cookie::parse(line.to_str().unwrap().to_owned()).unwrap();
            self.cookies.lock().unwrap().insert(cookie.name().to_owned(), cookie.value().to_owned());
        }
        reply
    }

    /// Enters a code and answers the page that comes then.
    pub(crate) async fn enter(&self, user_code: &str) -> Reply {
        let page = self.get("/device").await;
        // The last form on the page; the first is the one that signs out.
        self.post("/device", &[("form", &last_hidden(&page, "form")), ("user_code", user_code)]).await
    }

    /// Enters a code and decides.
    pub(crate) async fn decide(&self, user_code: &str, decision: &str) -> Reply {
        let page = self.enter(user_code).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let (form, grant) = (last_hidden(&page, "form"), hidden(&page, "grant"));
        self.post("/device/decision", &[("form", &form), ("grant", &grant), ("decision", decision)]).await
    }

    pub(crate) async fn approve(&self, user_code: &str) {
        let reply = self.decide(user_code, "approve").await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }

    /// Decides about an app that asked for a code to be typed.
    pub(crate) async fn decide_app(&self, request_id: &str, decision: &str) -> Reply {
        let page = self.get(&format!("/authorize-app?request_id={request_id}")).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let fields = [("form", last_hidden(&page, "form")), ("request_id", hidden(&page, "request_id")), ("decision", decision.to_owned())];
        self.post("/authorize-app", &fields.each_ref().map(|(name, value)| (*name, value.as_str()))).await
    }

    /// Approves such an app, follows to the next page, and reads the code.
    pub(crate) async fn authorize(&self, request_id: &str) -> String {
        let reply = self.decide_app(request_id, "approve").await;
        assert_eq!(reply.status, 303, "{}", reply.text());
        let page = self.get(reply.header("location")).await;
        typed_code(&page).unwrap_or_else(|| panic!("no code in {}", page.text()))
    }

    /// Presses the first Revoke button under Connected applications.
    pub(crate) async fn revoke_first(&self) -> Reply {
        let page = self.get("/applications").await;
        let text = page.text();
        let card = Reply { body: text[text.find("<article").unwrap()..].to_owned().into(), ..page };
        self.post("/applications/revoke", &[("form", &hidden(&card, "form")), ("grant", &hidden(&card, "grant"))]).await
    }
}

/// The code that a page shows, if it does.
pub(crate) fn typed_code(page: &Reply) -> Option<String> {
    let text = page.text();
    let (_, after) = text.split_once("id=\"typed-code\" aria-hidden=\"true\">")?;
    Some(after.split('<').next()?.to_owned())
}

/// The value of the first hidden field of that name.
pub(crate) fn hidden(page: &Reply, name: &str) -> String {
    values(page, name).into_iter().next().unwrap_or_else(|| panic!("no {name} in {}", page.text()))
}

/// The value of the last hidden field of that name.
pub(crate) fn last_hidden(page: &Reply, name: &str) -> String {
    values(page, name).pop().unwrap_or_else(|| panic!("no {name} in {}", page.text()))
}

fn values(page: &Reply, name: &str) -> Vec<String> {
    let text = page.text();
    let before = format!("name=\"{name}\" value=\"");
    text.match_indices(&before).map(|(at, _)| text[at + before.len()..].split('"').next().unwrap().to_owned()).collect()
}
