//! A device that asks, and a person who says yes on the pages, each time at another replica.

use std::{collections::BTreeMap, net::SocketAddr};

use http::HeaderValue;
use serde_json::json;

use super::client::{Answer, Asked, Silence, ask};
use crate::support::http::{get, post_form, post_json};

/// Who says yes. Nobody revokes this user, whose browser so stays signed in.
pub(crate) const USER: &str = "ada";
pub(crate) const PASSWORD: &str = "correct horse";

/// The browser of [`USER`].
#[derive(Default)]
pub(crate) struct Browser {
    cookies: BTreeMap<String, String>,
    is_signed_in: bool,
}

impl Browser {
    /// The access token of a device that asked at one gateway, for whoever said yes at another; `None` where that did
    /// not come to an end.
    pub(crate) async fn log_in(&mut self, device: SocketAddr, here: SocketAddr) -> Result<Option<String>, Silence> {
        let begin = ask(device, post_json("/api/v1/auth/device", &json!({"device": {}}))).await?;
        let (Some(user_code), Some(device_code)) = (begin.said("user_code"), begin.said("device_code")) else { return Ok(None) };
        self.is_signed_in = self.is_signed_in && self.approve(here, &user_code).await?;
        if !self.is_signed_in {
            self.is_signed_in = self.sign_in(here).await? && self.approve(here, &user_code).await?;
        }
        let poll = ask(device, post_json("/api/v1/auth/device/token", &json!({ "device_code": device_code }))).await?;
        Ok(poll.said("access_token"))
    }

    async fn sign_in(&mut self, here: SocketAddr) -> Result<bool, Silence> {
        self.cookies.clear();
        let page = self.send(here, get("/sign-in")).await?;
        let Some(form) = last_hidden(&page, "form") else { return Ok(false) };
        let fields = [("form", form.as_str()), ("name", USER), ("password", PASSWORD)];
        Ok(self.send(here, post_form("/sign-in", &fields)).await?.status == 303)
    }

    async fn approve(&mut self, here: SocketAddr, user_code: &str) -> Result<bool, Silence> {
        let page = self.send(here, get("/device")).await?;
        let Some(form) = last_hidden(&page, "form") else { return Ok(false) };
        let page = self.send(here, post_form("/device", &[("form", &form), ("user_code", user_code)])).await?;
        let (Some(form), Some(grant)) = (last_hidden(&page, "form"), last_hidden(&page, "grant")) else { return Ok(false) };
        let decision = [("form", form.as_str()), ("grant", grant.as_str()), ("decision", "approve")];
        Ok(self.send(here, post_form("/device/decision", &decision)).await?.status == 200)
    }

    async fn send(&mut self, here: SocketAddr, mut request: Asked) -> Result<Answer, Silence> {
        let all: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if let Ok(all) = HeaderValue::from_str(&all.join("; ")) {
            request.headers_mut().insert("cookie", all);
        }
        let answer = ask(here, request).await?;
        let set = answer.head.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
        for cookie in set.filter_map(|line| cookie::Cookie::parse(line.to_owned()).ok()) {
            self.cookies.insert(cookie.name().to_owned(), cookie.value().to_owned());
        }
        Ok(answer)
    }
}

/// The value of the last hidden field of that name: the first form of a page is the one that signs out.
fn last_hidden(page: &Answer, name: &str) -> Option<String> {
    let text = page.text();
    let (_, value) = text.rsplit_once(&format!("name=\"{name}\" value=\""))?;
    Some(value.split('"').next()?.to_owned())
}
