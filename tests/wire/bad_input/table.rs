//! Every endpoint, what it takes, and how it says no.

use std::collections::BTreeSet;

use gatepost::{
    app::Plan,
    config::{Mounted, Paths, Written},
    ops::health,
    web,
};
use http::Method;
use serde_json::Value;

use super::world::CONFIG;
use crate::support::{http::Reply, pages};

/// Where the fields of a request stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sends {
    Nothing,
    Query,
    Form,
    Json,
    /// A form or JSON.
    Either,
    /// The query, or a form.
    QueryOrForm,
}

/// How an endpoint says no.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::wire) enum Says {
    /// `{"error", "error_description"}`.
    Flat,
    /// The same, and `message`.
    FlatAndMessage,
    /// `{"error": {"code", "message", "request_id"}, "message"}`.
    Nested,
    /// As OpenAI's API.
    OpenAi,
    /// `{"error": {"message", "type", "code"}}`.
    Typed,
    /// `{"error", "message"}`.
    FlatWithMessage,
    /// RFC 9457, with `code` and, about one field, `errors`.
    Problem,
    /// A sentence.
    Plain,
    /// A page.
    Page,
}

/// An endpoint, and the fields of one kind of request to it. `a.b` is `b` within the object `a`. In a path
/// `{name}` stands for what [`World`](super::world::World) knows under that name.
pub(super) struct Row {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) sends: Sends,
    pub(super) says: Says,
    pub(super) fields: &'static [&'static str],
}

const fn row(method: &'static str, path: &'static str, sends: Sends, says: Says, fields: &'static [&'static str]) -> Row {
    Row { method, path, sends, says, fields }
}

const START: &[&str] = &["client_id", "scope"];
const POLL: &[&str] = &["grant_type", "client_id", "device_code"];
const REFRESH: &[&str] = &["grant_type", "client_id", "refresh_token", "scope"];

const REDEEM: &[&str] = &["code", "client_id", "client_secret", "grant_type"];
const RENEW: &[&str] = &["refresh_token", "client_id", "client_secret", "grant_type"];

