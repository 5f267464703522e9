//! `oauth2` for Rust: its HTTP, and the device grant of Bootspring.

use std::{cell::Cell, convert::Infallible, net::SocketAddr};

use http_body_util::Full;
use oauth2::{
    ClientId, DeviceAuthorizationUrl, HttpRequest, HttpResponse, RefreshToken, RequestTokenError, Scope,
    StandardDeviceAuthorizationResponse, TokenResponse, TokenUrl,
    basic::{BasicClient, BasicErrorResponseType},
};

use super::{approve, gateway};
use crate::support::{
    http::{bearing, get, send},
    upstream::Upstream,
};

/// As the library wants its HTTP. It revokes over TLS alone, which here has ended before the gateway.
pub(super) async fn call(gateway: SocketAddr, mut request: HttpRequest) -> Result<HttpResponse, Infallible> {
    *request.uri_mut() = request.uri().path().parse().unwrap();
    let reply = send(gateway, request.map(|body| Full::new(body.into()))).await;
    let mut response = HttpResponse::new(reply.body.to_vec());
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    Ok(response)
}

#[tokio::test(flavor = "multi_thread")]
async fn oauth2_polls_until_the_yes_and_refreshes() {
    let upstream = Upstream::start().await;
    let gateway = gateway(upstream.address).await;
    let http = |request| call(gateway.address, request);
    let url = |path| format!("http://{}{path}", gateway.address);
    let client = BasicClient::new(ClientId::new("app".into()))
        .set_device_authorization_url(DeviceAuthorizationUrl::new(url("/auth/device/code")).unwrap())
        .set_token_uri(TokenUrl::new(url("/auth/device/token")).unwrap());

    let scope = Scope::new("inference".into());
    let codes: StandardDeviceAuthorizationResponse =
        client.exchange_device_code().add_scope(scope.clone()).request_async(&http).await.unwrap();
    // Instead of sleeping between two polls, the person says yes.
    let (user_code, polls) = (codes.user_code().secret().as_str().into(), Cell::new(0));
    let sleep = |pause| {
        polls.set(polls.get() + 1);
        gateway.time.advance(pause);
        approve(&gateway, &user_code)
    };
    let tokens = client.exchange_device_access_token(&codes).request_async(&http, sleep, None).await.unwrap();
    assert_eq!(polls.get(), 1);
    assert_eq!((tokens.scopes(), tokens.expires_in().unwrap().as_secs()), (Some(&vec![scope]), 900));

    let refreshed = client.exchange_refresh_token(tokens.refresh_token().unwrap()).request_async(&http).await.unwrap();
    assert_ne!(refreshed.access_token().secret(), tokens.access_token().secret());
    assert_ne!(refreshed.refresh_token().unwrap().secret(), tokens.refresh_token().unwrap().secret());
    assert_eq!(gateway.send(bearing(get("/v1/models"), refreshed.access_token().secret())).await.status, 200);

    let garbage = RefreshToken::new("garbage".into());
    let refused = client.exchange_refresh_token(&garbage).request_async(&http).await.unwrap_err();
    let RequestTokenError::ServerResponse(refused) = refused else { panic!("{refused}") };
    assert_eq!(refused.error(), &BasicErrorResponseType::InvalidGrant);
    gateway.end().await;
}
