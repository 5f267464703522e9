//! Whoever gives much away shows the password again, unless he did just now.

use std::{sync::Arc, time::Duration};

use super::House;
use crate::support::{
    authorize::address,
    gateway::{CONFIG, PASSWORD, SERIKA, USER},
    http::Reply,
    login::{Device, Logins},
    pages::check_guarded,
    person::{Person, hidden, last_hidden},
};

const CALLBACK: &str = "http://127.0.0.1/callback";
const MINUTE: Duration = Duration::from_secs(60);
const SENTENCE: &str = "An app asks for far-reaching access. Sign in once more before you decide.";

async fn start() -> House {
    House::with(&format!(
        "{CONFIG}{SERIKA}[dialects.serechat]\nscopes = [\"inference\", \"images\"]\n[pages]\nsign_in_again = [\"images\"]\n"
    ))
    .await
}

/// Asserts that the browser is asked to sign in again, and does so: what comes then.
async fn sign_in_again(person: &Person, sent: &Reply, name: &str) -> Reply {
    let to = sent.header("location");
    assert!(sent.status == 303 && to.starts_with("/sign-in?again=1&to="), "{}: {to}", sent.status);
    let form = person.get(to).await;
    check_guarded(&form, "signing in again");
    assert!(form.text().contains(SENTENCE) && form.text().contains(&format!("name=\"name\" value=\"{USER}\"")), "{}", form.text());
    let send = async |page: &Reply, password: &str| {
        let text = page.text();
        let kept = ["form", "again", "to", "user_code", "request_id", "dialect", "query"];
        let kept = kept.into_iter().filter(|name| text.contains(&format!("type=\"hidden\" name=\"{name}\"")));
        let kept: Vec<(&str, String)> = kept.map(|kept| (kept, hidden(page, kept).replace("&amp;", "&"))).collect();
        let mut fields: Vec<(&str, &str)> = kept.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fields.extend([("name", name), ("password", password)]);
        person.post("/sign-in", &fields).await
    };
    let wrong = send(&form, "wrong").await;
    assert!(wrong.status == 401 && wrong.text().contains(SENTENCE), "{}", wrong.text());
    let back = send(&wrong, PASSWORD).await;
    assert_eq!(back.status, 303, "{}", back.text());
    person.get(back.header("location")).await
}