pub(super) const ROWS: &[Row] = &[
    row("POST", "/auth/device/code", Sends::Either, Says::Flat, START),
    row("POST", "/v1/auth/device/code", Sends::Either, Says::Flat, START),
    row("POST", "/auth/device/token", Sends::Either, Says::Flat, POLL),
    row("POST", "/auth/device/token", Sends::Either, Says::Flat, REFRESH),
    row("POST", "/v1/auth/device/token", Sends::Either, Says::Flat, POLL),
    row("POST", "/v1/auth/device/token", Sends::Either, Says::Flat, REFRESH),
    row("POST", "/api/v1/auth/device", Sends::Json, Says::FlatAndMessage, &["scope", "device.platform", "device.arch", "device.hostname"]),
    row("POST", "/api/v1/auth/device/token", Sends::Json, Says::FlatAndMessage, &["device_code"]),
    row("GET", "/api/v1/auth/me", Sends::Nothing, Says::Nested, &[]),
    row("POST", "/api/v1/auth/refresh", Sends::Json, Says::Nested, &["refreshToken"]),
    row("POST", "/api/v1/auth/logout", Sends::Json, Says::Nested, &["refreshToken"]),
    row("POST", "/api/auth/app/request", Sends::Json, Says::FlatWithMessage, &["app_name"]),
    row("POST", "/api/auth/app/exchange", Sends::Json, Says::FlatWithMessage, &["request_id", "code"]),
    row(
        "POST",
        "/v1/deviceAuthorizations",
        Sends::Json,
        Says::Problem,
        &["preset", "clientType", "clientName", "deviceId", "deviceLabel", "tenant"],
    ),
    row("GET", "/v1/deviceAuthorizations/{deviceCode}", Sends::Nothing, Says::Problem, &[]),
    row("GET", "/v1/deviceAuthorizations/{userCode}:lookup", Sends::Nothing, Says::Problem, &[]),
    row("POST", "/v1/tenants/{tenant}/deviceAuthorizations/{userCode}:deny", Sends::Nothing, Says::Problem, &[]),
    row("POST", "/v1/tenants/{tenant}/deviceAuthorizations/{userCode}:approve", Sends::Json, Says::Problem, &["preset"]),
    row("GET", "/v1/tenants/{tenant}/tokens", Sends::Nothing, Says::Problem, &[]),
    row("GET", "/v1/tenants/{tenant}/tokens/current", Sends::Nothing, Says::Problem, &[]),
    row("POST", "/v1/tenants/{tenant}/tokens/{id}:rotate", Sends::Json, Says::Problem, &["preset", "name"]),
    row("DELETE", "/v1/tenants/{tenant}/tokens/{id}", Sends::Nothing, Says::Problem, &[]),
    row("POST", "/api/v1/oauth/token/refresh", Sends::QueryOrForm, Says::Plain, REDEEM),
    row("OPTIONS", "/api/v1/oauth/token/refresh", Sends::Nothing, Says::Plain, &[]),
    row("POST", "/api/v1/oauth/token/refresh2", Sends::QueryOrForm, Says::Plain, REDEEM),
    row("OPTIONS", "/api/v1/oauth/token/refresh2", Sends::Nothing, Says::Plain, &[]),
    row("POST", "/api/v1/oauth/token/access", Sends::QueryOrForm, Says::Plain, RENEW),
    row("OPTIONS", "/api/v1/oauth/token/access", Sends::Nothing, Says::Plain, &[]),
    row("POST", "/api/v1/oauth/token/access2", Sends::QueryOrForm, Says::Plain, RENEW),
    row("OPTIONS", "/api/v1/oauth/token/access2", Sends::Nothing, Says::Plain, &[]),
    row("GET", "/api/v1/account", Sends::Nothing, Says::OpenAi, &[]),
    row("OPTIONS", "/api/v1/account", Sends::Nothing, Says::OpenAi, &[]),
    row("GET", "/api/v1/account/authorizedApps", Sends::Nothing, Says::OpenAi, &[]),
    row("OPTIONS", "/api/v1/account/authorizedApps", Sends::Nothing, Says::OpenAi, &[]),
    // What it ends is needed above.
    row("DELETE", "/api/v1/account/authorizedApps/one", Sends::Nothing, Says::OpenAi, &[]),
    row("OPTIONS", "/api/v1/account/authorizedApps/one", Sends::Nothing, Says::OpenAi, &[]),
    row("GET", "/api/v1/app/one/public", Sends::Nothing, Says::OpenAi, &[]),
    row("OPTIONS", "/api/v1/app/one/public", Sends::Nothing, Says::OpenAi, &[]),
    row("POST", "/oauth/token", Sends::Form, Says::Flat, &["grant_type", "client_id", "code", "redirect_uri", "code_verifier"]),
    row("POST", "/oauth/token", Sends::Form, Says::Flat, POLL),
    row("POST", "/oauth/token", Sends::Form, Says::Flat, REFRESH),
    row("POST", "/oauth/token", Sends::Form, Says::Flat, &["grant_type", "client_id", "client_secret", "scope"]),
    row("POST", "/oauth/device_authorization", Sends::Form, Says::Flat, START),
    row("POST", "/oauth/introspect", Sends::Form, Says::Flat, &["client_id", "client_secret", "token"]),
    row("GET", "/oauth/userinfo", Sends::Nothing, Says::Flat, &[]),
    row("POST", "/oauth/userinfo", Sends::Nothing, Says::Flat, &[]),
    // What it takes back is needed above.
    row("POST", "/oauth/revoke", Sends::Form, Says::Flat, &["client_id", "token"]),
    row("GET", "/.well-known/oauth-authorization-server", Sends::Nothing, Says::Flat, &[]),
    row("HEAD", "/.well-known/oauth-authorization-server", Sends::Nothing, Says::Flat, &[]),
    row("GET", "/authorize-app", Sends::Query, Says::Page, &["request_id"]),
    row("POST", "/authorize-app", Sends::Form, Says::Page, &["form", "request_id", "decision"]),
    row("GET", "/", Sends::Nothing, Says::Page, &[]),
    row("GET", "/sign-in", Sends::Query, Says::Page, &["to", "user_code"]),
    row("POST", "/sign-in", Sends::Form, Says::Page, &["form", "name", "password", "to", "user_code"]),
    row("GET", "/device", Sends::Query, Says::Page, &["user_code"]),
    row("POST", "/device", Sends::Form, Says::Page, &["form", "user_code"]),
    row("POST", "/device/decision", Sends::Form, Says::Page, &["form", "grant", "decision"]),
    row("GET", "/applications", Sends::Nothing, Says::Page, &[]),
    row("POST", "/applications/revoke", Sends::Form, Says::Page, &["form", "grant"]),
    row("POST", "/applications/revoke-all", Sends::Form, Says::Page, &["form", "dialect", "client", "app"]),
    row("GET", "/account", Sends::Nothing, Says::Page, &[]),
    row("POST", "/account/tokens", Sends::Form, Says::Page, &["form", "name", "scope.inference", "days"]),
    row("POST", "/account/tokens/revoke", Sends::Form, Says::Page, &["form", "grant"]),
    row("GET", "/apps", Sends::Nothing, Says::Page, &[]),
    row("GET", "/apps/new", Sends::Query, Says::Page, &["dialect"]),
    row(
        "POST",
        "/apps/new",
        Sends::Form,
        Says::Page,
        &["form", "dialect", "name", "description", "redirect_uris", "scope.inference", "public"],
    ),
    row("GET", "/apps/app", Sends::Query, Says::Page, &["dialect", "client"]),
    row(
        "POST",
        "/apps/app",
        Sends::Form,
        Says::Page,
        &["form", "dialect", "client", "name", "description", "redirect_uris", "scope.inference"],
    ),
    row("GET", "/apps/reset-secret", Sends::Query, Says::Page, &["dialect", "client"]),
    row("POST", "/apps/reset-secret", Sends::Form, Says::Page, &["form", "dialect", "client"]),
    row("GET", "/apps/delete", Sends::Query, Says::Page, &["dialect", "client"]),
    row("POST", "/apps/delete", Sends::Form, Says::Page, &["form", "dialect", "client"]),
    row("GET", "/language", Sends::Query, Says::Page, &["lang", "to", "user_code"]),
    row("POST", "/sign-out", Sends::Form, Says::Page, &["form"]),
    // After it every other session has ended.
    row("POST", "/account/password", Sends::Form, Says::Page, &["form", "current", "new", "again"]),
    row("GET", "/gatepost.css", Sends::Nothing, Says::Page, &[]),
    row("GET", "/gatepost.js", Sends::Nothing, Says::Page, &[]),
    row("GET", "/gatepost-logo", Sends::Nothing, Says::Page, &[]),
    row("GET", "/health", Sends::Nothing, Says::OpenAi, &[]),
    row("HEAD", "/health", Sends::Nothing, Says::OpenAi, &[]),
];

