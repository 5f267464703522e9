//! Client metadata: what a client says of itself, when it registers (RFC 7591 section 2) or in the
//! document at its id (draft-ietf-oauth-client-id-metadata-document). Nobody verified any of it.

use std::{borrow::Cow, collections::BTreeSet};

use serde::{Deserialize, de::IgnoredAny};

use super::{
    claim::Claim,
    client::GrantType,
    document::DocumentUrl,
    redirect::{Destination, RedirectUri},
    refusal::{ErrorCode, Refusal},
    scope::Scopes,
};

/// At most so many redirect URIs of one client.
pub const MAX_REDIRECT_URIS: usize = 32;
/// At most so many bytes of them: they are all of a client's record that strangers can make long.
pub const MAX_REDIRECT_BYTES: usize = 4096;

/// The ways in which a client may ask that nobody made by hand: by a user's yes in a browser, which ends
/// at an address of the client. A device's code could be asked for under any name and sent to anybody;
/// and access of its own it would have by nobody's yes.
pub const GRANT_TYPES: [GrantType; 2] = [GrantType::AuthorizationCode, GrantType::RefreshToken];

/// As it stands on the wire; `None` for what is absent. All that is not here is of no interest.
#[derive(Clone, Default, Deserialize, Debug)]
pub struct ClientMetadata {
    /// Only in a document.
    pub client_id: Option<String>,
    /// In no document.
    pub client_secret: Option<IgnoredAny>,
    /// In no document.
    pub client_secret_expires_at: Option<IgnoredAny>,
    /// Where answers may be sent.
    pub redirect_uris: Option<Vec<String>>,
    /// How it wants to say who it is.
    pub token_endpoint_auth_method: Option<String>,
    /// In which ways it wants to ask.
    pub grant_types: Option<Vec<String>>,
    /// What it wants of the authorization endpoint.
    pub response_types: Option<Vec<String>>,
    /// What people are to call it.
    pub client_name: Option<String>,
    /// What it wants to ask for, separated by spaces.
    pub scope: Option<String>,
}

/// How a client says who it is at the token endpoint (RFC 7591 section 2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AuthMethod {
    /// It cannot: a public client.
    None,
    /// Its secret in `Authorization`.
    Basic,
    /// Its secret in the body.
    Post,
}

impl AuthMethod {
    const ALL: [Self; 3] = [Self::None, Self::Basic, Self::Post];

    /// As it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
        }
    }
}

/// What is left of it here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Described {
    /// What it calls itself.
    pub name: Option<Claim>,
    /// Where answers may be sent; at least one.
    pub redirect_uris: Vec<RedirectUri>,
    /// In which ways it may ask, out of [`GRANT_TYPES`].
    pub grant_types: BTreeSet<GrantType>,
    /// How it says who it is.
    pub auth_method: AuthMethod,
    /// What it wants to ask for; `None` for all that there is.
    pub scopes: Option<Scopes>,
}

impl ClientMetadata {
    /// Reads a registration. Ways of asking that nobody may register are left out (RFC 7591 section 2
    /// allows it): what stands in the end is answered.
    ///
    /// # Errors
    /// `invalid_redirect_uri`, `invalid_client_metadata`.
    pub fn registered(&self) -> Result<Described, Refusal> {
        const METHOD: Refusal = bad("The token_endpoint_auth_method must be none, client_secret_basic or client_secret_post.");
        const NONE: Refusal = Refusal::new(ErrorCode::InvalidRedirectUri, "redirect_uris is missing.");
        let written = self.redirect_uris()?;
        if written.is_empty() {
            return Err(NONE);
        }
        let redirect_uris = written.iter().map(|text| registrable(text)).collect::<Result<_, _>>()?;
        let auth_method = match &self.token_endpoint_auth_method {
            // RFC 7591 section 2.
            None => AuthMethod::Basic,
            Some(written) => AuthMethod::ALL.into_iter().find(|method| method.as_str() == written).ok_or(METHOD)?,
        };
        self.described(redirect_uris, auth_method)
    }

