//! Logins of devices to tenants: the page, the question, and the keys on the list.

use std::{sync::Arc, time::Duration};

use gatepost::oauth::scope::Scopes;
use http::Method;

use super::House;
use crate::support::{
    gateway::{CONFIG, PASSWORD, USER, forwarding},
    http::{Reply, bearing, get, request},
    login::{Codes, Device, Logins, PAGE},
    pages::check_guarded,
    person::{Person, hidden, last_hidden},
    upstream::Upstream,
};

const EVERYBODYS: (&str, &str, &[&str]) = ("default", "Default", &[]);
const ADAS: (&str, &str, &[&str]) = ("acme", "Acme <b>Ltd</b>", &[USER]);
const EVAS: (&str, &str, &[&str]) = ("evas", "Eva's", &["eva"]);

async fn start(logins: Logins) -> (House, Device) {
    let house = House::speaking(CONFIG, vec![Arc::new(logins)]).await;
    let device = Device::at(&house.gateway).await;
    (house, device)
}

/// Opens the link, and goes on to the question.
async fn question(person: &Person, link: &str, code: &str) -> Reply {
    let page = person.get(link).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let action = link.split('?').next().unwrap();
    person.post(action, &[("form", &last_hidden(&page, "form")), ("user_code", code)]).await
}

/// Presses a button of the question; a tenant is named where one is to be.
async fn press(person: &Person, page: &Reply, tenant: Option<&str>, decision: &str) -> Reply {
    let kept = ["form", "grant", "to", "user_code"].map(|name| (name, last_hidden(page, name)));
    let mut fields: Vec<(&str, &str)> = kept.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.extend(tenant.map(|tenant| ("tenant", tenant)));
    fields.push(("decision", decision));
    person.post("/device/decision", &fields).await
}