/// What the gateway says that it answers: methods and paths.
pub(super) fn claimed() -> BTreeSet<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("root"), "r".repeat(32)).unwrap();
    let written = Written { name: "test", text: &CONFIG, folder: folder.path() };
    let plan = Plan::read(written).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    // Serika's endpoints are held by tests/wire/serika, the documents about resources by tests/proxy.
    let is_held_elsewhere = |claim: &gatepost::config::Claim| claim.owner == "dialect serika" || matches!(claim.paths, Paths::Prefix(_));
    let dialects = plan.dialects.iter().flat_map(Mounted::claims).filter(|claim| !is_held_elsewhere(claim));
    let claims = dialects.chain([health::claim()]);
    let named = |claim: gatepost::config::Claim| {
        let Paths::Exact(path) = claim.paths else { panic!("{:?} is no endpoint", claim.paths) };
        // What is claimed whole is a page with a form.
        let methods = if claim.methods.is_empty() { vec![Method::GET, Method::POST] } else { claim.methods };
        methods
            .into_iter()
            .map(move |method| (method.to_string(), if path.starts_with("/api/v1/a") { path.replace("{id}", "one") } else { path.clone() }))
    };
    let page = |(_, path, serves): (&str, &str, web::Serves)| {
        let method = if matches!(serves, web::Serves::Form(_)) { "POST" } else { "GET" };
        (method.to_owned(), path.to_owned())
    };
    // What is wrong at an authorization page the app is told: tests/wire/pages/authorize.rs. The page of a
    // login is held by tests/wire/pages.
    let is_page = |(_, path): &(String, String)| ["/oauth/authorize", "/api/v1/oauth/auth", "/device-auth"].contains(&path.as_str());
    claims.flat_map(named).filter(|claim| !is_page(claim)).chain(web::PAGES.into_iter().map(page)).collect()
}