    /// Reads the document at a client's id. Redirect URIs that lead elsewhere than to this machine or
    /// to the document's own host are left out: the host is what people are shown, so an answer does
    /// not go to another; and a document that somebody could place on a shared host sends no code away.
    ///
    /// # Errors
    /// `invalid_client`.
    pub fn document(url: &DocumentUrl, json: &[u8]) -> Result<Described, Refusal> {
        const OTHER: Refusal = bad("client_id in it is not its own address.");
        const SECRET: Refusal = bad("it holds a secret, which everybody can read.");
        const METHOD: Refusal = bad("token_endpoint_auth_method in it is not none.");
        const ELSEWHERE: Refusal = bad("redirect_uris in it leads neither to its own host by https nor to the user's machine.");
        let read = || {
            let Ok(metadata) = serde_json::from_slice::<Self>(json) else { return Err(bad("it is not client metadata in JSON.")) };
            if metadata.client_id.as_deref() != Some(url.as_str()) {
                return Err(OTHER);
            }
            if metadata.client_secret.is_some() || metadata.client_secret_expires_at.is_some() {
                return Err(SECRET);
            }
            // Of the RFC's default there can be none here.
            if metadata.token_endpoint_auth_method.as_deref().is_some_and(|method| method != AuthMethod::None.as_str()) {
                return Err(METHOD);
            }
            let redirect_uris: Vec<_> = metadata.redirect_uris()?.iter().filter_map(|text| registrable(text).ok()).collect();
            let is_its_own = |uri: &RedirectUri| match uri.destination() {
                Some(Destination::Loopback) => true,
                Some(Destination::Host(host)) => host == url.host(),
                Some(Destination::Scheme(_)) | None => false,
            };
            let redirect_uris: Vec<_> = redirect_uris.into_iter().filter(is_its_own).collect();
            if redirect_uris.is_empty() { Err(ELSEWHERE) } else { metadata.described(redirect_uris, AuthMethod::None) }
        };
        read().map_err(|Refusal { description, .. }| Refusal {
            code: ErrorCode::InvalidClient,
            description: format!("The document about the app, at its client_id, cannot be used: {description}").into(),
        })
    }

    fn redirect_uris(&self) -> Result<&[String], Refusal> {
        const MANY: Refusal =
            Refusal::new(ErrorCode::InvalidRedirectUri, "There are more than 32 redirect_uris, or they have more than 4096 bytes.");
        let written = self.redirect_uris.as_deref().unwrap_or_default();
        let is_long = written.iter().map(String::len).sum::<usize>() > MAX_REDIRECT_BYTES;
        if written.len() > MAX_REDIRECT_URIS || is_long { Err(MANY) } else { Ok(written) }
    }

    fn described(&self, redirect_uris: Vec<RedirectUri>, auth_method: AuthMethod) -> Result<Described, Refusal> {
        const SCOPE: Refusal = bad("The scope is malformed.");
        const NO_WAY: Refusal = bad("The grant_types must have authorization_code among them.");
        const NO_CODE: Refusal = bad("The response_types must have code among them.");
        let grant_types = match &self.grant_types {
            Some(written) => GRANT_TYPES.into_iter().filter(|known| written.iter().any(|word| word == known.as_str())).collect(),
            None => BTreeSet::from([GrantType::AuthorizationCode]),
        };
        if !grant_types.contains(&GrantType::AuthorizationCode) {
            return Err(NO_WAY);
        }
        if self.response_types.as_ref().is_some_and(|written| !written.iter().any(|word| word == "code")) {
            return Err(NO_CODE);
        }
        let scopes = self.scope.as_deref().map(Scopes::parse).transpose().map_err(|_bad_scope| SCOPE)?;
        let name = self.client_name.as_deref().and_then(Claim::cleaned);
        Ok(Described { name, redirect_uris, grant_types, auth_method, scopes })
    }
}

/// A redirect URI that a client may bring along: https, or this machine. A scheme of its own anybody
/// else's app could take.
fn registrable(text: &str) -> Result<RedirectUri, Refusal> {
    let refused = |why: Cow<'static, str>| Refusal { code: ErrorCode::InvalidRedirectUri, description: why };
    let uri = RedirectUri::parse(text).map_err(|bad| refused(format!("A redirect URI {bad}.").into()))?;
    if matches!(uri.destination(), Some(Destination::Scheme(_))) {
        Err(refused("A redirect URI has a scheme of its own: only https, and http to the user's machine, may be registered.".into()))
    } else {
        Ok(uri)
    }
}

