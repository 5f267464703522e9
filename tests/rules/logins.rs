//! Logins of Fruxon's kind and redemptions of Serble's, over an engine without a socket.

use std::{net::Ipv4Addr, sync::LazyLock, time::Duration};

use gatepost::{
    engine::{
        Authorization, Decider, Decision, Deliver, Delivered, Error, Holder, KeyInfo, RedeemCode, RefreshStyle, Renew, Start, Style, Tokens,
    },
    oauth::{
        audience::Audience,
        client::Client,
        grant::{Channel, Grant, Login as Asked, Redemption, Redirect, Requester, Rotation, Wanted},
        id::{ClientId, GrantId},
        refusal::ErrorCode,
        scope::Scopes,
        signing::{Algorithm, TokenFormat},
        tenant::{Slug, Tenant, TenantId},
        user::User,
    },
    verify::Denied,
};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use crate::support::{
    house::{CLIENT, DIALECT, House, ISSUER, Login, USER},
    records::{scopes, user, user_id},
};

pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);
pub(super) const KEY_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);
pub(super) const LOGIN_LIFE: Duration = Duration::from_secs(600);
pub(super) const TENANT: &str = "default";
/// How keys are spelled.
pub(super) const KEYS: Style =
    Style { dialect: DIALECT, access: "fx_pat_", access_life: KEY_LIFE, format: TokenFormat::Opaque, refresh: None };

pub(super) const CODE_LIFE: Duration = Duration::from_secs(300);
pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const TEN_YEARS: Duration = Duration::from_secs(3650 * 24 * 3600);
pub(super) const REDIRECT: &str = "https://app.example.com/cb";
/// How Serble spells its tokens.
pub(super) static JWTS: LazyLock<Style> = LazyLock::new(|| Style {
    dialect: DIALECT,
    access: "",
    access_life: HOUR,
    format: TokenFormat::Jwt(Algorithm::EdDsa),
    refresh: Some(RefreshStyle::Lasting { life: TEN_YEARS, audience: token_endpoint() }),
});

pub(super) fn token_endpoint() -> String {
    format!("{ISSUER}/api/v1/oauth/token/access")
}

pub(super) fn client(id: &str) -> Client {
    Client::declared(DIALECT, ClientId::new(id), id.to_owned(), scopes())
}

fn requester() -> Requester {
    // Each time from another address: nobody is to be limited.
    Requester { app: None, device: None, platform: None, network: Ipv4Addr::from_bits(rand::random()).into() }
}

/// What an app of this kind wants a key for.
pub(super) fn asked(device: Option<&str>) -> Asked {
    Asked { preset: "operator".to_owned(), client_type: "CLI".to_owned(), device: device.map(str::to_owned), tenant: None }
}

/// An app begins a login.
pub(super) async fn begin(house: &House, device: Option<&str>) -> Result<Login, Error> {
    begin_as(house, asked(device)).await
}

pub(super) async fn begin_as(house: &House, asked: Asked) -> Result<Login, Error> {
    let start = Start {
        style: &KEYS,
        prefix: "fx_dc_",
        client: &client(CLIENT),
        scopes: None,
        audience: Audience::default(),
        requester: requester(),
        channel: Channel::Delivered(asked),
        life: LOGIN_LIFE,
    };
    Ok(house.engine.start(start).await?.into())
}

/// A tenant that everybody is in.
pub(super) fn tenant(slug: &str) -> Tenant {
    let slug = Slug::parse(slug).unwrap();
    Tenant { id: TenantId::from(&slug), name: slug.as_str().to_owned(), slug, members: None }
}

/// The user [`USER`], as he was made, says yes to it in [`TENANT`].
pub(super) async fn approve(house: &House, login: GrantId) -> Result<Grant, Error> {
    house.engine.decide_in(Some(&tenant(TENANT)), login, Decider { user: &user(USER), session: None }, Decision::Approve).await
}

/// A login that was approved.
pub(super) async fn approved(house: &House, device: Option<&str>) -> Login {
    let login = begin(house, device).await.unwrap();
    approve(house, login.grant).await.unwrap();
    login
}

/// The device asks for its key, and wants the answer at once.
pub(super) async fn deliver(house: &House, device_code: &str) -> Result<Secret, Error> {
    deliver_to(house, device_code, &CancellationToken::new()).await
}