impl Row {
    pub(super) fn is_page(&self) -> bool {
        self.says == Says::Page
    }

    /// The names under which objects are expected.
    pub(super) fn objects(&self) -> impl Iterator<Item = &'static str> {
        let objects: BTreeSet<&str> = self.fields.iter().filter_map(|field| Some(field.split_once('.')?.0)).collect();
        objects.into_iter()
    }
}

impl Says {
    /// Holds that an answer says in this shape that the request was no good, and that nobody keeps it.
    pub(super) fn check(self, reply: &Reply, at: &str) {
        let word = self.word(reply, at);
        let known = ["invalid_request", "method_not_allowed"];
        assert!(word.is_none_or(|word| known.contains(&word.as_str())), "{at}: {}", reply.text());
    }

    /// Holds that an answer is a no of this shape, and that nobody keeps it. Answers its word for programs,
    /// where the shape has one.
    pub(in crate::wire) fn word(self, reply: &Reply, at: &str) -> Option<String> {
        assert!(reply.status.is_client_error(), "{at}: {}", reply.status);
        assert_eq!(reply.header("cache-control"), "no-store", "{at}");
        if self == Self::Page {
            pages::check_guarded(reply, at);
            return None;
        }
        if self == Self::Plain {
            assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8", "{at}");
            assert!(!reply.text().is_empty() && reply.text().bytes().all(|byte| matches!(byte, b' '..=b'~')), "{at}: {}", reply.text());
            return None;
        }
        let content_type = if self == Self::Problem { "application/problem+json" } else { "application/json" };
        assert_eq!(reply.header("content-type"), content_type, "{at}");
        let no = reply.json();
        let names = |value: &Value| -> Vec<String> { value.as_object().unwrap_or_else(|| panic!("{at}: {no}")).keys().cloned().collect() };
        let words = match self {
            Self::Flat => {
                assert_eq!(names(&no), ["error", "error_description"], "{at}");
                &no["error_description"]
            }
            Self::FlatAndMessage => {
                assert_eq!(names(&no), ["error", "error_description", "message"], "{at}");
                assert_eq!(no["message"], no["error_description"], "{at}");
                &no["message"]
            }
            Self::FlatWithMessage => {
                assert_eq!(names(&no), ["error", "message"], "{at}");
                &no["message"]
            }
            Self::Nested => {
                assert_eq!(names(&no), ["error", "message"], "{at}");
                assert_eq!(names(&no["error"]), ["code", "message", "request_id"], "{at}");
                assert_eq!(no["message"], no["error"]["message"], "{at}");
                &no["message"]
            }
            Self::Problem => {
                let mut found = names(&no);
                found.retain(|name| name != "errors");
                assert_eq!(found, ["code", "detail", "instance", "status", "title", "type"], "{at}");
                assert_eq!(no["status"], reply.status.as_u16(), "{at}");
                &no["detail"]
            }
            Self::Typed => {
                assert_eq!(names(&no), ["error"], "{at}");
                assert_eq!(names(&no["error"]), ["code", "message", "type"], "{at}");
                &no["error"]["message"]
            }
            Self::OpenAi | Self::Plain | Self::Page => {
                assert_eq!(names(&no["error"]), ["code", "message", "param", "request_id", "type"], "{at}");
                &no["error"]["message"]
            }
        };
        // RFC 6749 section 5.2.
        let words = words.as_str().unwrap_or_else(|| panic!("{at}: {no}"));
        assert!(words.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')), "{at}: {words}");
        let code = match &no["error"] {
            Value::Null => &no["code"],
            Value::Object(error) => &error["code"],
            word => word,
        };
        Some(code.as_str().unwrap_or_else(|| panic!("{at}: {no}")).to_owned())
    }
}
