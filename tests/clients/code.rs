//! The authorization code grant with PKCE, by three libraries and a person with a browser.

use gatepost::message::body;
use http::{Response, header};
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, CsrfToken, PkceCodeChallenge, RedirectUrl, RefreshToken, RequestTokenError, RevocationUrl, Scope,
    StandardRevocableToken, TokenResponse, TokenUrl,
    basic::{BasicClient, BasicErrorResponseType},
};
use serde_json::{Value, json};

use super::{Standard, oauth2::call, script::Script, secret};
use crate::support::{
    authorize::parameter,
    browser::{Browser, Scripts},
    gateway::{PASSWORD, USER},
    http::{bearing, get},
    upstream::Upstream,
};

const AUTHLIB: &str = include_str!("authlib_code.py");
const OPENID: &str = include_str!("openid_code.mjs");
pub(super) const BACK: &str = "Back in the app";

/// A person who has a browser, and a gateway before an upstream.
pub(super) struct Scene {
    pub(super) browser: Browser,
    pub(super) upstream: Upstream,
    pub(super) standard: Standard,
}

impl Scene {
    pub(super) async fn set(upstream: Upstream) -> Option<Self> {
        let browser = Browser::start(Scripts::On).await?;
        Some(Self { browser, standard: Standard::before(upstream.address).await, upstream })
    }

    /// The app opens the browser, the person signs in and decides, and is back in the app.
    pub(super) async fn decide(&self, open: &Value, app: &str, decision: &str) {
        self.browser.open(open.as_str().unwrap()).await;
        self.browser.sign_in(USER, PASSWORD).await;
        self.browser.page(&format!("Approve {app}?")).await;
        self.browser.press(decision).await;
        self.browser.page(BACK).await;
    }

    /// Starts `openid-client` as this client.
    fn openid(&self, client: &str, environment: &[(&str, &str)]) -> Option<Script> {
        let who = [("ISSUER", self.standard.issuer.as_str()), ("CLIENT_ID", client)];
        Script::node(OPENID, &[&who, environment].concat())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn authlib_with_a_secret_comes_back_with_a_code_refreshes_and_revokes() {
    let Some(scene) = Scene::set(Upstream::start().await).await else { return };
    let secret = secret();
    let environment = [("ISSUER", scene.standard.issuer.as_str()), ("CLIENT_ID", "service"), ("CLIENT_SECRET", &secret)];
    let Some(mut script) = Script::python(AUTHLIB, &environment) else { return };
    scene.decide(&script.says().await["open"], "A service", "Approve").await;
    let answered = [200, 200, 200, 401];
    let seen = json!({"token_type": "Bearer", "scope": "inference", "renewed": true, "answered": answered, "refused": "invalid_grant"});
    assert_eq!(script.says().await, seen);
    script.ended().await;
    assert_eq!(scene.upstream.seen().len(), 2);
    scene.standard.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_discovers_all_that_it_needs_introspects_refreshes_and_revokes() {
    let Some(scene) = Scene::set(Upstream::start().await).await else { return };
    let secret = secret();
    let server = [("RESOURCE_SERVER_ID", "resource-server"), ("RESOURCE_SERVER_SECRET", secret.as_str())];
    let Some(mut script) = scene.openid("app", &server) else { return };
    scene.decide(&script.says().await["open"], "An app", "Approve").await;
    let introspected = json!({"active": true, "client_id": "app", "username": USER, "scope": "inference", "token_type": "Bearer"});
    let seen = json!({
        "promises_iss": true, "scope": "inference", "answered": 200, "introspected": introspected, "renewed": true, "active": [true, false]
    });
    assert_eq!(script.says().await, seen);
    script.ended().await;
    scene.standard.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jose_verifies_a_signed_token_by_the_published_keys() {
    let Some(scene) = Scene::set(Upstream::start().await).await else { return };
    let now = scene.standard.gateway.time.clock().now().as_second().to_string();
    let Some(mut script) = scene.openid("signed", &[("ALGORITHM", "EdDSA"), ("NOW", &now)]) else { return };
    scene.decide(&script.says().await["open"], "An app", "Approve").await;
    let signed = json!({"client_id": "signed", "scope": "inference", "lives": 3600});
    assert_eq!(script.says().await, json!({"promises_iss": true, "scope": "inference", "answered": 200, "signed": signed}));
    script.ended().await;
    scene.standard.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_is_told_of_the_no_in_the_redirect() {
    let Some(scene) = Scene::set(Upstream::start().await).await else { return };
    let Some(mut script) = scene.openid("app", &[]) else { return };
    scene.decide(&script.says().await["open"], "An app", "Deny").await;
    assert_eq!(script.says().await, json!({"refused": "access_denied"}));
    script.ended().await;
    scene.standard.gateway.end().await;
}

/// A program on this computer to which the browser comes back.
async fn program() -> Upstream {
    let page = || Response::builder().header(header::CONTENT_TYPE, "text/html").body(body::full(format!("<h1>{BACK}</h1>"))).unwrap();
    Upstream::answering(move |_| async move { page() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn oauth2_comes_back_with_a_code_refreshes_and_revokes() {
    let program = program().await;
    let Some(scene) = Scene::set(Upstream::start().await).await else { return };
    let Standard { gateway, issuer, .. } = &scene.standard;
    let url = |path| format!("{issuer}{path}");
    let http = |request| call(gateway.address, request);
    let client = BasicClient::new(ClientId::new("app".into()))
        .set_auth_uri(AuthUrl::new(url("/oauth/authorize")).unwrap())
        .set_token_uri(TokenUrl::new(url("/oauth/token")).unwrap())
        .set_revocation_url(RevocationUrl::new(url("/oauth/revoke").replace("http:", "https:")).unwrap())
        .set_redirect_uri(RedirectUrl::new(format!("http://{}/callback", program.address)).unwrap());
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let scope = Scope::new("inference".into());
    let (open, state) = client.authorize_url(CsrfToken::new_random).add_scope(scope.clone()).set_pkce_challenge(challenge).url();
    scene.decide(&json!(open), "An app", "Approve").await;
    let answer = program.seen().into_iter().map(|seen| seen.target).find(|target| target.starts_with("/callback?")).unwrap();
    assert_eq!(parameter(&answer, "state").as_ref(), Some(state.secret()));
    assert_eq!(parameter(&answer, "iss").as_ref(), Some(issuer));

    let code = AuthorizationCode::new(parameter(&answer, "code").unwrap());
    let first = client.exchange_code(code).set_pkce_verifier(verifier).request_async(&http).await.unwrap();
    assert_eq!((first.scopes(), first.expires_in().unwrap().as_secs()), (Some(&vec![scope]), 3600));
    let second = client.exchange_refresh_token(first.refresh_token().unwrap()).request_async(&http).await.unwrap();
    assert_ne!(second.access_token().secret(), first.access_token().secret());
    let models = || bearing(get("/v1/models"), second.access_token().secret());
    assert_eq!(gateway.send(models()).await.status, 200);

    let refresh: &RefreshToken = second.refresh_token().unwrap();
    client.revoke_token(StandardRevocableToken::from(refresh)).unwrap().request_async(&http).await.unwrap();
    assert_eq!(gateway.send(models()).await.status, 401);
    let refused = client.exchange_refresh_token(refresh).request_async(&http).await.unwrap_err();
    let RequestTokenError::ServerResponse(refused) = refused else { panic!("{refused}") };
    assert_eq!(refused.error(), &BasicErrorResponseType::InvalidGrant);
    scene.standard.gateway.end().await;
}
