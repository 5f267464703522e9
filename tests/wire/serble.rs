//! Serble's contract: the golden files, what is asked before a user is, and what is issued.

mod ends;
mod races;

use data_encoding::BASE64URL_NOPAD;
use gatepost::{
    dialects::Unanswered,
    oauth::{id::ClientId, user::UserName},
};
use http::Method;
use serde_json::{Value, json};

use super::golden::golden;
use crate::support::{
    authorize::parameter,
    gateway::{Gateway, USER, root},
    http::{Reply, get, request},
    pages::check_guarded,
    person::{Person, hidden, last_hidden},
    redirect,
    upstream::Upstream,
};

golden! {
    "serble":
    a_code_is_used_once,
    a_code_lives_five_minutes,
    a_grant_that_was_taken_back_on_a_page,
    a_store_that_is_away_is_no_answer_of_the_protocol,
    a_user_who_says_no,
    an_app_is_deauthorised,
    an_app_is_let_in,
    browsers_of_every_origin,
    full_access_is_as_good_as_all,
    how_a_token_is_shown,
    lives_are_the_operators,
    mounted_elsewhere,
    scopes_open_what_they_say,
    ten_wrong_secrets_of_one_app,
    what_anybody_may_know_of_an_app,
    what_is_asked_may_be_a_query_or_a_form,
    what_is_wrong_is_told_in_order,
    what_one_dialect_made_is_unknown_to_another,
}

const SECRET: &str = "photos-secret_1";

/// The configuration of the golden files, in front of this upstream.
fn config(upstream: &str) -> String {
    let folder = root().join("tests/wire/serble");
    let text = std::fs::read_to_string(folder.join("gatepost.toml")).unwrap();
    text.replace("{folder}", folder.to_str().unwrap()).replace("{upstream}", upstream)
}

async fn gateway() -> Gateway {
    Gateway::with(&config("http://127.0.0.1:9")).await
}

/// Where an app sends the browser, with these parameters over the usual ones; `None` leaves one out.
fn question(over: &[(&str, Option<&str>)]) -> String {
    let usual = [
        ("redirect_uri", "http://127.0.0.1/cb"),
        ("client_id", "photos"),
        ("response_type", "token"),
        ("scope", "file_host user_info apps_control"),
        ("state", "a b&c=d#e"),
    ];
    let is_over = |name: &str| over.iter().any(|(other, _)| *other == name);
    let over = over.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
    let fields = usual.into_iter().filter(|(name, _)| !is_over(name)).chain(over);
    format!("/oauth/authorize?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish())
}

/// A code of the first user's for all that the app may do.
async fn code(gateway: &Gateway) -> String {
    redirect::code(gateway, &question(&[])).await
}

/// Asks a token endpoint as the app, as its documents say.
async fn ask(gateway: &Gateway, endpoint: &str, name: &str, shown: &str) -> Reply {
    let who = format!("client_id=photos&client_secret={SECRET}&grant_type=authorization_code");
    let target = format!("/api/v1/oauth/token/{endpoint}?{name}={shown}&{who}");
    gateway.send(request(Method::POST, &target, "application/json", "")).await
}

/// What the app gets that the first user lets in.
async fn let_in(gateway: &Gateway) -> Value {
    let reply = ask(gateway, "refresh", "code", &code(gateway).await).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}"))
}