pub(super) async fn deliver_to(house: &House, device_code: &str, gone: &CancellationToken) -> Result<Secret, Error> {
    let (client, hold, peer) = (client(CLIENT), Duration::ZERO, Ipv4Addr::LOCALHOST.into());
    Ok(house.engine.deliver(Deliver { style: &KEYS, client: &client, device_code, hold, peer, gone }).await?.into())
}

/// A login from its beginning to its key.
pub(super) async fn logged_in(house: &House, device: Option<&str>) -> Secret {
    let login = approved(house, device).await;
    deliver(house, &login.device_code).await.unwrap()
}

/// A key, as its device has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Secret {
    pub(super) key: GrantId,
    pub(super) text: String,
}

impl From<Delivered> for Secret {
    fn from(delivered: Delivered) -> Self {
        Self { key: delivered.grant, text: delivered.secret.expose_secret().to_owned() }
    }
}

/// The key shows itself to rotate itself.
pub(super) async fn rotate(house: &House, key: GrantId, rotation: Rotation<'_>) -> Result<(KeyInfo, Secret), Error> {
    let may = scopes();
    let holder = Holder { key, user: user_id(USER), tenant: TENANT, scopes: &may };
    let (info, secret) = house.engine.rotate_device_key(&KEYS, &client(CLIENT), holder, key, rotation).await?;
    let text = secret.expose_secret().to_owned();
    Ok((info, Secret { key, text }))
}

pub(super) async fn opens(house: &House, token: &str) -> bool {
    house.show(token).await.is_ok()
}

#[track_caller]
pub(super) fn is_revoked<T>(shown: &Result<T, Denied>) -> bool {
    matches!(shown, Err(Denied::Revoked(_)))
}

/// What an app of Serble's gets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Jwts {
    pub(super) access: String,
    pub(super) refresh: Option<String>,
    pub(super) expires_in: u64,
    pub(super) scopes: Scopes,
}

impl From<Tokens> for Jwts {
    fn from(tokens: Tokens) -> Self {
        let text = |secret: secrecy::SecretString| secret.expose_secret().to_owned();
        Self { access: text(tokens.access), refresh: tokens.refresh.map(text), expires_in: tokens.expires_in, scopes: tokens.scopes }
    }
}

/// The house with keys that sign, published for as long as its JWTs live.
pub(super) async fn signing(mut house: House) -> House {
    house.engine = house.engine.signing_for(TEN_YEARS);
    house.engine.maintain_keys().await.unwrap();
    house
}

/// A user lets an app in, and the browser takes it this code.
pub(super) async fn authorized(house: &House, by: &User) -> (GrantId, String) {
    let (client, id) = (client(CLIENT), GrantId::from_random(rand::random()));
    let authorization = Authorization {
        style: &JWTS,
        client: &client,
        scopes: None,
        audience: Audience::default(),
        redirect: Redirect { uri: REDIRECT.to_owned(), named: false, challenge: None, life: CODE_LIFE },
        requester: requester(),
        id,
        asked: house.time.clock().now(),
    };
    let decider = Decider { user: by, session: None };
    let authorized = house.engine.authorize(&authorization, "sb_ac_", decider, Decision::Approve).await.unwrap();
    (id, authorized.code.unwrap().expose_secret().to_owned())
}

/// The app brings its code.
pub(super) async fn redeem(house: &House, code: &str, verifier: Option<&str>) -> Result<Jwts, Error> {
    let shown = Redemption { redirect_uri: None, verifier, wanted: Wanted::default() };
    let redeem = RedeemCode { style: &JWTS, client: &client(CLIENT), code, shown, peer: Ipv4Addr::LOCALHOST.into() };
    Ok(house.engine.redeem_code(redeem).await?.into())
}

/// The app asks for an access token.
pub(super) async fn renew(house: &House, refresh_token: &str) -> Result<Jwts, Error> {
    renew_as(house, CLIENT, refresh_token).await
}

pub(super) async fn renew_as(house: &House, by: &str, refresh_token: &str) -> Result<Jwts, Error> {
    let renew = Renew { style: &JWTS, client: &client(by), refresh_token, peer: Ipv4Addr::LOCALHOST.into() };
    Ok(house.engine.renew(renew).await?.into())
}

/// Why it was refused; `None` where it was not.
pub(super) fn refused<T: std::fmt::Debug>(answer: &Result<T, Error>) -> Option<ErrorCode> {
    match answer {
        Ok(_) => None,
        Err(Error::Refused(refusal)) => Some(refusal.code),
        Err(error) => panic!("{error:?}"),
    }
}
