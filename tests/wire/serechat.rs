//! SereChat's contract: the golden files, and what needs several people, several addresses, or many
//! callers at once.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

use super::golden::golden;
use crate::support::{
    crowd::at_once,
    gateway::{Gateway, PASSWORD, USER},
    http::{Reply, bearing, get, post_json, send_from},
    person::{Person, hidden, last_hidden, typed_code},
};

golden! {
    "serechat":
    a_denied_request_says_so,
    a_store_that_is_away_is_no_answer_of_the_protocol,
    a_token_ends_after_a_year,
    an_access_that_was_taken_back_before_the_code_was_used,
    an_app_is_let_in,
    deadlines,
    five_requests_a_minute_for_an_address,
    five_wrong_codes_end_a_request,
    mounted_elsewhere,
    names_are_for_people,
    what_is_no_try_uses_none,
}

const CONFIG: &str = r#"
public_url = "http://127.0.0.1:8080"
listen = "127.0.0.1:0"
threads = 2
drain = "2s"
[scopes]
inference = "Use the models."
[users]
default_scopes = ["inference"]
[dialects.serechat]
"#;

/// The n-th address of this machine.
fn address(n: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, n))
}

async fn ask(gateway: &Gateway, from: IpAddr) -> String {
    let reply = send_from(from, gateway.address, post_json("/api/auth/app/request", &json!({"app_name": "My app"}))).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["request_id"].as_str().unwrap().to_owned()
}

async fn exchange(gateway: &Gateway, from: IpAddr, request: &str, code: &str) -> Reply {
    send_from(from, gateway.address, post_json("/api/auth/app/exchange", &json!({"request_id": request, "code": code}))).await
}

/// What was answered, as status and word.
fn word(reply: &Reply) -> (u16, String) {
    let word = match reply.json() {
        Value::Object(body) => body.get("error").map_or("token", |error| error.as_str().unwrap()).to_owned(),
        other => panic!("{other}"),
    };
    (reply.status.as_u16(), word)
}

fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_is_shown_again_to_the_session_that_approved_and_to_no_other() {
    let gateway = Gateway::with(CONFIG).await;
    gateway.add_user("bob", "inference").await;
    let request = ask(&gateway, address(1)).await;
    let page = format!("/authorize-app?request_id={request}");
    let (ada, elsewhere, bob) = (Person::signed_in(&gateway).await, Person::signed_in(&gateway).await, Person::at(&gateway));
    assert_eq!(bob.sign_in("bob", PASSWORD).await.status, 303);
    let code = ada.authorize(&request).await;
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    // Again, and after pressing the button once more.
    assert_eq!(typed_code(&ada.get(&page).await), Some(code.clone()));
    let shown = elsewhere.get(&page).await;
    assert_eq!((shown.status.as_u16(), typed_code(&shown), shown.text().contains(&code)), (200, None, false), "{}", shown.text());
    for stranger in [&bob, &Person::at(&gateway)] {
        let shown = stranger.get(&page).await;
        assert!(shown.status != 200 && !shown.text().contains(&code), "{}", shown.text());
    }
    // Once it was used, it is shown to nobody.
    assert_eq!(word(&exchange(&gateway, address(1), &request, &code).await).0, 200);
    assert!(!ada.get(&page).await.text().contains(&code));
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn approving_twice_changes_nothing_and_resets_no_count() {
    let gateway = Gateway::with(CONFIG).await;
    let request = ask(&gateway, address(1)).await;
    let (ada, elsewhere) = (Person::signed_in(&gateway).await, Person::signed_in(&gateway).await);
    let page = format!("/authorize-app?request_id={request}");
    let (first, second) = (ada.get(&page).await, elsewhere.get(&page).await);
    let (own, other) = (last_hidden(&first, "form"), last_hidden(&second, "form"));
    let post = async |person: &Person, form: &str| {
        person.post("/authorize-app", &[("form", form), ("request_id", &request), ("decision", "approve")]).await
    };
    assert_eq!(post(&ada, &own).await.status, 303);
    let code = typed_code(&ada.get(&page).await).unwrap();
    for _ in 0..3 {
        assert_eq!(word(&exchange(&gateway, address(1), &request, &wrong(&code)).await), (400, "invalid_code".to_owned()));
    }
    gateway.time.advance(std::time::Duration::from_secs(200));
    assert_eq!(post(&ada, &own).await.status, 303);
    // The other browser's yes comes too late, and does not get to see the code.
    let late = post(&elsewhere, &other).await;
    assert!(typed_code(&late).is_none(), "{}", late.text());
    assert_eq!(typed_code(&ada.get(&page).await), Some(code.clone()));
    let answer = exchange(&gateway, address(1), &request, &wrong(&code)).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["attempts_remaining"]), (400, &json!(1)));
    gateway.time.advance(std::time::Duration::from_secs(100));
    assert_eq!(word(&exchange(&gateway, address(1), &request, &code).await), (404, "request_not_found".to_owned()));
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_bring_the_right_code_one_gets_the_token() {
    let gateway = Gateway::with(CONFIG).await;
    let request = ask(&gateway, address(1)).await;
    let code = Person::signed_in(&gateway).await.authorize(&request).await;
    let tries = (0..64).map(|n| exchange(&gateway, address(2 + n), &request, &code));
    let mut words: Vec<(u16, String)> = at_once(tries).await.iter().map(word).collect();
    words.sort();
    assert_eq!(words[0], (200, "token".to_owned()));
    assert!(words[1..].iter().all(|word| *word == (404, "request_not_found".to_owned())), "{words:?}");
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_simultaneous_guesses_five_are_compared() {
    let gateway = Gateway::with(CONFIG).await;
    let request = ask(&gateway, address(1)).await;
    let code = Person::signed_in(&gateway).await.authorize(&request).await;
    let tries: Vec<_> = (0..64).map(|n| (address(2 + n), wrong(&code))).collect();
    let replies = at_once(tries.iter().map(|(from, guess)| exchange(&gateway, *from, &request, guess))).await;
    let mut left: Vec<u64> = replies.iter().filter_map(|reply| reply.json()["attempts_remaining"].as_u64()).collect();
    left.sort_unstable();
    assert_eq!(left, [1, 2, 3, 4]);
    let invalidated = replies.iter().filter(|reply| word(reply) == (410, "request_invalidated".to_owned())).count();
    assert_eq!(invalidated, 60);
    assert_eq!(word(&exchange(&gateway, address(200), &request, &code).await), (410, "request_invalidated".to_owned()));
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_approved_reads_on_the_page_that_wrong_codes_ended_the_request() {
    let gateway = Gateway::with(CONFIG).await;
    let request = ask(&gateway, address(1)).await;
    let ada = Person::signed_in(&gateway).await;
    let code = ada.authorize(&request).await;
    for _ in 0..5 {
        exchange(&gateway, address(1), &request, &wrong(&code)).await;
    }
    let page = format!("/authorize-app?request_id={request}");
    let shown = ada.get(&page).await.text();
    assert!(shown.contains("<h1>Too many wrong codes</h1>") && !shown.contains(&code), "{shown}");
    gateway.time.advance(std::time::Duration::from_secs(5 * 60));
    let shown = ada.get(&page).await.text();
    assert!(shown.contains("<h1>Too late</h1>"), "{shown}");
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_may_enter_ten_wrong_codes_in_fifteen_minutes_whosever_they_are() {
    let gateway = Gateway::with(CONFIG).await;
    let ada = Person::signed_in(&gateway).await;
    let mut codes = Vec::new();
    for _ in 0..3 {
        let request = ask(&gateway, address(1)).await;
        codes.push((request.clone(), ada.authorize(&request).await));
    }
    for n in 0..10 {
        let (request, code) = &codes[n / 5];
        let status = exchange(&gateway, address(7), request, &wrong(code)).await.status;
        assert_eq!(status, if n % 5 == 4 { 410 } else { 400 });
    }
    // The right one too.
    let (request, code) = &codes[2];
    let refused = exchange(&gateway, address(7), request, code).await;
    assert_eq!(word(&refused), (429, "rate_limited".to_owned()));
    assert_eq!(refused.header("retry-after"), "90");
    // Others are not in it.
    assert_eq!(word(&exchange(&gateway, address(8), request, code).await).0, 200);
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_add_up_over_all_that_one_user_approved() {
    let gateway = Gateway::with(CONFIG).await;
    gateway.add_user("bob", "inference").await;
    let ada = Person::signed_in(&gateway).await;
    for n in 0..5 {
        let request = ask(&gateway, address(10 + n)).await;
        let code = ada.authorize(&request).await;
        for _ in 0..5 {
            exchange(&gateway, address(20 + n), &request, &wrong(&code)).await;
        }
    }
    // All 25 are used up: nothing that Ada approves is to be had any more, from anywhere.
    let request = ask(&gateway, address(1)).await;
    let code = ada.authorize(&request).await;
    assert_eq!(word(&exchange(&gateway, address(2), &request, &code).await), (410, "request_invalidated".to_owned()));
    let page = ada.get(&format!("/authorize-app?request_id={request}")).await.text();
    assert!(page.contains("No code of yours works for the next 58 minutes."), "{page}");
    // Another user's is.
    let bob = Person::at(&gateway);
    assert_eq!(bob.sign_in("bob", PASSWORD).await.status, 303);
    let request = ask(&gateway, address(1)).await;
    let code = bob.authorize(&request).await;
    assert_eq!(word(&exchange(&gateway, address(2), &request, &code).await).0, 200);
    // A day later hers is, too.
    gateway.time.advance(std::time::Duration::from_secs(24 * 3600));
    let request = ask(&gateway, address(1)).await;
    let code = ada.authorize(&request).await;
    assert_eq!(word(&exchange(&gateway, address(2), &request, &code).await).0, 200);
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_codes_of_a_user_may_be_open_at_a_time_however_fast_the_yeses_come() {
    let gateway = Gateway::with(CONFIG).await;
    let ada = Person::signed_in(&gateway).await;
    let mut requests = Vec::new();
    for n in 0..12 {
        requests.push(ask(&gateway, address(10 + n)).await);
    }
    let replies = at_once(requests.iter().map(|request| ada.decide_app(request, "approve"))).await;
    let approved: Vec<&String> =
        requests.iter().zip(&replies).filter(|(_, reply)| reply.status == 303).map(|(request, _)| request).collect();
    assert_eq!(approved.len(), 5, "{:?}", replies.iter().map(|reply| reply.status).collect::<Vec<_>>());
    // One that was used makes room for another, and so does one whose time is over.
    let page = ada.get(&format!("/authorize-app?request_id={}", approved[0])).await;
    assert_eq!(word(&exchange(&gateway, address(2), approved[0], &typed_code(&page).unwrap()).await).0, 200);
    let left = requests.iter().find(|request| !approved.contains(request)).unwrap();
    ada.authorize(left).await;
    gateway.time.advance(std::time::Duration::from_secs(5 * 60));
    let another = ask(&gateway, address(1)).await;
    ada.authorize(&another).await;
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_consent_page_shows_the_name_as_nobody_verified_it_and_the_list_too() {
    let gateway = Gateway::with(CONFIG).await;
    let body = json!({"app_name": "<script>alert(1)</script> & \"Co\""});
    let reply = gateway.send(post_json("/api/auth/app/request", &body)).await;
    let request = reply.json()["request_id"].as_str().unwrap().to_owned();
    let ada = Person::signed_in(&gateway).await;
    let page = ada.get(&format!("/authorize-app?request_id={request}")).await.text();
    let escaped = "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;Co&quot;";
    assert!(
        page.contains(escaped) && page.contains("unverified") && page.contains("Use the models.") && !page.contains("<script>alert"),
        "{page}"
    );
    let code = ada.authorize(&request).await;
    let token = exchange(&gateway, address(1), &request, &code).await.json()["access_token"].as_str().unwrap().to_owned();
    let list = ada.get("/applications").await.text();
    assert!(list.contains(escaped) && !list.contains("<script>alert"), "{list}");
    // It is a token of this dialect: another's endpoints do not exist, and nothing else opens.
    assert_eq!(gateway.send(bearing(get("/api/v1/auth/me"), &token)).await.status, 404);
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_needs_the_form_that_its_own_session_was_shown() {
    let gateway = Gateway::with(CONFIG).await;
    gateway.add_user("bob", "inference").await;
    let (request, other) = (ask(&gateway, address(1)).await, ask(&gateway, address(1)).await);
    let (ada, bob) = (Person::signed_in(&gateway).await, Person::at(&gateway));
    assert_eq!(bob.sign_in("bob", PASSWORD).await.status, 303);
    let form = last_hidden(&ada.get(&format!("/authorize-app?request_id={request}")).await, "form");
    for (person, request, form) in
        [(&bob, &request, form.as_str()), (&ada, &other, form.as_str()), (&ada, &request, "00"), (&ada, &request, "")]
    {
        let reply = person.post("/authorize-app", &[("form", form), ("request_id", request), ("decision", "approve")]).await;
        assert_eq!(reply.status, 403, "{}", reply.text());
    }
    // Opening a link decides nothing.
    let reply = ada.get(&format!("/authorize-app?request_id={request}&form={form}&decision=approve")).await;
    assert_eq!((reply.status.as_u16(), typed_code(&reply)), (200, None));
    assert_eq!(word(&exchange(&gateway, address(1), &request, "123456").await), (404, "authorization_pending".to_owned()));
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_that_cannot_be_read_is_refused_and_one_that_names_nothing_leads_to_the_list() {
    let gateway = Gateway::with(CONFIG).await;
    let person = Person::at(&gateway);
    assert_eq!(person.get("/sign-in?to=authorize-app&request_id=%00").await.status, 400);
    let page = person.get("/sign-in?to=authorize-app&request_id=nothing").await;
    assert!(page.status == 200 && !page.text().contains("authorize-app"), "{}", page.text());
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_leads_back_to_the_request() {
    let gateway = Gateway::with(CONFIG).await;
    let request = ask(&gateway, address(1)).await;
    let person = Person::at(&gateway);
    let page = format!("/authorize-app?request_id={request}");
    let reply = person.get(&page).await;
    assert_eq!(reply.header("location"), format!("/sign-in?to=authorize-app&request_id={request}"));
    let form = person.get(reply.header("location")).await;
    let value = |name| hidden(&form, name);
    let fields = [("form", value("form")), ("to", value("to")), ("request_id", value("request_id"))];
    let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.extend([("name", USER), ("password", PASSWORD)]);
    let reply = person.post("/sign-in", &fields).await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (303, page.as_str()));
    gateway.end().await;
}
