//! Every endpoint of every dialect, and the forwarded routes: where a credential may stand there, which
//! one is right, and how the endpoint says no.

use std::collections::BTreeSet;

use gatepost::{
    app::Plan,
    config::{Mounted, Paths, Written},
};
use http::Method;

use self::{
    Sends::{Form, Json, Query},
    Takes::{Cookie, Field, NoField, Nothing, Personal, Scope, Token},
    Uses::{Ends, Spends},
};
use super::credentials::{
    Kind::{self, Access, ClientSecret, Code, DeviceCode, Refresh, Request, Typed, UserCode},
    config,
};
use crate::wire::bad_input::table::Says;

/// Where the credential of a request stands, if not in a header field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sends {
    Query,
    Form,
    Json,
}

/// What an endpoint goes by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Takes {
    /// Nothing: everybody is answered the same.
    Nothing,
    /// What stands for `?` in the path or in a field. It is right if it is of this kind, and this client's.
    Field(Kind, &'static str),
    /// The same, and right is none: what is there is another client's, or somebody else's.
    NoField,
    /// An access token of this dialect.
    Token(&'static str),
    /// A personal token with this scope.
    Personal(&'static str),
    /// An access token of any dialect with this scope.
    Scope(&'static str),
    /// The cookie of somebody who is signed in.
    Cookie,
}

/// What becomes of a credential that is right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Uses {
    /// It may be shown again and again.
    Keeps,
    /// It is used up, or another is given for it.
    Spends,
    /// It ends, and nothing is given for it.
    Ends,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint {
    pub(super) dialect: &'static str,
    pub(super) method: &'static str,
    /// As it is claimed; `{name}` and the credential's `?` are filled in.
    pub(super) path: &'static str,
    /// What is filled in: `name=value`, where `$value` names one of the house's.
    pub(super) segments: &'static [(&'static str, &'static str)],
    pub(super) sends: Sends,
    pub(super) fields: &'static [(&'static str, &'static str)],
    /// The token that is needed beside the credential in a field.
    pub(super) bearer: Option<&'static str>,
    pub(super) takes: Takes,
    pub(super) uses: Uses,
    /// Whether what the path names is somebody else's, so that the right credential is none either.
    pub(super) is_anothers: bool,
    /// The status and the word for a credential in a field that is unknown here, and for what is another's.
    pub(super) no: (u16, &'static str),
}

const fn at(dialect: &'static str, method: &'static str, path: &'static str, takes: Takes) -> Endpoint {
    let no = (400, "invalid_grant");
    let (uses, is_anothers) = (Uses::Keeps, false);
    Endpoint { dialect, method, path, segments: &[], sends: Sends::Form, fields: &[], bearer: None, takes, uses, is_anothers, no }
}

impl Endpoint {
    const fn with(self, sends: Sends, fields: &'static [(&'static str, &'static str)]) -> Self {
        Self { sends, fields, ..self }
    }

    const fn of(self, segments: &'static [(&'static str, &'static str)]) -> Self {
        Self { segments, ..self }
    }

    const fn as_bearer(self, bearer: &'static str) -> Self {
        Self { bearer: Some(bearer), ..self }
    }

    const fn which(self, uses: Uses) -> Self {
        Self { uses, ..self }
    }

    const fn anothers(self, word: &'static str) -> Self {
        Self { is_anothers: true, no: (404, word), ..self }
    }

    const fn says_no(self, status: u16, word: &'static str) -> Self {
        Self { no: (status, word), ..self }
    }

    /// How it says no: by the dialect, and by the family of paths where a dialect has several.
    pub(super) fn says(&self) -> Says {
        let below = |prefix: &str| self.path.starts_with(prefix);
        let is_page = ["/authorize", "/authorize-app", "/device-auth", "/oauth/auth", "/device", "/applications"];
        match self.dialect {
            _ if is_page.iter().any(|page| self.path.ends_with(page)) => Says::Page,
            "bootspring" if below("/api/v1/auth/device") => Says::FlatAndMessage,
            "bootspring" if below("/api") => Says::Nested,
            "bootspring" | "standard" => Says::Flat,
            "serechat" => Says::FlatWithMessage,
            "serika" if self.path.ends_with("/token") => Says::Flat,
            "serika" => Says::Typed,
            "serble" if below("/api/v1/oauth/token") => Says::Plain,
            "serble" | "a route" => Says::OpenAi,
            "fruxon" | "a problem route" => Says::Problem,
            other => panic!("nobody says how {other} says no"),
        }
    }
}

const ACME: (&str, &str) = ("tenant", "acme");
const POLL: &[(&str, &str)] = &[("grant_type", "$device grant"), ("client_id", "bootspring-cli"), ("device_code", "?")];
const REFRESH: &[(&str, &str)] = &[("grant_type", "refresh_token"), ("client_id", "bootspring-cli"), ("refresh_token", "?")];
const REDEEM: &[(&str, &str)] =
    &[("code", "?"), ("client_id", "photos"), ("client_secret", "$photos"), ("grant_type", "authorization_code")];
const RENEW: &[(&str, &str)] =
    &[("refresh_token", "?"), ("client_id", "photos"), ("client_secret", "$photos"), ("grant_type", "authorization_code")];
const WEB: &[(&str, &str)] = &[
    ("response_type", "code"),
    ("client_id", "web"),
    ("redirect_uri", "$callback"),
    ("code_challenge", "$challenge"),
    ("code_challenge_method", "S256"),
];
const BOTH: &[(&str, &str)] = &[
    ("response_type", "code"),
    ("client_id", "both"),
    ("redirect_uri", "$callback"),
    ("code_challenge", "$challenge"),
    ("code_challenge_method", "S256"),
];
/// Serble's, at the address that it shares with the standard.
const PHOTOS: &[(&str, &str)] =
    &[("response_type", "token"), ("client_id", "photos"), ("redirect_uri", "$callback"), ("scope", "inference"), ("state", "x")];
const INVALID_CODE: &str = "Invalid authorization code";

/// In this order.
pub(super) const ENDPOINTS: &[Endpoint] = &[
    // Bootspring.
    at("bootspring", "POST", "/auth/device/code", Nothing).with(Form, &[("client_id", "bootspring-cli")]),
    at("bootspring", "POST", "/v1/auth/device/code", Nothing).with(Form, &[("client_id", "bootspring-cli")]),
    at("bootspring", "POST", "/api/v1/auth/device", Nothing).with(Json, &[("client", "x")]),
    at("bootspring", "POST", "/auth/device/token", Field(DeviceCode, "bootspring-cli")).with(Form, POLL).which(Spends),
    at("bootspring", "POST", "/v1/auth/device/token", Field(DeviceCode, "bootspring-cli")).with(Json, POLL).which(Spends),
    at("bootspring", "POST", "/auth/device/token", NoField)
        .with(Form, &[("grant_type", "$device grant"), ("client_id", "second"), ("device_code", "?")]),
    at("bootspring", "POST", "/auth/device/token", Field(Refresh, "bootspring-cli")).with(Form, REFRESH).which(Spends),
    at("bootspring", "POST", "/v1/auth/device/token", Field(Refresh, "bootspring-cli")).with(Json, REFRESH).which(Spends),
    at("bootspring", "POST", "/auth/device/token", NoField)
        .with(Form, &[("grant_type", "refresh_token"), ("client_id", "second"), ("refresh_token", "?")]),
    at("bootspring", "POST", "/api/v1/auth/device/token", Field(DeviceCode, "bootspring-cli"))
        .with(Json, &[("device_code", "?")])
        .which(Spends)
        .says_no(400, "expired_token"),
    at("bootspring", "POST", "/api/v1/auth/refresh", Field(Refresh, "bootspring-cli"))
        .with(Json, &[("refreshToken", "?")])
        .which(Spends)
        .says_no(401, "unauthorized"),
    at("bootspring", "POST", "/api/v1/auth/logout", Field(Refresh, "bootspring-cli"))
        .with(Json, &[("refreshToken", "?")])
        .which(Ends)
        .says_no(200, "{\"success\":true}"),
    at("bootspring", "GET", "/api/v1/auth/me", Token("bootspring")),
    // SereChat.
    at("serechat", "POST", "/api/auth/app/request", Nothing).with(Json, &[("app_name", "A chat")]),
    at("serechat", "POST", "/api/auth/app/exchange", Field(Request, "serechat"))
        .with(Json, &[("request_id", "?"), ("code", "$typed")])
        .which(Spends)
        .says_no(404, "request_not_found"),
    at("serechat", "POST", "/api/auth/app/exchange", Field(Typed, "serechat"))
        .with(Json, &[("request_id", "$request"), ("code", "?")])
        .which(Ends)
        .says_no(400, "invalid_request"),
    at("serechat", "GET", "/authorize-app", Cookie).with(Query, &[("request_id", "$request")]),
    at("serechat", "POST", "/authorize-app", Cookie).with(Form, &[("request_id", "$request"), ("decision", "approve")]).which(Ends),
    // Serika.
    at("serika", "POST", "/api/openai/v1/oauth/token", Field(Code, "web"))
        .with(
            Form,
            &[
                ("grant_type", "authorization_code"),
                ("client_id", "web"),
                ("redirect_uri", "$callback"),
                ("code_verifier", "$verifier"),
                ("code", "?"),
            ],
        )
        .which(Spends),
    at("serika", "POST", "/api/openai/v1/oauth/token", NoField).with(
        Json,
        &[
            ("grant_type", "authorization_code"),
            ("client_id", "second"),
            ("redirect_uri", "$callback"),
            ("code_verifier", "$verifier"),
            ("code", "?"),
        ],
    ),
    at("serika", "POST", "/api/openai/v1/oauth/token", Field(Refresh, "web"))
        .with(Json, &[("grant_type", "refresh_token"), ("client_id", "web"), ("refresh_token", "?")])
        .which(Spends),
    at("serika", "POST", "/api/openai/v1/oauth/token", NoField)
        .with(Form, &[("grant_type", "refresh_token"), ("client_id", "second"), ("refresh_token", "?")]),
    // Right, it gets as far as the token, which is none.
    at("serika", "POST", "/api/openai/v1/oauth/token", Field(ClientSecret, "made"))
        .with(Form, &[("grant_type", "refresh_token"), ("client_id", "$client"), ("client_secret", "?"), ("refresh_token", "x")])
        .says_no(400, "invalid_client"),
    at("serika", "GET", "/api/openai/v1/oauth/userinfo", Token("serika")),
    at("serika", "POST", "/api/openai/v1/oauth/clients", Personal("clients")).which(Ends),
    at("serika", "GET", "/api/openai/v1/oauth/clients", Personal("clients")),
    at("serika", "POST", "/api/openai/v1/oauth/clients/{id}/reset-secret", Personal("clients")).of(&[("id", "$client")]).which(Ends),
    at("serika", "DELETE", "/api/openai/v1/oauth/clients/{id}", Personal("clients")).of(&[("id", "$client")]).which(Ends),
    at("serika", "POST", "/api/openai/v1/oauth/clients/{id}/reset-secret", Personal("clients"))
        .of(&[("id", "$another's client")])
        .anothers("client_not_found"),
    at("serika", "DELETE", "/api/openai/v1/oauth/clients/{id}", Personal("clients"))
        .of(&[("id", "$another's client")])
        .anothers("client_not_found"),
    at("serika", "POST", "/api/openai/v1/oauth/clients/{id}/reset-secret", NoField)
        .of(&[("id", "?")])
        .as_bearer("clients")
        .says_no(404, "client_not_found"),
    at("serika", "DELETE", "/api/openai/v1/oauth/clients/{id}", NoField)
        .of(&[("id", "?")])
        .as_bearer("clients")
        .says_no(404, "client_not_found"),
    at("serika", "GET", "/api/openai/v1/oauth/authorize", Cookie).with(Query, WEB),
    at("serika", "POST", "/api/openai/v1/oauth/authorize", Cookie).which(Ends),
    // Serble.
    at("serble", "POST", "/api/v1/oauth/token/refresh", Field(Code, "photos")).with(Query, REDEEM).which(Spends).says_no(400, INVALID_CODE),
    at("serble", "POST", "/api/v1/oauth/token/refresh2", Field(Code, "photos")).with(Form, REDEEM).which(Spends).says_no(400, INVALID_CODE),
    at("serble", "POST", "/api/v1/oauth/token/refresh", NoField)
        .with(Query, &[("code", "?"), ("client_id", "second"), ("client_secret", "$second"), ("grant_type", "authorization_code")])
        .says_no(400, INVALID_CODE),
    at("serble", "POST", "/api/v1/oauth/token/access", Field(Refresh, "photos")).with(Query, RENEW).says_no(400, INVALID_CODE),
    at("serble", "POST", "/api/v1/oauth/token/access2", Field(Refresh, "photos")).with(Form, RENEW).says_no(400, INVALID_CODE),
    at("serble", "POST", "/api/v1/oauth/token/access", NoField)
        .with(Query, &[("refresh_token", "?"), ("client_id", "second"), ("client_secret", "$second"), ("grant_type", "authorization_code")])
        .says_no(400, INVALID_CODE),
    at("serble", "POST", "/api/v1/oauth/token/refresh", Field(ClientSecret, "photos"))
        .with(Query, &[("code", "$serble code"), ("client_id", "photos"), ("client_secret", "?"), ("grant_type", "authorization_code")])
        .which(Ends)
        .says_no(400, "Invalid client_secret"),
    at("serble", "POST", "/api/v1/oauth/token/access", Field(ClientSecret, "photos"))
        .with(
            Query,
            &[("refresh_token", "$serble refresh"), ("client_id", "photos"), ("client_secret", "?"), ("grant_type", "authorization_code")],
        )
        .says_no(400, "Invalid client_secret"),
    at("serble", "GET", "/api/v1/account", Token("serble")),
    at("serble", "GET", "/api/v1/account/authorizedApps", Token("serble")),
    at("serble", "DELETE", "/api/v1/account/authorizedApps/{id}", Token("serble")).of(&[("id", "photos")]).which(Ends),
    at("serble", "DELETE", "/api/v1/account/authorizedApps/{id}", NoField)
        .of(&[("id", "?")])
        .as_bearer("serble")
        .says_no(400, "App is not authorized"),
    at("serble", "GET", "/api/v1/app/{id}/public", Nothing).of(&[("id", "photos")]),
    at("serble", "GET", "/api/v1/app/{id}/public", NoField).of(&[("id", "?")]).says_no(404, "app_not_found"),
    at("serble", "OPTIONS", "/api/v1/oauth/token/refresh", Nothing),
    at("serble", "OPTIONS", "/api/v1/oauth/token/refresh2", Nothing),
    at("serble", "OPTIONS", "/api/v1/oauth/token/access", Nothing),
    at("serble", "OPTIONS", "/api/v1/oauth/token/access2", Nothing),
    at("serble", "OPTIONS", "/api/v1/account", Nothing),
    at("serble", "OPTIONS", "/api/v1/account/authorizedApps", Nothing),
    at("serble", "OPTIONS", "/api/v1/account/authorizedApps/{id}", Nothing).of(&[("id", "photos")]),
    at("serble", "OPTIONS", "/api/v1/app/{id}/public", Nothing).of(&[("id", "photos")]),
    at("serble", "GET", "/oauth/authorize", Cookie).with(Query, PHOTOS),
    at("serble", "GET", "/api/v1/oauth/auth", Nothing),
    at("serble", "HEAD", "/api/v1/oauth/auth", Nothing),
    // Fruxon.
    at("fruxon", "POST", "/v1/deviceAuthorizations", Nothing).with(Json, &[("preset", "operator")]),
    at("fruxon", "GET", "/v1/deviceAuthorizations/{deviceCode}", Field(DeviceCode, "fruxon"))
        .of(&[("deviceCode", "?")])
        .which(Spends)
        .says_no(404, "not_found"),
    at("fruxon", "GET", "/v1/deviceAuthorizations/{userCode}:lookup", Field(UserCode, "fruxon"))
        .of(&[("userCode", "?")])
        .as_bearer("approve")
        .says_no(404, "not_found"),
    at("fruxon", "POST", "/v1/tenants/{tenant}/deviceAuthorizations/{userCode}:deny", Field(UserCode, "fruxon"))
        .of(&[ACME, ("userCode", "?")])
        .as_bearer("approve")
        .which(Ends)
        .says_no(404, "not_found"),
    at("fruxon", "POST", "/v1/tenants/{tenant}/deviceAuthorizations/{userCode}:approve", Field(UserCode, "fruxon"))
        .of(&[ACME, ("userCode", "?")])
        .with(Json, &[("preset", "operator")])
        .as_bearer("approve")
        .which(Spends)
        .says_no(404, "not_found"),
    at("fruxon", "POST", "/v1/tenants/{tenant}/deviceAuthorizations/{userCode}:approve", NoField)
        .of(&[("tenant", "others"), ("userCode", "?")])
        .with(Json, &[("preset", "operator")])
        .as_bearer("approve")
        .says_no(404, "not_found"),
    at("fruxon", "GET", "/v1/deviceAuthorizations/{userCode}:lookup", Personal("approve")).of(&[("userCode", "$user code")]),
    at("fruxon", "POST", "/v1/tenants/{tenant}/deviceAuthorizations/{userCode}:deny", Personal("approve"))
        .of(&[ACME, ("userCode", "$user code")])
        .which(Ends),
    at("fruxon", "POST", "/v1/tenants/{tenant}/deviceAuthorizations/{userCode}:approve", Personal("approve"))
        .of(&[ACME, ("userCode", "$user code")])
        .with(Json, &[("preset", "operator")])
        .which(Ends),
    at("fruxon", "GET", "/v1/tenants/{tenant}/tokens", Token("fruxon")).of(&[ACME]),
    at("fruxon", "GET", "/v1/tenants/{tenant}/tokens/current", Token("fruxon")).of(&[ACME]),
    at("fruxon", "DELETE", "/v1/tenants/{tenant}/tokens/{id}", Token("fruxon")).of(&[ACME, ("id", "$key id")]).which(Ends),
    at("fruxon", "POST", "/v1/tenants/{tenant}/tokens/{id}:rotate", Token("fruxon"))
        .of(&[ACME, ("id", "$key id")])
        .with(Json, &[("nothing", "x")])
        .which(Ends),
    at("fruxon", "DELETE", "/v1/tenants/{tenant}/tokens/{id}", Token("fruxon"))
        .of(&[ACME, ("id", "$another's key id")])
        .anothers("not_found"),
    at("fruxon", "POST", "/v1/tenants/{tenant}/tokens/{id}:rotate", Token("fruxon"))
        .of(&[ACME, ("id", "$another's key id")])
        .with(Json, &[("nothing", "x")])
        .anothers("not_found"),
    at("fruxon", "GET", "/v1/tenants/{tenant}/tokens", Token("fruxon")).of(&[("tenant", "others")]).anothers("not_found"),
    at("fruxon", "DELETE", "/v1/tenants/{tenant}/tokens/{id}", NoField).of(&[ACME, ("id", "?")]).as_bearer("key").says_no(404, "not_found"),
    at("fruxon", "POST", "/v1/tenants/{tenant}/tokens/{id}:rotate", NoField)
        .of(&[ACME, ("id", "?")])
        .with(Json, &[("nothing", "x")])
        .as_bearer("key")
        .says_no(404, "not_found"),
    at("fruxon", "GET", "/device-auth", Cookie),
    at("fruxon", "POST", "/device-auth", Cookie).which(Ends),
    // The standard.
    at("standard", "POST", "/oauth/device_authorization", Nothing).with(Form, &[("client_id", "both")]),
    at("standard", "POST", "/oauth/token", Field(DeviceCode, "both"))
        .with(Form, &[("grant_type", "$device grant"), ("client_id", "both"), ("device_code", "?")])
        .which(Spends),
    at("standard", "POST", "/oauth/token", Field(DeviceCode, "signed"))
        .with(Form, &[("grant_type", "$device grant"), ("client_id", "signed"), ("device_code", "?")])
        .which(Spends),
    at("standard", "POST", "/oauth/token", NoField)
        .with(Form, &[("grant_type", "$device grant"), ("client_id", "second"), ("device_code", "?")]),
    at("standard", "POST", "/oauth/token", Field(Code, "both"))
        .with(
            Form,
            &[
                ("grant_type", "authorization_code"),
                ("client_id", "both"),
                ("redirect_uri", "$callback"),
                ("code_verifier", "$verifier"),
                ("code", "?"),
            ],
        )
        .which(Spends),
    at("standard", "POST", "/oauth/token", NoField).with(
        Form,
        &[
            ("grant_type", "authorization_code"),
            ("client_id", "second"),
            ("redirect_uri", "$callback"),
            ("code_verifier", "$verifier"),
            ("code", "?"),
        ],
    ),
    at("standard", "POST", "/oauth/token", Field(Refresh, "both"))
        .with(Form, &[("grant_type", "refresh_token"), ("client_id", "both"), ("refresh_token", "?")])
        .which(Spends),
    at("standard", "POST", "/oauth/token", Field(Refresh, "signed"))
        .with(Form, &[("grant_type", "refresh_token"), ("client_id", "signed"), ("refresh_token", "?")])
        .which(Spends),
    at("standard", "POST", "/oauth/token", NoField)
        .with(Form, &[("grant_type", "refresh_token"), ("client_id", "second"), ("refresh_token", "?")]),
    at("standard", "POST", "/oauth/token", Field(ClientSecret, "robot"))
        .with(Form, &[("grant_type", "client_credentials"), ("client_id", "robot"), ("client_secret", "?")])
        .which(Spends)
        .says_no(400, "invalid_client"),
    at("standard", "POST", "/oauth/introspect", Field(Access, "any dialect's"))
        .with(Form, &[("client_id", "robot"), ("client_secret", "$robot"), ("token", "?")])
        .says_no(200, "{\"active\":false}"),
    at("standard", "POST", "/oauth/introspect", Field(ClientSecret, "robot"))
        .with(Form, &[("client_id", "robot"), ("client_secret", "?"), ("token", "$key")])
        .says_no(401, "invalid_client"),
    at("standard", "POST", "/oauth/revoke", Field(Refresh, "both"))
        .with(Form, &[("client_id", "both"), ("token", "?")])
        .which(Ends)
        .says_no(200, ""),
    at("standard", "GET", "/oauth/userinfo", Token("standard")),
    at("standard", "POST", "/oauth/userinfo", Token("standard")),
    at("standard", "POST", "/oauth/register", Nothing).with(Json, &[("client_name", "x")]),
    at("standard", "GET", "/.well-known/oauth-authorization-server", Nothing),
    at("standard", "HEAD", "/.well-known/oauth-authorization-server", Nothing),
    at("standard", "GET", "/.well-known/oauth-protected-resource", Nothing),
    at("standard", "HEAD", "/.well-known/oauth-protected-resource", Nothing),
    at("standard", "GET", "/oauth/authorize", Cookie).with(Query, BOTH),
    at("standard", "POST", "/oauth/authorize", Cookie).which(Ends),
    // The routes, in both shapes.
    at("a route", "GET", "/models/x", Scope("inference")),
    at("a route", "GET", "/vault/x", Scope("vault:open")),
    at("a problem route", "GET", "/problems/x", Scope("inference")),
    at("a problem route", "GET", "/safe/x", Scope("vault:open")),
    at("a problem route", "GET", "/v1/tenants/{tenant}/agents", Scope("inference")).of(&[ACME]),
    at("a problem route", "GET", "/v1/tenants/{tenant}/agents", Scope("inference")).of(&[("tenant", "others")]).anothers("not_found"),
    // The pages that are nobody's in particular.
    at("pages", "GET", "/applications", Cookie),
    at("pages", "GET", "/device", Cookie),
];

/// What the dialects claim, with this configuration: methods and paths.
pub(super) fn claimed() -> BTreeSet<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("root"), "r".repeat(32)).unwrap();
    let text = config("127.0.0.1:9");
    let plan = Plan::read(Written { name: "test", text: &text, folder: folder.path() });
    let plan = plan.unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    let claims = plan.dialects.iter().flat_map(Mounted::claims);
    let named = |claim: gatepost::config::Claim| {
        let (Paths::Exact(path) | Paths::Prefix(path)) = claim.paths;
        // What is claimed whole is a page with a form.
        let methods = if claim.methods.is_empty() { vec![Method::GET, Method::POST] } else { claim.methods };
        methods.into_iter().map(move |method| (method.to_string(), path.clone()))
    };
    claims.flat_map(named).collect()
}
