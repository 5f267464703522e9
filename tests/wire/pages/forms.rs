//! A form counts only where it was made for this browser, this purpose and this grant.

use gatepost::web::{PAGES, Serves};

use super::House;
use crate::support::{
    gateway::{PASSWORD, USER},
    http::post_form,
    pages::check_guarded,
    person::{Person, hidden, last_hidden},
};

/// What a form sends besides its token.
type Fields<'a> = [(&'a str, &'a str)];

/// Sends a form with tokens that are not its own, each with a name: 403, and nothing changes.
async fn refuses(house: &House, person: &Person, path: &str, fields: &Fields<'_>, tokens: &[(&str, Option<&str>)]) {
    let before = house.writes();
    let made_up = [("none", None), ("an empty one", Some("")), ("no token", Some("token")), ("zeros", Some("0000000000000000"))];
    for (name, token) in made_up.iter().chain(tokens) {
        let mut fields = fields.to_vec();
        fields.extend(token.map(|token| ("form", token)));
        let reply = person.post(path, &fields).await;
        assert_eq!(reply.status, 403, "{path} with {name}: {}", reply.text());
        check_guarded(&reply, path);
    }
    assert_eq!(house.writes(), before, "{path}");
}

/// A token's changed and shortened likenesses.
fn likenesses(token: &str) -> [String; 3] {
    let changed = if token.ends_with('0') { '1' } else { '0' };
    [format!("{}{changed}", &token[..token.len() - 1]), token[..token.len() - 2].to_owned(), token.to_uppercase()]
}

