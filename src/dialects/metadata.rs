//! What clients discover: the documents about the authorization server (RFC 8414) and about the
//! resources that it protects (RFC 9728). They say what is mounted and nothing else.

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header::CACHE_CONTROL};
use serde::Serialize;

use crate::{
    config::{Claim, Paths, PublicUrl, Resource},
    engine::Engine,
    message::{Endpoint, Need, endpoint, refused, reply},
    oauth::{resource::METADATA, scope::Scopes},
};

/// Where the document about the authorization server lies (RFC 8414 section 3). The issuer has no path.
pub const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";

/// Where the public halves of the keys lie that sign tokens (RFC 7517 section 5).
pub const JWKS: &str = "/.well-known/jwks.json";

/// Documents change with the configuration alone, are the same for everybody, and are asked for before
/// every first token: caches on the way may keep them, but not for so long that an operator who
/// changed something has to wait.
const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// A client that shows a secret, in either way of RFC 6749 section 2.3.1.
const CONFIDENTIAL: [&str; 2] = ["client_secret_basic", "client_secret_post"];
/// The same, or a public client.
const ANY_CLIENT: [&str; 3] = ["none", "client_secret_basic", "client_secret_post"];

/// What is mounted, by path; `None` for what is not.
#[derive(Clone, Default, Debug)]
pub struct Offer {
    /// The authorization endpoint (RFC 6749 section 3.1).
    pub authorize: Option<String>,
    /// The token endpoint (section 3.2).
    pub token: Option<String>,
    /// The device authorization endpoint (RFC 8628 section 3.1).
    pub device_authorization: Option<String>,
    /// The revocation endpoint (RFC 7009).
    pub revoke: Option<String>,
    /// The introspection endpoint (RFC 7662).
    pub introspect: Option<String>,
    /// Who the user is (OpenID Connect Discovery section 3).
    pub userinfo: Option<String>,
    /// The registration endpoint (RFC 7591).
    pub register: Option<String>,
    /// The public keys of the tokens (RFC 7517).
    pub jwks: Option<String>,
    /// Whether clients may ask on their own behalf (RFC 6749 section 4.4).
    pub client_credentials: bool,
    /// Whether a client's id may be the address of a document about it.
    pub client_id_metadata_documents: bool,
    /// The scopes that may be asked for.
    pub scopes: Scopes,
}

/// The document about the authorization server (RFC 8414 section 2).
#[derive(Clone, Serialize, Debug)]
pub struct AuthorizationServer {
    issuer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_authorization_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    userinfo_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<String>,
    /// The one list that has to be there even if it is empty.
    response_types_supported: &'static [&'static str],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    grant_types_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    response_modes_supported: &'static [&'static str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    code_challenge_methods_supported: &'static [&'static str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    token_endpoint_auth_methods_supported: &'static [&'static str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    revocation_endpoint_auth_methods_supported: &'static [&'static str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    introspection_endpoint_auth_methods_supported: &'static [&'static str],
    /// RFC 9207 section 3.
    #[serde(skip_serializing_if = "is_false")]
    authorization_response_iss_parameter_supported: bool,
    /// draft-ietf-oauth-client-id-metadata-document section 5.
    #[serde(skip_serializing_if = "is_false")]
    client_id_metadata_document_supported: bool,
}

