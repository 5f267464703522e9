//! What was taken back at one replica no replica admits any more, from the moment in which that was answered.

use std::time::Duration;

use gatepost::{
    engine::{ClientIds, CreateClient, Decision, Spelling},
    oauth::{
        claim::Claim,
        client::{GrantType, Origin},
        scope::Scopes,
    },
};
use http::Method;
use serde_json::json;

use super::{House, Way, ada, good, in_every_way};
use crate::{
    proxy::stand::issue,
    support::{
        gateway::{PASSWORD, USER},
        http::{bearing, get, post_form, post_json, request},
        person::{Person, hidden},
    },
    wire::together::credentials::{self, Credential, Kind, text},
};

in_every_way!(thoroughly:
    what_a_dialects_own_endpoint_takes_back_is_gone_everywhere,
    a_replayed_refresh_token_ends_its_grant_everywhere,
    what_a_person_takes_back_on_the_pages_is_gone_everywhere,
    what_an_operator_takes_back_is_gone_everywhere,
    a_user_who_is_disabled_has_no_way_in_anywhere,
    a_client_that_is_disabled_or_deleted_has_no_way_in_anywhere,
    what_a_revoked_key_signed_opens_nothing_anywhere,
    a_key_that_is_rotated_or_replaced_opens_nothing_anywhere,
);

/// The credential of this kind that a dialect gave.
fn find<'a>(got: &'a [Credential], dialect: &str, kind: Kind) -> &'a str {
    &got.iter().find(|credential| credential.dialect == dialect && credential.kind == kind).unwrap().text
}

async fn what_a_dialects_own_endpoint_takes_back_is_gone_everywhere(way: Way) {
    let Some(house) = House::going(way).await else { return };
    let got = credentials::one_of_each(house.gateway(0)).await;
    let refresh = json!({"refreshToken": find(&got, "bootspring", Kind::Refresh)});
    let logout = async { drop(good(house.gateway(1), post_json("/api/v1/auth/logout", &refresh)).await) };
    house.takes_back("a logout", find(&got, "bootspring", Kind::Access), logout).await;

    let access = find(&got, "standard", Kind::Access);
    let revoke = post_form("/oauth/revoke", &[("client_id", "both"), ("token", access)]);
    let revoke = async { drop(good(house.gateway(2), revoke).await) };
    house.takes_back("a revocation (RFC 7009)", access, revoke).await;

    let access = find(&got, "serble", Kind::Access);
    let end = bearing(request(Method::DELETE, "/api/v1/account/authorizedApps/photos", "", ""), access);
    let end = async { drop(good(house.gateway(1), end).await) };
    house.takes_back("the end of an app", access, end).await;
}

async fn a_replayed_refresh_token_ends_its_grant_everywhere(way: Way) {
    let Some(house) = House::going(way).await else { return };
    let first = house.token().await;
    let refreshing = || {
        post_form(
            "/auth/device/token",
            &[("grant_type", "refresh_token"), ("client_id", "bootspring-cli"), ("refresh_token", &first.refresh)],
        )
    };
    let next = text(&good(house.gateway(1), refreshing()).await.json(), "access_token");
    house.replicas.time.advance(Duration::from_secs(11));
    let replay = async {
        let reply = house.gateway(2).send(refreshing()).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["error"]), (400, &"invalid_grant".into()));
    };
    house.takes_back("a replay", &next, replay).await;
}

async fn what_a_person_takes_back_on_the_pages_is_gone_everywhere(way: Way) {
    let Some(house) = House::going(way).await else { return };
    let access = house.token().await.access;
    let person = Person::signed_in(house.gateway(2)).await;
    let revoke = async { assert_eq!(person.revoke_first().await.status, 303) };
    house.takes_back("Connected applications", &access, revoke).await;

    let personal = house.gateway(0).personal_token(USER, "inference").await;
    let revoke = async {
        let page = person.get("/account").await;
        let text = page.text();
        let (_, form) = text.split_once("action=\"/account/tokens/revoke\"").unwrap();
        let form = form.split_once("name=\"form\" value=\"").unwrap().1.split('"').next().unwrap();
        let revoked = person.post("/account/tokens/revoke", &[("form", form), ("grant", &hidden(&page, "grant"))]).await;
        assert_eq!(revoked.status, 303, "{}", revoked.text());
    };
    house.takes_back("a personal token on the page", &personal, revoke).await;
}