/// Those of single forms are below; this holds of each there is.
#[tokio::test(flavor = "multi_thread")]
async fn no_form_counts_without_its_token_or_with_that_of_another_form_or_browser() {
    let house = House::start().await;
    house.let_in().await;
    let (ada, other) = (Person::signed_in(&house.gateway).await, Person::signed_in(&house.gateway).await);
    let (page, others) = (ada.get("/applications").await, other.get("/applications").await);
    let grant = hidden(&page, "grant");
    let (own, enter) = (hidden(&page, "form"), last_hidden(&ada.get("/device").await, "form"));
    for (_, path, serves) in PAGES {
        if matches!(serves, Serves::Form(_)) {
            let foreign = hidden(&others, "form");
            let mut wrong = vec![
                ("another browser's", foreign),
                ("the one for signing out", own.clone()),
                ("the one for entering a code", enter.clone()),
            ];
            wrong.retain(|(name, _)| {
                !matches!((path, *name), ("/sign-out", "the one for signing out") | ("/device", "the one for entering a code"))
            });
            let wrong: Vec<_> = wrong.iter().map(|(name, token)| (*name, Some(token.as_str()))).collect();
            let fields = [("grant", grant.as_str()), ("decision", "approve"), ("name", USER), ("password", PASSWORD), ("days", "7")];
            refuses(&house, &ada, path, &fields, &wrong).await;
        }
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_needs_the_form_of_its_own_grant_and_session() {
    let house = House::start().await;
    let (ada, other) = (Person::signed_in(&house.gateway).await, Person::signed_in(&house.gateway).await);
    let (codes, second) = (house.ask().await, house.ask().await);
    let (page, second_page) = (ada.enter(&codes.user_code).await, ada.enter(&second.user_code).await);
    let grant = hidden(&page, "grant");
    let fields = [("grant", grant.as_str()), ("decision", "approve")];
    let own = last_hidden(&page, "form");
    let [changed, short, capitals] = likenesses(&own);
    let tokens = [
        ("the same user's other browser's", last_hidden(&other.enter(&codes.user_code).await, "form")),
        ("the one of another grant", last_hidden(&second_page, "form")),
        ("the one for entering a code", last_hidden(&ada.get("/device").await, "form")),
        ("the one for signing out", hidden(&page, "form")),
        ("a changed one", changed),
        ("a short one", short),
        ("one in capitals", capitals),
    ];
    let tokens = tokens.each_ref().map(|(name, token)| (*name, Some(token.as_str())));
    refuses(&house, &ada, "/device/decision", &fields, &tokens).await;
    // The other browser may not use what this one saw.
    refuses(&house, &other, "/device/decision", &fields, &[("the one of who saw it", Some(&own))]).await;
    assert_eq!(house.poll(&codes).await.unwrap_err(), "authorization_pending");

    let decide = |decision| [("form", own.as_str()), ("grant", grant.as_str()), ("decision", decision)];
    assert_eq!(ada.post("/device/decision", &[("form", &own), ("grant", "no grant"), ("decision", "approve")]).await.status, 403);
    for no_decision in ["", "yes", "APPROVE"] {
        assert_eq!(ada.post("/device/decision", &decide(no_decision)).await.status, 400, "{no_decision}");
    }
    assert_eq!(ada.post("/device/decision", &decide("approve")).await.status, 200);
    assert_eq!(ada.post("/device/decision", &decide("deny")).await.status, 400, "the first decision stands");
    assert!(house.poll(&codes).await.is_ok());
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_needs_the_form_of_its_own_grant_and_session() {
    let house = House::start().await;
    let (tokens, second) = (house.let_in().await, house.let_in().await);
    let (ada, other) = (Person::signed_in(&house.gateway).await, Person::signed_in(&house.gateway).await);
    let list = ada.get("/applications").await;
    let (first_card, last_card) = (card(&list.text(), 0), card(&list.text(), 1));
    let others = card(&other.get("/applications").await.text(), 0);
    let sign_out = hidden(&list, "form");
    let fields = [("grant", first_card.1.as_str())];
    let wrong = [
        ("the one of another grant", Some(last_card.0.as_str())),
        ("the same user's other browser's", Some(others.0.as_str())),
        ("the one for signing out", Some(sign_out.as_str())),
    ];
    refuses(&house, &ada, "/applications/revoke", &fields, &wrong).await;
    assert_eq!((house.me(&tokens).await, house.me(&second).await), (200, 200));
    let reply = ada.post("/applications/revoke", &[("form", &first_card.0), ("grant", &first_card.1)]).await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (303, "/applications"));
    let mut left = [house.me(&tokens).await, house.me(&second).await];
    left.sort_unstable();
    assert_eq!(left, [200, 401], "one of the two");
    // A second press of the button is no mistake.
    assert_eq!(ada.post("/applications/revoke", &[("form", &first_card.0), ("grant", &first_card.1)]).await.status, 303);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_back_all_of_an_app_needs_its_own_form() {
    let house = House::start().await;
    let (tokens, second) = (house.let_in().await, house.let_in().await);
    let (ada, other) = (Person::signed_in(&house.gateway).await, Person::signed_in(&house.gateway).await);
    let list = ada.get("/applications").await;
    let (own, others) = (last_hidden(&list, "form"), last_hidden(&other.get("/applications").await, "form"));
    let app = [("dialect", "bootspring"), ("client", "bootspring-cli"), ("app", "Bootspring CLI")];
    assert_eq!(hidden(&list, "client"), "bootspring-cli");
    let one = card(&list.text(), 0).0;
    let wrong = [("another browser's", Some(others.as_str())), ("the one of a single grant", Some(one.as_str()))];
    refuses(&house, &ada, "/applications/revoke-all", &app, &wrong).await;
    let another = [("dialect", "bootspring"), ("client", "app"), ("app", "Bootspring CLI")];
    refuses(&house, &ada, "/applications/revoke-all", &another, &[("the one of another app", Some(&own))]).await;
    // One that came since the page was made goes too.
    let third = house.let_in().await;
    let mut fields = app.to_vec();
    fields.push(("form", &own));
    let reply = ada.post("/applications/revoke-all", &fields).await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (303, "/applications"));
    for tokens in [&tokens, &second, &third] {
        assert_eq!(house.me(tokens).await, 401);
    }
    assert_eq!(ada.post("/applications/revoke-all", &fields).await.status, 303, "a second press is no mistake");
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_to_the_account_needs_its_own_form() {
    let house = House::start().await;
    let (ada, other) = (Person::signed_in(&house.gateway).await, Person::signed_in(&house.gateway).await);
    let form = |page: &str, action: &str| {
        let form = page.split(&format!("action=\"{action}\"")).nth(1).unwrap();
        form.split("name=\"form\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let (page, others) = (ada.get("/account").await.text(), other.get("/account").await.text());
    let passwords = [("current", PASSWORD), ("new", "another password"), ("again", "another password")];
    let token = [("name", "script"), ("scope.inference", "on"), ("days", "7")];
    let actions: [(&str, &Fields<'_>, &str); 2] =
        [("/account/password", &passwords, "/account/tokens"), ("/account/tokens", &token, "/account/password")];
    for (action, fields, another) in actions {
        let wrong = [
            ("another browser's", Some(form(&others, action))),
            ("the one of the other form", Some(form(&page, another))),
            ("the one for signing out", Some(form(&page, "/sign-out"))),
        ];
        let wrong = wrong.each_ref().map(|(name, token)| (*name, token.as_deref()));
        refuses(&house, &ada, action, fields, &wrong).await;
    }
    let create =
        |name| [("form", form(&page, "/account/tokens")), ("name", name), ("scope.inference", "on".to_owned()), ("days", "7".to_owned())];
    for name in ["one", "two"] {
        let fields = create(name.to_owned());
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(ada.post("/account/tokens", &fields).await.status, 200);
    }
    let page = ada.get("/account").await.text();
    let rows: Vec<&str> = page.split("action=\"/account/tokens/revoke\"").skip(1).collect();
    let value =
        |row: &str, name: &str| row.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (grant, own, of_the_other) = (value(rows[0], "grant"), value(rows[0], "form"), value(rows[1], "form"));
    let wrong = [("the one of another token", Some(of_the_other.as_str()))];
    refuses(&house, &ada, "/account/tokens/revoke", &[("grant", &grant)], &wrong).await;
    refuses(&house, &ada, "/applications/revoke", &[("grant", &grant)], &[("the one of this page", Some(own.as_str()))]).await;
    assert_eq!(ada.post("/account/tokens/revoke", &[("form", &own), ("grant", &grant)]).await.status, 303);
    house.gateway.end().await;
}

/// The form token and the grant of an application on the list.
fn card(text: &str, index: usize) -> (String, String) {
    let card = text.split("<dl").nth(index + 1).unwrap();
    let value = |name: &str| card.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned();
    (value("form"), value("grant"))
}

#[tokio::test(flavor = "multi_thread")]
async fn entering_a_code_and_signing_out_need_their_own_forms() {
    let house = House::start().await;
    let (ada, other) = (Person::signed_in(&house.gateway).await, Person::signed_in(&house.gateway).await);
    let codes = house.ask().await;
    let (page, others) = (ada.get("/device").await, other.get("/device").await);
    let (sign_out, enter) = (hidden(&page, "form"), last_hidden(&page, "form"));
    let (others_sign_out, others_enter) = (hidden(&others, "form"), last_hidden(&others, "form"));
    let fields = [("user_code", codes.user_code.as_str())];
    let wrong = [("the one for signing out", Some(sign_out.as_str())), ("another browser's", Some(&others_enter))];
    refuses(&house, &ada, "/device", &fields, &wrong).await;
    let wrong = [("the one for entering a code", Some(enter.as_str())), ("another browser's", Some(&others_sign_out))];
    refuses(&house, &ada, "/sign-out", &[], &wrong).await;
    assert_eq!(ada.post("/device", &[("form", &enter), ("user_code", &codes.user_code)]).await.status, 200);
    assert_eq!(ada.post("/sign-out", &[("form", &sign_out)]).await.status, 303);
    assert_eq!(ada.get("/device").await.status, 303);
    assert_eq!(other.get("/device").await.status, 200, "the other session goes on");
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_needs_the_form_of_this_browsers_visit() {
    let house = House::start().await;
    let (person, other, ada) = (Person::at(&house.gateway), Person::at(&house.gateway), Person::signed_in(&house.gateway).await);
    let own = hidden(&person.get("/sign-in").await, "form");
    let others = hidden(&other.get("/sign-in").await, "form");
    let fields = [("name", USER), ("password", PASSWORD)];
    let of_a_session = hidden(&ada.get("/device").await, "form");
    let wrong = [("another visit's", Some(others.as_str())), ("a session's", Some(&of_a_session))];
    refuses(&house, &person, "/sign-in", &fields, &wrong).await;
    // Without the cookie the form is nobody's.
    let bare = house.gateway.send(post_form("/sign-in", &[("form", &own), ("name", USER), ("password", PASSWORD)])).await;
    assert_eq!(bare.status, 403);
    assert_eq!(person.post("/sign-in", &[("form", &own), ("name", USER), ("password", PASSWORD)]).await.status, 303);
    house.gateway.end().await;
}
