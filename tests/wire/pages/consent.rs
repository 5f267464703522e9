//! What a person is told before and after saying yes, and who may say it.

use std::time::Duration;

use gatepost::{engine::SignIn, oauth::id::GrantId};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::House;
use crate::support::{
    gateway::{CONFIG, PASSWORD, USER},
    http::Reply,
    pages::check_guarded,
    person::{Person, hidden, last_hidden},
};

/// Characters that show nothing, or that turn the text around them.
fn is_treacherous(c: char) -> bool {
    matches!(c, '\u{0}'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[tokio::test(flavor = "multi_thread")]
async fn the_consent_page_tells_who_asks_for_what_and_on_whose_word() {
    let house = House::start().await;
    let codes = house.ask_as(json!({"hostname": "laptop", "platform": "linux", "arch": "x64"})).await;
    house.gateway.time.advance(Duration::from_secs(120));
    let ada = Person::signed_in(&house.gateway).await;
    let page = ada.enter(&codes.user_code).await;
    check_guarded(&page, "consent");
    let text = page.text();
    for told in [
        "Bootspring CLI",
        "unverified",
        "<bdi>laptop</bdi> <span class=\"tag\">as it says",
        "<bdi>linux x64</bdi> <span class=\"tag\">as it says",
        "127.0.0.1",
        "2 minutes ago",
        "Use the models.",
        "Approve only what you started yourself",
        "as you, <b>ada</b>",
    ] {
        assert!(text.contains(told), "{told} is not in {text}");
    }
    assert!(!text.contains("Draw pictures."), "{text}");
    let done = ada.decide(&codes.user_code, "approve").await;
    check_guarded(&done, "done");
    let list = ada.get("/applications").await;
    check_guarded(&list, "the list");
    for told in ["Bootspring CLI", "<bdi>laptop</bdi>", "Use the models.", "127.0.0.1", "Never", "Just now"] {
        assert!(list.text().contains(told), "{told} is not in {}", list.text());
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_says_of_itself_is_text_and_cannot_turn_the_line() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let hostile = "<img src=x onerror=alert(1)>\u{202e}\u{2066}\u{200b}\u{7}\r\n\u{85}\"'</bdi>&amp;";
    let codes = house.ask_as(json!({"hostname": hostile, "platform": hostile, "arch": hostile})).await;
    let consent = ada.enter(&codes.user_code).await;
    let done = ada.decide(&codes.user_code, "approve").await;
    let list = ada.get("/applications").await;
    for page in [&consent, &done, &list] {
        check_guarded(page, "a hostile name");
        assert!(!page.text().contains("<img") && !page.text().contains(is_treacherous), "{}", page.text());
    }
    let shown = "<bdi>&lt;img src=x onerror=alert(1)&gt;&quot;'&lt;/bdi&gt;&amp;amp;</bdi>";
    assert!(consent.text().contains(shown) && list.text().contains(shown), "{}", consent.text());
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_name_is_cut_and_one_that_shows_nothing_is_left_out() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let long = house.ask_as(json!({"hostname": "m".repeat(5000)})).await;
    let text = ada.enter(&long.user_code).await.text();
    assert!(text.contains(&format!("<bdi>{}</bdi>", "m".repeat(80))), "{text}");
    let empty = house.ask_as(json!({"hostname": "\u{200b}\u{202e} ", "platform": null, "arch": ""})).await;
    let text = ada.enter(&empty.user_code).await.text();
    assert!(!text.contains("<bdi></bdi>") && !text.contains("as it says"), "{text}");
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apps_name_is_text_and_keeps_to_its_place() {
    let name = r#"name = "An <b>app</b> \u202Eevil\u0007""#;
    let house = House::with(&CONFIG.replace(r#"name = "An <b>app</b>""#, name)).await;
    let ada = Person::signed_in(&house.gateway).await;
    let (_, codes) = house.gateway.post_form("/auth/device/code", &[("client_id", "app")]).await;
    let user_code = codes["user_code"].as_str().unwrap();
    let consent = ada.enter(user_code).await;
    let done = ada.decide(user_code, "approve").await;
    let list = ada.get("/applications").await;
    for page in [&consent, &done, &list] {
        let text = page.text();
        check_guarded(page, "a hostile name");
        assert!(!text.contains("<b>app</b>"), "{text}");
        let shown = text.matches("An &lt;b&gt;app").count() - text.matches("Revoke An &lt;b&gt;app").count();
        assert!(shown > 0, "{text}");
        assert_eq!(text.matches("<bdi>An &lt;b&gt;app").count(), shown, "what turns the line ends with the name: {text}");
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_that_the_user_does_not_hold_are_neither_shown_nor_given() {
    let house = House::start().await;
    house.gateway.add_user("bob", "inference").await;
    let bob = Person::at(&house.gateway);
    bob.sign_in("bob", PASSWORD).await;
    let (_, codes) = house.gateway.post_form("/auth/device/code", &[("client_id", "app")]).await;
    let text = bob.enter(codes["user_code"].as_str().unwrap()).await.text();
    assert!(text.contains("Use the models.") && !text.contains("Draw pictures."), "{text}");
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_nothing_of_what_is_asked_for_cannot_approve() {
    let house = House::start().await;
    house.gateway.add_user("eva", "images").await;
    let codes = house.ask().await;
    let eva = Person::at(&house.gateway);
    eva.sign_in("eva", PASSWORD).await;
    let page = eva.enter(&codes.user_code).await;
    assert!(page.text().contains("You cannot approve") && !page.text().contains("value=\"approve\""), "{}", page.text());
    let before = house.writes();
    // With the form of her own session, and the button that is not on her page.
    let reply = decide(&eva, &page, "approve").await;
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("You hold none of the permissions"), "{}", reply.text());
    assert_eq!(house.writes(), before);
    assert_eq!(house.poll(&codes).await.unwrap_err(), "authorization_pending");
    // Somebody who holds it still can, and she can still deny.
    let other = house.ask().await;
    assert_eq!(eva.decide(&other.user_code, "deny").await.status, 200);
    assert_eq!(house.poll(&other).await.unwrap_err(), "access_denied");
    Person::signed_in(&house.gateway).await.approve(&codes.user_code).await;
    assert!(house.poll(&codes).await.is_ok());
    house.gateway.end().await;
}

async fn decide(person: &Person, page: &Reply, decision: &str) -> Reply {
    let (form, grant) = (last_hidden(page, "form"), hidden(page, "grant"));
    person.post("/device/decision", &[("form", &form), ("grant", &grant), ("decision", decision)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_or_revokes_what_somebody_else_allowed() {
    let house = House::start().await;
    house.gateway.add_user("eva", "inference").await;
    let adas: Value = house.let_in().await;
    let ada = Person::signed_in(&house.gateway).await;
    let eva = Person::at(&house.gateway);
    eva.sign_in("eva", PASSWORD).await;
    let evas = house.ask().await;
    eva.approve(&evas.user_code).await;

    let (adas_list, evas_list) = (ada.get("/applications").await.text(), eva.get("/applications").await.text());
    assert_eq!((adas_list.matches("<article").count(), evas_list.matches("<article").count()), (1, 1));
    let value = |list: &str, name: &str| {
        let card = list.split("<article").nth(1).unwrap();
        card.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let grant = value(&adas_list, "grant");
    assert_ne!(grant, value(&evas_list, "grant"));
    for form in [value(&adas_list, "form"), value(&evas_list, "form")] {
        assert_eq!(eva.post("/applications/revoke", &[("form", &form), ("grant", &grant)]).await.status, 403);
    }
    // Nor behind the page, were a form ever made for it.
    let right = |name| SignIn { name, password: SecretString::from(PASSWORD), peer: [127, 0, 0, 1].into(), known: None };
    let somebody = house.gateway.engine.check_password(right("eva")).await.unwrap().unwrap();
    assert!(house.gateway.engine.revoke_own(GrantId::parse(&grant).unwrap(), somebody.id).await.is_err());
    assert_eq!(house.me(&adas).await, 200);
    let owner = house.gateway.engine.check_password(right(USER)).await.unwrap().unwrap();
    house.gateway.engine.revoke_own(GrantId::parse(&grant).unwrap(), owner.id).await.unwrap();
    assert_eq!(house.me(&adas).await, 401);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_that_is_sent_twice_is_one_yes_and_a_no_after_it_comes_too_late() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let page = ada.enter(&house.ask().await.user_code).await;
    assert_eq!(decide(&ada, &page, "approve").await.status, 200);
    let before = house.writes();
    let again = decide(&ada, &page, "approve").await;
    assert!(again.status == 200 && again.text().contains("is connected"), "{}", again.text());
    assert_eq!(decide(&ada, &page, "deny").await.status, 400);
    assert_eq!(house.writes(), before);
    house.gateway.end().await;
}