async fn use_of(gateway: &Gateway, method: Method, path: &str, access: &str) -> Reply {
    let mut request = request(method, path, "", "");
    request.headers_mut().insert("serbleauth", format!("App {access}").parse().unwrap());
    gateway.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_question_only_the_user_is_told() {
    let gateway = gateway().await;
    let known = redirect::read(&gateway, &question(&[("redirect_uri", Some("http://127.0.0.1:49152/cb"))])).await.unwrap();
    assert_eq!((known.redirect.named, known.redirect.challenge), (false, None));
    let long = "x".repeat(300);
    let bad: [(&str, Option<&str>); 17] = [
        ("response_type", None),
        ("response_type", Some("code")),
        ("response_type", Some("")),
        ("client_id", None),
        ("client_id", Some("nobody")),
        ("client_id", Some(&long)),
        ("redirect_uri", None),
        ("redirect_uri", Some("")),
        ("redirect_uri", Some("http://127.0.0.1/cb/")),
        ("redirect_uri", Some("https://photos.example/cb")),
        ("redirect_uri", Some("https://evil.example/cb")),
        ("scope", None),
        ("scope", Some(" ")),
        ("scope", Some("email full_access clients")),
        ("state", None),
        ("state", Some("")),
        ("state", Some("a\0b")),
    ];
    for (name, value) in bad {
        let unanswered = redirect::read(&gateway, &question(&[(name, value)])).await.err();
        assert!(matches!(unanswered, Some(Unanswered::Here(_))), "{name} {value:?}: {unanswered:?}");
    }
    let ada = Person::signed_in(&gateway).await;
    for target in [
        question(&[("state", None)]),
        question(&[("scope", Some("email"))]),
        format!("{}&state=again", question(&[])),
        format!("{}&x=%ff", question(&[])),
        question(&[("response_type", None)]),
        "/oauth/authorize".to_owned(),
        "/api/v1/oauth/auth?response_type=code".to_owned(),
        "/api/v1/oauth/auth?state=a&state=b".to_owned(),
    ] {
        let page = ada.get(&target).await;
        assert_eq!((page.status.as_u16(), page.header("location")), (400, ""), "{target}: {}", page.text());
        check_guarded(&page, &target);
    }
    gateway.end().await;
}

/// The page's form, sent.
async fn decide(person: &Person, target: &str, decision: &str) -> Reply {
    let page = person.get(target).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let fields = [
        ("form", last_hidden(&page, "form")),
        ("grant", hidden(&page, "grant")),
        ("asked", hidden(&page, "asked")),
        ("decision", decision.to_owned()),
    ];
    person.post(target, &fields.each_ref().map(|(name, value)| (*name, value.as_str()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_makes_an_app_and_people_let_it_in_on_the_page() {
    let gateway = gateway().await;
    let ada = Person::signed_in(&gateway).await;
    let form = ada.get("/apps/new?dialect=serble").await;
    // Every app has a secret, whatever a form says.
    assert!(!form.text().contains("name=\"public\""), "{}", form.text());
    let fields = [
        ("form", &*last_hidden(&form, "form")),
        ("dialect", "serble"),
        ("name", "My tool"),
        ("description", "It sorts."),
        ("redirect_uris", "https://tool.example/cb"),
        ("scope.user_info", "on"),
        ("public", "on"),
    ];
    let made = ada.post("/apps/new", &fields).await;
    let shown = |id: &str| made.text().split(&format!("id=\"{id}\" tabindex")).nth(1).unwrap().split(['>', '<']).nth(1).unwrap().to_owned();
    let (id, secret) = (shown("client-id"), shown("secret"));
    assert!(id.len() == 36 && id.split('-').map(str::len).eq([8, 4, 4, 4, 12]), "{id} is no GUID");
    assert!(secret.starts_with("sb_cs_") && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{secret}");
    let public = gateway.send(get(&format!("/api/v1/app/{id}/public"))).await.json();
    assert_eq!(public, json!({"id": id, "name": "My tool", "description": "It sorts."}));

    let over = [("client_id", Some(&*id)), ("redirect_uri", Some("https://tool.example/cb"))];
    let denied = decide(&ada, &question(&over), "deny").await;
    assert_eq!(
        (denied.status.as_u16(), denied.header("location")),
        (303, "https://tool.example/cb?state=a+b%26c%3Dd%23e&authorized=false")
    );
    let approved = decide(&ada, &question(&over), "approve").await;
    let location = approved.header("location");
    assert!(location.starts_with("https://tool.example/cb?state=a+b%26c%3Dd%23e&authorized=true&code=sb_ac_"), "{location}");
    let code = parameter(location, "code").unwrap();
    let query = format!("code={code}&client_id={id}&client_secret={secret}&grant_type=authorization_code");
    let tokens = gateway.send(request(Method::POST, &format!("/api/v1/oauth/token/refresh?{query}"), "application/json", "")).await.json();
    let account = use_of(&gateway, Method::GET, "/api/v1/account", text(&tokens, "access_token")).await.json();
    assert_eq!(account["username"], USER);

    // With its app everything ends.
    assert!(gateway.engine.delete_client("serble", &ClientId::new(&id), None).await.unwrap().is_some());
    assert_eq!(use_of(&gateway, Method::GET, "/api/v1/account", text(&tokens, "access_token")).await.status, 401);
    assert_eq!(gateway.send(get(&format!("/api/v1/app/{id}/public"))).await.status, 404);
    gateway.end().await;
}

/// The header and the claims of a JWT.
fn read(token: &str) -> [Value; 2] {
    let part = |nth| serde_json::from_slice(&BASE64URL_NOPAD.decode(token.split('.').nth(nth).unwrap().as_bytes()).unwrap()).unwrap();
    [part(0), part(1)]
}

#[tokio::test(flavor = "multi_thread")]
async fn both_tokens_are_jwts_and_say_what_they_are_for() {
    let gateway = gateway().await;
    let tokens = let_in(&gateway).await;
    let user = gateway.store.user_named(&UserName::parse(USER).unwrap()).await.unwrap().unwrap().record.id.to_string();
    let iat = gateway.time.clock().now().as_second();
    let issuer = "http://127.0.0.1:8080";
    for (name, typ, audience, life) in [
        ("access_token", "at+jwt", issuer.to_owned(), 3600),
        ("refresh_token", "serble-rt+jwt", format!("{issuer}/api/v1/oauth/token/access"), 3650 * 24 * 3600),
    ] {
        let [header, claims] = read(text(&tokens, name));
        assert_eq!((&header["typ"], &header["alg"]), (&json!(typ), &json!("EdDSA")), "{header}");
        let expected = json!({
            "iss": issuer, "sub": user, "aud": audience, "client_id": "photos", "iat": iat, "exp": iat + life, "jti": claims["jti"],
            "scope": "apps_control file_host user_info",
        });
        assert_eq!(claims, expected, "{name}");
        let keys = gateway.send(get("/.well-known/jwks.json")).await.json();
        assert!(keys["keys"].as_array().unwrap().iter().any(|key| key["kid"] == header["kid"]), "{keys}");
    }
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_field_goes_upstream_and_a_query_as_long_as_a_url_may_be_is_read() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::with(&config(&format!("http://{}", upstream.address))).await;
    let code = code(&gateway).await;
    let who = format!("client_id=photos&client_secret={SECRET}&grant_type=authorization_code");
    let target = |length: usize| format!("/api/v1/oauth/token/refresh?code={code}&{who}&x={}", "x".repeat(length));
    let tokens = gateway.send(request(Method::POST, &target(7000), "", "")).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    let access = text(&tokens.json(), "access_token").to_owned();
    for (field, value) in [("serbleauth", format!("App {access}")), ("authorization", format!("Bearer {access}"))] {
        let mut call = get("/files/1");
        call.headers_mut().insert(field, value.parse().unwrap());
        assert_eq!(gateway.send(call).await.status, 200, "{field}");
    }
    for seen in upstream.seen() {
        assert!(!seen.headers.contains_key("serbleauth") && !seen.headers.contains_key("authorization"), "{:?}", seen.headers);
        assert_eq!(seen.headers["x-gatepost-client"], "photos");
        assert_eq!(seen.headers["x-gatepost-scope"], "apps_control file_host user_info");
    }
    assert_eq!(upstream.seen().len(), 2);
    gateway.end().await;
}