/// Presses a button of a question, whichever it is.
async fn press(person: &Person, page: &Reply, decision: &str) -> Reply {
    let text = page.text();
    let form = text.split("class=\"decision\" method=\"post\" action=\"").last().unwrap();
    let action = form.split('"').next().unwrap().replace("&amp;", "&");
    let names = ["form", "grant", "asked", "to", "user_code", "request_id", "tenant"];
    let names = names.into_iter().filter(|name| form.contains(&format!("type=\"hidden\" name=\"{name}\"")));
    let kept: Vec<(&str, String)> = names.map(|name| (name, last_hidden(page, name))).collect();
    let mut fields: Vec<(&str, &str)> = kept.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.push(("decision", decision));
    person.post(&action, &fields).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wide_question_is_shown_to_who_signed_in_within_five_minutes_and_any_other_to_everybody() {
    let house = start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let (wide, narrow) = (address("web", CALLBACK, &[]), address("web", CALLBACK, &[("scope", "inference")]));
    house.gateway.time.advance(5 * MINUTE);
    assert!(ada.get(&wide).await.text().contains("Draw pictures."));
    house.gateway.time.advance(Duration::from_secs(1));
    assert_eq!(ada.get(&narrow).await.status, 200);
    let sent = ada.get(&wide).await;
    check_guarded(&sent, "the way to sign in again");
    let page = sign_in_again(&ada, &sent, USER).await;
    assert!(page.status == 200 && page.text().contains("Draw pictures."), "{}", page.text());
    assert!(press(&ada, &page, "approve").await.header("location").starts_with(&format!("{CALLBACK}?code=")));
    // Whoever has just signed in is not asked, whatever the address says.
    let on = ada.get(sent.header("location")).await;
    assert_eq!((on.status.as_u16(), on.header("location")), (303, &*wide.replace('\'', "%27")));
    // Nor is whoever has nothing of it to give.
    house.gateway.add_user("eva", "inference").await;
    let eva = Person::at(&house.gateway);
    eva.sign_in("eva", PASSWORD).await;
    house.gateway.time.advance(10 * MINUTE);
    assert_eq!(eva.get(&wide).await.status, 200);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_from_a_session_that_is_too_old_by_then_is_asked_again_and_never_taken() {
    let house = start().await;
    for decision in ["approve", "deny"] {
        let ada = Person::signed_in(&house.gateway).await;
        // A browser that was sent here.
        let page = ada.get(&address("web", CALLBACK, &[])).await;
        house.gateway.time.advance(6 * MINUTE);
        let before = house.writes();
        let sent = press(&ada, &page, decision).await;
        assert_eq!(house.writes(), before, "{decision}");
        let page = sign_in_again(&ada, &sent, USER).await;
        assert!(press(&ada, &page, decision).await.header("location").starts_with(CALLBACK));

        // A device.
        let (_, codes) = house.gateway.post_form("/auth/device/code", &[("client_id", "app")]).await;
        let user_code = codes["user_code"].as_str().unwrap();
        let page = ada.enter(user_code).await;
        assert!(page.text().contains("Draw pictures."), "{}", page.text());
        house.gateway.time.advance(6 * MINUTE);
        let before = house.writes();
        let sent = press(&ada, &page, decision).await;
        assert_eq!(house.writes(), before, "{decision}");
        let page = sign_in_again(&ada, &sent, USER).await;
        assert_eq!(hidden_code(&page), user_code);
        house.gateway.time.advance(6 * MINUTE);
        // Entered by somebody who did so too long ago.
        let sent = ada.enter(user_code).await;
        let page = sign_in_again(&ada, &sent, USER).await;
        assert_eq!(hidden_code(&page), user_code);
        let page = ada.post("/device", &[("form", &last_hidden(&page, "form")), ("user_code", user_code)]).await;
        assert_eq!(press(&ada, &page, decision).await.status, 200);

        // An app whose code is typed.
        house.gateway.time.advance(6 * MINUTE);
        let (_, asked) = house.gateway.post_json("/api/auth/app/request", &serde_json::json!({"app_name": "Tinker"})).await;
        let at = format!("/authorize-app?request_id={}", asked["request_id"].as_str().unwrap());
        let sent = ada.get(&at).await;
        let page = sign_in_again(&ada, &sent, USER).await;
        assert!(page.text().contains("Draw pictures."), "{}", page.text());
        house.gateway.time.advance(6 * MINUTE);
        let before = house.writes();
        let sent = press(&ada, &page, decision).await;
        assert_eq!(house.writes(), before, "{decision}");
        let next = sign_in_again(&ada, &sent, USER).await;
        house.gateway.time.advance(2 * MINUTE);
        assert_eq!(press(&ada, &page, decision).await.status, 403, "the form of the session before");
        let decided = press(&ada, &next, decision).await;
        assert_eq!(decided.status, if decision == "approve" { 303 } else { 200 });
        // What is decided is shown however long ago somebody signed in.
        house.gateway.time.advance(4 * MINUTE);
        let shown = ada.get(&at).await;
        let (status, words) = if decision == "approve" { (200, "Enter this code in") } else { (400, "it was already answered") };
        assert!(shown.status == status && shown.text().contains(words), "{}", shown.text());
    }
    house.gateway.end().await;
}

/// What stands in the field for the code.
fn hidden_code(page: &Reply) -> String {
    let text = page.text();
    text.split("name=\"user_code\" value=\"").nth(1).unwrap_or_else(|| panic!("no code in {text}")).split('"').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_who_signs_in_there_gets_his_own_question() {
    let house = start().await;
    house.gateway.add_user("eva", "inference").await;
    let browser = Person::signed_in(&house.gateway).await;
    let adas = browser.get(&address("web", CALLBACK, &[])).await;
    house.gateway.time.advance(6 * MINUTE);
    let sent = press(&browser, &adas, "approve").await;
    let page = sign_in_again(&browser, &sent, "eva").await;
    assert!(page.text().contains("as you, <b>eva</b>") && !page.text().contains("Draw pictures."), "{}", page.text());
    assert_eq!(press(&browser, &adas, "approve").await.status, 403);
    assert_eq!(press(&browser, &page, "approve").await.status, 303);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_just_changed_the_password_has_signed_in() {
    let house = start().await;
    let ada = Person::signed_in(&house.gateway).await;
    house.gateway.time.advance(6 * MINUTE);
    assert_eq!(ada.get(&address("web", CALLBACK, &[])).await.status, 303);
    let form = super::account::form(&ada.get("/account").await, "/account/password");
    let new = "a whole new password";
    let fields = [("form", form.as_str()), ("current", PASSWORD), ("new", new), ("again", new)];
    assert_eq!(ada.post("/account/password", &fields).await.status, 200);
    assert_eq!(ada.get(&address("web", CALLBACK, &[])).await.status, 200);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dialects_say_themselves_what_is_wide_in_them() {
    let logins = || Logins::to(&[("default", "Default", &[])]);
    for (logins, preset, asks) in [
        (logins(), "admin", false),
        (Logins { sign_in_again: vec!["admin".into()], ..logins() }, "admin", true),
        (Logins { sign_in_again: vec!["admin".into()], ..logins() }, "operator", false),
        (Logins { wide: Some("images"), ..logins() }, "operator", true),
        (Logins { wide: Some("other"), ..logins() }, "operator", false),
    ] {
        let house = House::speaking(&format!("{CONFIG}{SERIKA}"), vec![Arc::new(logins)]).await;
        let device = Device::at(&house.gateway).await.wanting(|login| login.preset = preset.into());
        let ada = Person::signed_in(&house.gateway).await;
        house.gateway.time.advance(6 * MINUTE);
        let codes = device.ask(&house.gateway).await;
        let enter = async || {
            let page = ada.get(&codes.link()).await;
            ada.post("/device-auth", &[("form", &last_hidden(&page, "form")), ("user_code", &codes.user_code)]).await
        };
        let first = enter().await;
        let page = if asks {
            let page = sign_in_again(&ada, &first, USER).await;
            assert!(page.text().contains("action=\"/device-auth\""), "{}", page.text());
            enter().await
        } else {
            first
        };
        assert!(page.status == 200 && page.text().contains("Authorize"), "{preset}: {}", page.text());
        house.gateway.time.advance(3 * MINUTE);
        let asked_at = page;
        if asks {
            house.gateway.time.advance(3 * MINUTE);
            let before = house.writes();
            assert!(press(&ada, &asked_at, "approve").await.header("location").starts_with("/sign-in?again=1&to=login&user_code="));
            assert_eq!(house.writes(), before);
        } else {
            assert_eq!(press(&ada, &asked_at, "approve").await.status, 200);
        }
        // What is wide in one dialect is so in that one.
        assert_eq!(ada.get(&address("web", CALLBACK, &[])).await.status, 200);
        house.gateway.end().await;
    }
}