/// Ada lets this login into this tenant.
async fn approve(house: &House, codes: &Codes, tenant: &str) {
    let ada = Person::signed_in(&house.gateway).await;
    let page = question(&ada, &codes.link(), &codes.user_code).await;
    let done = press(&ada, &page, Some(tenant), "approve").await;
    assert_eq!(done.status, 200, "{}", done.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_brings_the_code_and_it_is_confirmed_after_signing_in() {
    let (house, device) = start(Logins::to(&[EVERYBODYS])).await;
    let codes = device.ask(&house.gateway).await;
    let person = Person::at(&house.gateway);
    let first = person.get(&codes.link()).await;
    let shown = format!("{}-{}", &codes.user_code[..4], &codes.user_code[4..]);
    assert_eq!((first.status.as_u16(), first.header("location")), (303, &*format!("/sign-in?to=login&user_code={shown}")));
    let form = person.get(first.header("location")).await;
    assert!(form.text().contains("Then you can connect your device."), "{}", form.text());
    let fields = ["form", "to", "user_code"].map(|name| (name, hidden(&form, name)));
    let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.extend([("name", USER), ("password", PASSWORD)]);
    let back = person.post("/sign-in", &fields).await;
    assert_eq!(back.header("location"), codes.link());
    let page = person.get(back.header("location")).await;
    check_guarded(&page, "the page for logins");
    assert!(page.text().contains(&format!("value=\"{shown}\"")), "{}", page.text());
    assert!(page.text().contains(&format!("<form method=\"post\" action=\"{PAGE}\">")), "{}", page.text());
    assert_eq!(device.poll(&house.gateway, &codes).await.unwrap_err(), "AuthorizationPending", "nothing is approved by opening a link");

    // Without the link it is typed, in any spelling, here or on the other page.
    let letters = codes.user_code.to_lowercase();
    for (at, typed) in [(PAGE, &codes.user_code), (PAGE, &shown), (PAGE, &letters), ("/device", &shown), ("/device", &letters)] {
        let page = question(&person, at, typed).await;
        assert!(page.text().contains("Authorize <b><bdi>VS Code</bdi></b>?"), "{at} {typed}: {}", page.text());
        // A choice of language leads back to where one was.
        let back = format!("to={}&amp;user_code={shown}", if at == PAGE { "login" } else { "device" });
        assert!(page.text().contains(&back), "{back} is not in {}", page.text());
    }
    let wrong = question(&person, PAGE, "BCDF-GHJK").await;
    assert!(wrong.status == 400 && wrong.text().contains("This code does not work."), "{}", wrong.text());
    assert!(wrong.text().contains(&format!("action=\"{PAGE}\"")), "{}", wrong.text());
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_question_tells_what_asks_for_which_preset_and_there_is_nothing_to_choose() {
    let (house, device) = start(Logins::to(&[EVERYBODYS])).await;
    let ada = Person::signed_in(&house.gateway).await;
    let codes = device.ask(&house.gateway).await;
    let page = question(&ada, &codes.link(), &codes.user_code).await;
    check_guarded(&page, "a question");
    let text = page.text();
    for told in [
        "Authorize <b><bdi>VS Code</bdi></b>?",
        "<dt>App</dt><dd><bdi>VS Code</bdi> <span class=\"tag\">unverified</span>",
        "<dt>Kind</dt><dd>Code editor <span class=\"tag\">as it says</span>",
        "<dt>Device</dt><dd><bdi>adas-laptop</bdi> <span class=\"tag\">as it says</span>",
        "<dt>Workspace</dt><dd><bdi>Default</bdi></dd>",
        "As <bdi>operator</bdi>, it will be able to",
        "Use the models.",
        "Draw pictures.",
        "<dt>Network</dt><dd>127.0.0.1</dd>",
        "Approve only what you started yourself",
    ] {
        assert!(text.contains(told), "{told} is not in {text}");
    }
    for untold in ["<select", "type=\"radio\"", "type=\"checkbox\"", "a kind of program", "Approving replaces", "gets only this"] {
        assert!(!text.contains(untold), "{untold} is in {text}");
    }
    for (client_type, told) in
        [("CLI", "Command line"), ("DESKTOP", "Desktop app"), ("MCP", "MCP client"), ("OTHER", "Another program"), ("UNSPECIFIED", "")]
    {
        let codes = device.wanting(|login| login.client_type = client_type.into()).ask(&house.gateway).await;
        let text = question(&ada, &codes.link(), &codes.user_code).await.text();
        assert_eq!(text.contains("<dt>Kind</dt>"), !told.is_empty(), "{client_type}: {text}");
        assert!(text.contains(told), "{client_type}: {text}");
    }

    let done = press(&ada, &page, Some("default"), "approve").await;
    assert!(done.status == 200 && done.text().contains("<bdi>VS Code</bdi></b> is connected"), "{}", done.text());
    check_guarded(&done, "done");
    let (_, tenant) = device.poll(&house.gateway, &codes).await.unwrap();
    assert_eq!(tenant, "default");
    let codes = device.ask(&house.gateway).await;
    let page = question(&ada, &codes.link(), &codes.user_code).await;
    assert_eq!(press(&ada, &page, None, "deny").await.status, 200);
    assert_eq!(device.poll(&house.gateway, &codes).await.unwrap_err(), "AccessDenied");
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_several_tenants_chooses_one_and_the_wish_is_chosen_before() {
    let (house, device) = start(Logins::to(&[EVERYBODYS, ADAS, EVAS])).await;
    let ada = Person::signed_in(&house.gateway).await;
    for (wish, chosen) in [(None, ""), (Some("acme"), "acme"), (Some("evas"), ""), (Some("nowhere"), ""), (Some("default"), "default")] {
        let codes = device.wanting(|login| login.tenant = wish.map(str::to_owned)).ask(&house.gateway).await;
        let page = question(&ada, &codes.link(), &codes.user_code).await;
        let text = page.text();
        let option = |slug: &str, name: &str| {
            let selected = if slug == chosen { " selected" } else { "" };
            format!("<option value=\"{slug}\"{selected}>{name}</option>")
        };
        let options = option("default", "Default") + &option("acme", "Acme &lt;b&gt;Ltd&lt;/b&gt;");
        assert!(
            text.contains(&format!("<label for=\"tenant\">Workspace</label><select id=\"tenant\" name=\"tenant\">{options}</select>")),
            "{text}"
        );
        assert!(!text.contains("Eva's"), "{text}");
        // There is no choice but among one's own, and none is no choice.
        let before = house.writes();
        for (tenant, status) in [(Some("evas"), 403), (Some("nowhere"), 403), (None, 400), (Some(""), 400)] {
            assert_eq!(press(&ada, &page, tenant, "approve").await.status, status, "{tenant:?}");
        }
        assert_eq!(house.writes(), before);
        assert_eq!(press(&ada, &page, Some("acme"), "approve").await.status, 200);
        assert_eq!(device.poll(&house.gateway, &codes).await.unwrap().1, "acme");
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_no_tenant_or_holds_too_little_can_only_deny() {
    let (house, device) = start(Logins::to(&[ADAS, ("bobs", "Bob's", &["bob"])])).await;
    house.gateway.add_user("eva", "inference images").await;
    house.gateway.add_user("bob", "inference").await;
    for (name, tenant, why) in [
        ("eva", "acme", "You are in no workspace that it could use."),
        ("bob", "bobs", "It asks for permissions that your account, <b>bob</b>, does not have."),
    ] {
        let person = Person::at(&house.gateway);
        person.sign_in(name, PASSWORD).await;
        let codes = device.ask(&house.gateway).await;
        let page = question(&person, &codes.link(), &codes.user_code).await;
        let text = page.text();
        assert!(text.contains(why) && text.contains("You cannot approve <b><bdi>VS Code</bdi></b>"), "{text}");
        assert!(!text.contains("value=\"approve\"") && text.contains("value=\"deny\"") && !text.contains("Use the models."), "{text}");
        // With the button that is not on the page.
        let before = house.writes();
        let refused = press(&person, &page, Some(tenant).filter(|_| name == "bob"), "approve").await;
        assert!(refused.status == 400 && refused.text().contains(why), "{}", refused.text());
        assert_eq!(house.writes(), before);
        assert_eq!(device.poll(&house.gateway, &codes).await.unwrap_err(), "AuthorizationPending");
        assert_eq!(press(&person, &page, None, "deny").await.status, 200);
        assert_eq!(device.poll(&house.gateway, &codes).await.unwrap_err(), "AccessDenied");
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_that_is_sent_twice_is_one_yes_also_once_the_key_is_there() {
    let (house, device) = start(Logins::to(&[EVERYBODYS])).await;
    let ada = Person::signed_in(&house.gateway).await;
    let codes = device.ask(&house.gateway).await;
    let page = question(&ada, &codes.link(), &codes.user_code).await;
    assert_eq!(press(&ada, &page, Some("default"), "approve").await.status, 200);
    assert_eq!(press(&ada, &page, Some("default"), "approve").await.status, 200);
    device.poll(&house.gateway, &codes).await.unwrap();
    let before = house.writes();
    let again = press(&ada, &page, Some("default"), "approve").await;
    assert!(again.status == 200 && again.text().contains("is connected"), "{}", again.text());
    let late = press(&ada, &page, Some("default"), "deny").await;
    assert!(late.status == 400 && late.text().contains("it was already answered"), "{}", late.text());
    assert_eq!(house.writes(), before);
    // A no is no yes, however often.
    let codes = device.ask(&house.gateway).await;
    let page = question(&ada, &codes.link(), &codes.user_code).await;
    assert_eq!(press(&ada, &page, None, "deny").await.status, 200);
    assert_eq!(press(&ada, &page, Some("default"), "approve").await.status, 400);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_which_key_a_yes_replaces_and_when_it_was_last_used() {
    let upstream = Upstream::start().await;
    let house = House::speaking(&forwarding(upstream.address), vec![Arc::new(Logins::to(&[EVERYBODYS, ADAS]))]).await;
    let device = Device::at(&house.gateway).await;
    let opens = async |key: &str| house.gateway.send(bearing(get("/v1/models"), key)).await.status.as_u16();
    let codes = device.ask(&house.gateway).await;
    approve(&house, &codes, "acme").await;
    let (key, _) = device.poll(&house.gateway, &codes).await.unwrap();

    let ada = Person::signed_in(&house.gateway).await;
    let codes = device.ask(&house.gateway).await;
    let text = question(&ada, &codes.link(), &codes.user_code).await.text();
    let replaces = "Approving replaces the key that this device has in <bdi>Acme &lt;b&gt;Ltd&lt;/b&gt;</bdi>. Last used: ";
    assert!(text.contains(&format!("{replaces}Never.")) && text.matches("Approving replaces").count() == 1, "{text}");
    assert_eq!(opens(&key).await, 200);
    house.gateway.time.advance(Duration::from_secs(3600));
    let codes = device.ask(&house.gateway).await;
    let text = question(&ada, &codes.link(), &codes.user_code).await.text();
    assert!(text.contains(replaces) && text.contains(">1 hour ago</time>."), "{text}");
    // Another device, or one that says nothing of itself, replaces nothing.
    for other in [device.wanting(|login| login.device = Some("device-2".into())), device.wanting(|login| login.device = None)] {
        let codes = other.ask(&house.gateway).await;
        let text = question(&ada, &codes.link(), &codes.user_code).await.text();
        assert!(!text.contains("Approving replaces"), "{text}");
    }

    // And so it does.
    let page = question(&ada, &codes.link(), &codes.user_code).await;
    assert_eq!(press(&ada, &page, Some("acme"), "approve").await.status, 200);
    let (next, _) = device.poll(&house.gateway, &codes).await.unwrap();
    assert_eq!((opens(&key).await, opens(&next).await), (401, 200));
    let list = ada.get("/applications").await.text();
    assert_eq!(list.matches("name=\"grant\"").count(), 1, "{list}");
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_stands_on_the_list_until_it_is_taken_back() {
    let upstream = Upstream::start().await;
    let house = House::speaking(&forwarding(upstream.address), vec![Arc::new(Logins::to(&[EVERYBODYS, ADAS]))]).await;
    let mut device = Device::at(&house.gateway).await;
    device.scopes = Scopes::parse("inference").unwrap();
    let ada = Person::signed_in(&house.gateway).await;
    let codes = device.ask(&house.gateway).await;
    approve(&house, &codes, "acme").await;
    let list = ada.get("/applications").await.text();
    assert_eq!(list.matches("name=\"grant\"").count(), 1, "approved and not fetched yet is connected, too: {list}");
    let (key, _) = device.poll(&house.gateway, &codes).await.unwrap();
    assert_eq!(house.gateway.send(bearing(get("/v1/models"), &key)).await.status, 200);
    house.gateway.time.advance(Duration::from_secs(24 * 3600));

    let list = ada.get("/applications").await.text();
    for told in [
        "<h2><bdi>VS Code</bdi> <span class=\"tag\">unverified</span></h2>",
        "<dt>Kind</dt><dd>Code editor",
        "<dt>Device</dt><dd><bdi>adas-laptop</bdi>",
        "<dt>Workspace</dt><dd><bdi>Acme &lt;b&gt;Ltd&lt;/b&gt;</bdi></dd>",
        "<dt>Ends</dt><dd><time datetime=",
        "<li>Use the models.</li>",
        ">1 day ago</time>",
    ] {
        assert!(list.contains(told), "{told} is not in {list}");
    }
    assert!(!list.contains("Draw pictures.") && !list.contains("a kind of program"), "{list}");
    assert_eq!(list.matches("name=\"grant\"").count(), 1, "the login is over once its key is there: {list}");
    assert_eq!(ada.revoke_first().await.status, 303);
    assert_eq!(house.gateway.send(bearing(get("/v1/models"), &key)).await.status, 401);
    let list = ada.get("/applications").await.text();
    assert!(list.contains("No app is connected."), "{list}");
    // Its device is let in anew, and nothing is replaced.
    let codes = device.ask(&house.gateway).await;
    let page = question(&ada, &codes.link(), &codes.user_code).await;
    assert!(!page.text().contains("Approving replaces"), "{}", page.text());
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_another_dialect_is_as_good_on_this_page() {
    let (house, _) = start(Logins::to(&[EVERYBODYS])).await;
    let ada = Person::signed_in(&house.gateway).await;
    let codes = house.ask().await;
    let page = question(&ada, PAGE, &codes.user_code).await;
    assert!(page.text().contains("Approve <b><bdi>Bootspring CLI</bdi></b>?") && !page.text().contains("Workspace"), "{}", page.text());
    assert_eq!(press(&ada, &page, None, "approve").await.status, 200);
    assert!(house.poll(&codes).await.is_ok());
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_takes_get_head_and_post() {
    let (house, _) = start(Logins::to(&[EVERYBODYS])).await;
    let ada = Person::signed_in(&house.gateway).await;
    assert_eq!(ada.send(request(Method::HEAD, PAGE, "", "")).await.status, 200);
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let reply = ada.send(request(method, PAGE, "", "")).await;
        check_guarded(&reply, "another method");
        assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, "GET, HEAD, POST"));
    }
    // A form of another browser is none.
    let form = last_hidden(&Person::signed_in(&house.gateway).await.get(PAGE).await, "form");
    assert_eq!(ada.post(PAGE, &[("form", &form), ("user_code", "BCDF-GHJK")]).await.status, 403);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_such_a_dialect_there_is_no_such_page() {
    let house = House::start().await;
    assert_eq!(Person::signed_in(&house.gateway).await.get(PAGE).await.status, 404);
    let back = house.gateway.send(get("/language?lang=en&to=login&user_code=BCDFGHJK")).await;
    assert_eq!(back.header("location"), "/device?user_code=BCDFGHJK");
    house.gateway.end().await;
}