/// The document about a protected resource (RFC 9728 section 2).
#[derive(Clone, Serialize, Debug)]
pub struct ProtectedResource {
    resource: String,
    authorization_servers: [String; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<String>,
    bearer_methods_supported: [&'static str; 1],
    resource_name: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over so")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// The document about the authorization server.
pub fn authorization_server(public_url: &PublicUrl, offer: &Offer) -> AuthorizationServer {
    let at = |path: &Option<String>| path.as_deref().map(|path| public_url.join(path));
    let if_there = |path: &Option<String>, list: &'static [&'static str]| if path.is_some() { list } else { &[] };
    let grant_types = [
        (offer.authorize.is_some(), "authorization_code"),
        (offer.token.is_some(), "refresh_token"),
        (offer.device_authorization.is_some(), "urn:ietf:params:oauth:grant-type:device_code"),
        (offer.client_credentials, "client_credentials"),
    ];
    AuthorizationServer {
        issuer: public_url.as_str().to_owned(),
        authorization_endpoint: at(&offer.authorize),
        token_endpoint: at(&offer.token),
        device_authorization_endpoint: at(&offer.device_authorization),
        revocation_endpoint: at(&offer.revoke),
        introspection_endpoint: at(&offer.introspect),
        userinfo_endpoint: at(&offer.userinfo),
        registration_endpoint: at(&offer.register),
        jwks_uri: at(&offer.jwks),
        scopes_supported: offer.scopes.iter().map(str::to_owned).collect(),
        response_types_supported: if_there(&offer.authorize, &["code"]),
        grant_types_supported: grant_types.into_iter().filter(|(is_offered, _)| *is_offered).map(|(_, name)| name).collect(),
        response_modes_supported: if_there(&offer.authorize, &["query"]),
        code_challenge_methods_supported: if_there(&offer.authorize, &["S256"]),
        token_endpoint_auth_methods_supported: if_there(&offer.token, &ANY_CLIENT),
        revocation_endpoint_auth_methods_supported: if_there(&offer.revoke, &ANY_CLIENT),
        introspection_endpoint_auth_methods_supported: if_there(&offer.introspect, &CONFIDENTIAL),
        authorization_response_iss_parameter_supported: offer.authorize.is_some(),
        client_id_metadata_document_supported: offer.client_id_metadata_documents,
    }
}

/// The document about one protected resource. `offline_access` is nothing that a resource knows of.
pub fn protected_resource(public_url: &PublicUrl, name: &str, resource: &Resource) -> ProtectedResource {
    ProtectedResource {
        resource: public_url.join(&resource.path),
        authorization_servers: [public_url.as_str().to_owned()],
        scopes_supported: resource.scopes.iter().filter(|scope| *scope != "offline_access").map(str::to_owned).collect(),
        bearer_methods_supported: ["header"],
        resource_name: name.to_owned(),
    }
}

/// The endpoints that show the documents about the protected resources, each below [`METADATA`]. Where
/// they are mounted, challenges name them.
pub fn protected_resources(public_url: &PublicUrl, name: &str, resources: &[Resource]) -> Vec<Endpoint> {
    let show = |resource: &Resource| {
        let document = protected_resource(public_url, name, resource);
        shown("metadata.resource", format!("{METADATA}{}", resource.path), document)
    };
    resources.iter().map(show).collect()
}

/// An endpoint that shows a document to everybody, scripts of any origin included.
pub fn shown(name: &'static str, path: String, document: impl Serialize + Send + Sync + 'static) -> Endpoint {
    let document = Arc::new(document);
    let show = move |_| {
        let mut answer = reply::json(StatusCode::OK, &*document);
        answer.headers_mut().insert(CACHE_CONTROL, CACHED);
        std::future::ready(answer)
    };
    Endpoint {
        name,
        host: None,
        path,
        methods: vec![Method::GET, Method::HEAD],
        need: Need::Nothing,
        shape: refused::openai,
        cors: true,
        handler: endpoint::handler(show),
    }
}

/// The public keys, as they are when they are asked for. A key that was revoked has to go at once, and
/// a new one verifies at once.
pub fn keys(engine: &Arc<Engine>) -> Endpoint {
    let engine = Arc::clone(engine);
    Endpoint {
        name: "keys",
        host: None,
        path: JWKS.to_owned(),
        methods: vec![Method::GET, Method::HEAD],
        need: Need::Nothing,
        shape: refused::openai,
        cors: true,
        handler: endpoint::handler(move |_| {
            let answer = reply::text(StatusCode::OK, "application/jwk-set+json", engine.jwks());
            std::future::ready(reply::no_store(answer))
        }),
    }
}

/// What [`keys`] claims.
pub fn keys_claim() -> Claim {
    let methods = vec![Method::GET, Method::HEAD];
    Claim { owner: "the public keys".into(), host: None, paths: Paths::Exact(JWKS.into()), methods, only: None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn here() -> PublicUrl {
        PublicUrl::new("https://ai.example.com".parse().unwrap()).unwrap()
    }

    fn server(offer: &Offer) -> Value {
        serde_json::to_value(authorization_server(&here(), offer)).unwrap()
    }

    #[test]
    fn the_server_says_all_that_is_mounted() {
        let path = |path: &str| Some(path.to_owned());
        let offer = Offer {
            authorize: path("/oauth/authorize"),
            token: path("/oauth/token"),
            device_authorization: path("/oauth/device_authorization"),
            revoke: path("/oauth/revoke"),
            introspect: path("/oauth/introspect"),
            userinfo: path("/oauth/userinfo"),
            register: path("/oauth/register"),
            jwks: path("/.well-known/jwks.json"),
            client_credentials: true,
            client_id_metadata_documents: true,
            scopes: Scopes::parse("inference images").unwrap(),
        };
        let expected = json!({
            "issuer": "https://ai.example.com",
            "authorization_endpoint": "https://ai.example.com/oauth/authorize",
            "token_endpoint": "https://ai.example.com/oauth/token",
            "device_authorization_endpoint": "https://ai.example.com/oauth/device_authorization",
            "revocation_endpoint": "https://ai.example.com/oauth/revoke",
            "introspection_endpoint": "https://ai.example.com/oauth/introspect",
            "userinfo_endpoint": "https://ai.example.com/oauth/userinfo",
            "registration_endpoint": "https://ai.example.com/oauth/register",
            "jwks_uri": "https://ai.example.com/.well-known/jwks.json",
            "scopes_supported": ["images", "inference"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported":
                ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
            "revocation_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
            "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "authorization_response_iss_parameter_supported": true,
            "client_id_metadata_document_supported": true,
        });
        assert_eq!(server(&offer), expected);
    }

    #[test]
    fn the_server_says_nothing_of_what_is_not_mounted() {
        assert_eq!(server(&Offer::default()), json!({"issuer": "https://ai.example.com", "response_types_supported": []}));
        let devices = Offer { token: Some("/t".into()), device_authorization: Some("/d".into()), ..Offer::default() };
        let expected = json!({
            "issuer": "https://ai.example.com",
            "token_endpoint": "https://ai.example.com/t",
            "device_authorization_endpoint": "https://ai.example.com/d",
            "response_types_supported": [],
            "grant_types_supported": ["refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        });
        assert_eq!(server(&devices), expected);
    }

    #[test]
    fn a_resource_says_its_own_scopes_and_never_offline_access() {
        let told = |path: &str, scopes: &str| {
            let resource = Resource { path: path.into(), scopes: Scopes::parse(scopes).unwrap() };
            serde_json::to_value(protected_resource(&here(), "Our models", &resource)).unwrap()
        };
        let mut expected = json!({
            "resource": "https://ai.example.com/v1",
            "authorization_servers": ["https://ai.example.com"],
            "scopes_supported": ["images", "inference"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Our models",
        });
        assert_eq!(told("/v1", "offline_access inference images"), expected);
        expected["resource"] = "https://ai.example.com".into();
        expected.as_object_mut().unwrap().remove("scopes_supported");
        assert_eq!(told("", "offline_access"), expected);
    }
}