async fn what_an_operator_takes_back_is_gone_everywhere(way: Way) {
    let Some(house) = House::going(way).await else { return };
    let token = house.token().await;
    let admin = async |noun, verb, arguments: &[(&str, &str)]| drop(house.gateway(1).admin(noun, verb, arguments).await);
    let id = token.grant.to_string();
    house.takes_back("grant revoke", &token.access, admin("grant", "revoke", &[("id", &id)])).await;

    let personal = house.gateway(0).personal_token(USER, "inference").await;
    let list = house.gateway(2).admin("token", "list", &[("user", USER)]).await;
    let id = list[0]["id"].as_str().unwrap();
    house.takes_back("token revoke", &personal, admin("token", "revoke", &[("id", id)])).await;

    let access = house.token().await.access;
    house.takes_back("user revoke", &access, admin("user", "revoke", &[("name", USER)])).await;
    admin("user", "enable", &[("name", USER)]).await;
}

async fn a_user_who_is_disabled_has_no_way_in_anywhere(way: Way) {
    let Some(house) = House::going(way).await else { return };
    let access = house.token().await.access;
    let disable = async { drop(house.gateway(2).admin("user", "disable", &[("name", USER)]).await) };
    house.takes_back("user disable", &access, disable).await;
    for gateway in &house.replicas.gateways {
        assert_ne!(Person::at(gateway).sign_in(USER, PASSWORD).await.status, 303);
    }
}

async fn a_client_that_is_disabled_or_deleted_has_no_way_in_anywhere(way: Way) {
    let Some(house) = House::going(way).await else { return };
    let access = house.token().await.access;
    let of = [("id", "bootspring-cli"), ("dialect", "bootspring")];
    let disable = async { drop(house.gateway(1).admin("client", "disable", &of).await) };
    house.takes_back("client disable", &access, disable).await;

    let create = CreateClient {
        spelling: Spelling { dialect: "bootspring", id: ClientIds::After("bs_app_"), secret: "bs_cs_" },
        owner: None,
        origin: Origin::Managed,
        name: Claim::exact("A made app").unwrap(),
        description: None,
        redirect_uris: Vec::new(),
        scopes: Scopes::parse("inference").unwrap(),
        grant_types: GrantType::ALL.into(),
        public: true,
        format: None,
        resource_server: None,
        verified: false,
    };
    let client = house.gateway(0).engine.create_client(create).await.unwrap().0.id;
    let gateway = house.gateway(1);
    let access = issue(&gateway.engine, &ada(gateway).await, client.as_str()).await.access;
    let of = [("id", client.as_str()), ("dialect", "bootspring")];
    let delete = async { drop(house.gateway(2).admin("client", "delete", &of).await) };
    house.takes_back("client delete", &access, delete).await;
}

async fn what_a_revoked_key_signed_opens_nothing_anywhere(way: Way) {
    let Some(house) = House::going(way).await else { return };
    let got = credentials::one_of_each(house.gateway(0)).await;
    let jwt = find(&got, "serble", Kind::Access);
    let head = data_encoding::BASE64URL_NOPAD.decode(jwt.split('.').next().unwrap().as_bytes()).unwrap();
    let head: serde_json::Value = serde_json::from_slice(&head).unwrap();
    let kid = head["kid"].as_str().unwrap();
    let revoke = async { drop(house.gateway(1).admin("key", "revoke", &[("kid", kid)]).await) };
    house.takes_back("key revoke", jwt, revoke).await;
}

async fn a_key_that_is_rotated_or_replaced_opens_nothing_anywhere(way: Way) {
    const TOKENS: &str = "/v1/tenants/acme/tokens";
    let Some(house) = House::going(way).await else { return };
    let key = async || {
        let begin = json!({"preset": "operator", "clientType": "CLI", "deviceId": "a-device"});
        let codes = good(house.gateway(0), post_json("/v1/deviceAuthorizations", &begin)).await.json();
        assert!(house.gateway(1).decide_login(&text(&codes, "userCode"), USER, Some("acme"), Decision::Approve).await.is_some());
        let poll = get(&format!("/v1/deviceAuthorizations/{}", text(&codes, "deviceCode")));
        text(&good(house.gateway(2), poll).await.json(), "apiKey")
    };
    let first = key().await;
    let current = bearing(get(&format!("{TOKENS}/current")), &first);
    let id = text(&good(house.gateway(1), current).await.json(), "id");
    let mut second = String::new();
    let rotate = async {
        let rotate = bearing(post_json(&format!("{TOKENS}/{id}:rotate"), &json!({})), &first);
        second = text(&good(house.gateway(1), rotate).await.json(), "token");
    };
    house.takes_back("a rotation", &first, rotate).await;
    let mut third = String::new();
    house.takes_back("a login that replaces the key", &second, async { third = key().await }).await;
    assert!(house.statuses(&third).await.iter().all(|status| *status == 200));
}