const fn bad(description: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidClientMetadata, description)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "https://app.example/client.json";

    fn registered(metadata: Value) -> Result<Described, Refusal> {
        serde_json::from_value::<ClientMetadata>(metadata).unwrap().registered()
    }

    /// Of a good document with these members instead.
    fn document(instead: &Value) -> Result<Described, Refusal> {
        let mut document = json!({"client_id": ID, "redirect_uris": ["https://app.example/cb"]});
        document.as_object_mut().unwrap().extend(instead.as_object().unwrap().clone());
        ClientMetadata::document(&DocumentUrl::parse(ID).unwrap(), document.to_string().as_bytes())
    }

    fn addresses(described: &Described) -> Vec<&str> {
        described.redirect_uris.iter().map(RedirectUri::as_str).collect()
    }

    #[test]
    fn a_registration_that_says_little_means_what_the_rfc_says() {
        let described = registered(json!({"redirect_uris": ["https://app.example/cb"]})).unwrap();
        assert_eq!((described.name.as_ref(), described.scopes.as_ref(), described.auth_method), (None, None, AuthMethod::Basic));
        assert_eq!(described.grant_types, BTreeSet::from([GrantType::AuthorizationCode]));
        assert_eq!(addresses(&described), ["https://app.example/cb"]);
    }

    #[test]
    fn ways_of_asking_that_nobody_may_register_are_left_out() {
        let ways =
            ["refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code", "authorization_code", "implicit"];
        let described = registered(json!({"redirect_uris": ["http://localhost:3000/cb"], "grant_types": ways})).unwrap();
        assert_eq!(described.grant_types, BTreeSet::from(GRANT_TYPES));
        for alone in ["client_credentials", "urn:ietf:params:oauth:grant-type:device_code", "refresh_token", "implicit"] {
            let refusal = registered(json!({"redirect_uris": ["http://localhost/cb"], "grant_types": [alone]})).unwrap_err();
            assert_eq!(refusal.code, ErrorCode::InvalidClientMetadata, "{alone}");
        }
    }

    #[test]
    fn answers_go_to_https_or_to_the_users_machine() {
        let these = ["https://app.example/cb", "http://127.0.0.1:1/cb", "http://[::1]/cb", "http://localhost:8080/cb"];
        assert_eq!(addresses(&registered(json!({"redirect_uris": these})).unwrap()), these);
        for other in ["com.example.app:/cb", "COM.example.app:/cb", "http://app.example/cb", "https://app.example/cb#x", "cb", ""] {
            let refusal = registered(json!({"redirect_uris": ["https://app.example/cb", other]})).unwrap_err();
            assert_eq!(refusal.code, ErrorCode::InvalidRedirectUri, "{other}");
        }
        for none in [json!({}), json!({"redirect_uris": []})] {
            assert_eq!(registered(none).unwrap_err().code, ErrorCode::InvalidRedirectUri);
        }
    }

    #[test]
    fn a_client_brings_no_more_addresses_than_it_may() {
        let these = |count: usize, bytes: usize| {
            let uri = format!("https://a.example/{}", "x".repeat(bytes - 18));
            registered(json!({"redirect_uris": vec![uri; count]})).map_err(|refusal| refusal.code)
        };
        assert!(these(MAX_REDIRECT_URIS, 128).is_ok() && these(4, 1024).is_ok());
        assert_eq!(these(MAX_REDIRECT_URIS + 1, 100), Err(ErrorCode::InvalidRedirectUri));
        assert_eq!(these(4, 1025), Err(ErrorCode::InvalidRedirectUri));
    }

    #[test]
    fn a_document_describes_a_public_client() {
        let full = json!({
            "client_name": "An\u{202e} app", "token_endpoint_auth_method": "none", "scope": "inference offline_access",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "logo_uri": {"not": "looked at"},
        });
        let described = document(&full).unwrap();
        assert_eq!(described.name.as_ref().map(Claim::as_str), Some("An app"));
        assert_eq!((described.auth_method, described.grant_types.len()), (AuthMethod::None, 2));
        assert_eq!(described.scopes, Some(Scopes::parse("inference offline_access").unwrap()));
        assert_eq!(document(&json!({})).unwrap().auth_method, AuthMethod::None);
    }

    #[test]
    fn a_documents_answers_go_to_its_own_host_or_to_the_users_machine() {
        let written = [
            "https://app.example:8443/cb",
            "https://app.example.evil.example/cb",
            "https://sub.app.example/cb",
            "http://127.0.0.1/cb",
            "http://localhost/cb",
            "cursor://cb",
            "com.example.app:/cb",
            "https://other.example/cb",
        ];
        let described = document(&json!({"redirect_uris": written})).unwrap();
        assert_eq!(addresses(&described), ["https://app.example:8443/cb", "http://127.0.0.1/cb", "http://localhost/cb"]);
    }

    #[test]
    fn a_document_that_is_not_about_its_own_address_or_no_public_client_is_none() {
        for instead in [
            json!({"client_id": "https://app.example/client.json?"}),
            json!({"client_id": "https://APP.example/client.json"}),
            json!({"client_id": null}),
            json!({"client_id": 1}),
            json!({"client_secret": "s"}),
            json!({"client_secret_expires_at": 0}),
            json!({"token_endpoint_auth_method": "client_secret_basic"}),
            json!({"token_endpoint_auth_method": "private_key_jwt"}),
            json!({"redirect_uris": ["https://other.example/cb"]}),
            json!({"redirect_uris": []}),
            json!({"redirect_uris": "https://app.example/cb"}),
            json!({"grant_types": ["client_credentials"]}),
            json!({"response_types": ["token"]}),
            json!({"scope": "a\"b"}),
        ] {
            assert_eq!(document(&instead).unwrap_err().code, ErrorCode::InvalidClient, "{instead}");
        }
        for bytes in ["", "[]", "{", "\u{feff}{}", "{\"client_id\":\"https://app.example/client.json\",\"client_id\":\"x\"}"] {
            let told = ClientMetadata::document(&DocumentUrl::parse(ID).unwrap(), bytes.as_bytes());
            assert_eq!(told.unwrap_err().code, ErrorCode::InvalidClient, "{bytes}");
        }
    }
}
