//! One page for two dialects, told apart by what the app wants to get, and the address that leads to one.

use std::sync::Arc;

use http::Method;

use super::House;
use crate::support::{
    authorize::{CHALLENGE, parameter},
    gateway::{CONFIG, PASSWORD, USER},
    http::{Reply, get, request},
    pages::{check_guarded, check_guarded_towards},
    person::{Person, hidden, last_hidden},
    token_page::{self, ENTRANCE, PAGE, Tokens},
};

const CODES: &str = "https://codes.example.com/back";
const STANDARD: &str = r#"
[dialects.standard]
[[dialects.standard.clients]]
id = "codes"
name = "A code app"
scopes = ["inference"]
redirect_uris = ["https://codes.example.com/back"]
"#;

/// Both are on; and the client of the one that speaks of tokens.
async fn both() -> (House, String) {
    let house = House::speaking(&format!("{CONFIG}{STANDARD}"), vec![Arc::new(Tokens)]).await;
    let client = token_page::client(&house.gateway).await.to_string();
    (house, client)
}

/// What an app sends that wants a code.
fn codes(response_type: &str) -> String {
    format!("{response_type}client_id=codes&redirect_uri={CODES}&state=s%C3%BC&code_challenge={CHALLENGE}&code_challenge_method=S256")
}

/// What an app sends that wants a token.
fn tokens(client: &str, response_type: &str) -> String {
    format!("client_id={client}&redirect_uri={}&state=s{response_type}", token_page::CALLBACK.replace('?', "%3F"))
}

async fn press(person: &Person, page: &Reply, decision: &str) -> Reply {
    let text = page.text();
    let action =
        text.split("class=\"decision\" method=\"post\" action=\"").last().unwrap().split('"').next().unwrap().replace("&amp;", "&");
    assert!(action.starts_with(&format!("{PAGE}?")), "{text}");
    let (form, grant, asked) = (last_hidden(page, "form"), hidden(page, "grant"), hidden(page, "asked"));
    person.post(&action, &[("form", &form), ("grant", &grant), ("asked", &asked), ("decision", decision)]).await
}

/// Asserts that people are told what is wrong, and nobody else.
fn told_here(reply: &Reply, why: &str) {
    check_guarded(reply, why);
    let text = reply.text();
    assert!(reply.status == 400 && text.contains("This link does not work") && text.contains(why), "{}: {text}", reply.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_type_that_is_asked_for_says_whose_question_it_is_and_whose_decision() {
    let (house, client) = both().await;
    let ada = Person::signed_in(&house.gateway).await;
    let page = ada.get(&format!("{PAGE}?{}", tokens(&client, "&response_type=token"))).await;
    assert!(page.text().contains("A token app"), "{}", page.text());
    check_guarded_towards(&page, "a question for a token", "https:");
    let granted = press(&ada, &page, "approve").await;
    let to = granted.header("location");
    assert!(to.starts_with(&format!("{}&state=s&authorized=true&code=to_ac_", token_page::CALLBACK)), "{to}");
    let page = ada.get(&format!("{PAGE}?{}", tokens(&client, "&response_type=token"))).await;
    assert_eq!(press(&ada, &page, "deny").await.header("location"), format!("{}&state=s&authorized=false", token_page::CALLBACK));

    let page = ada.get(&format!("{PAGE}?{}", codes("response_type=code&"))).await;
    assert!(page.text().contains("A code app"), "{}", page.text());
    let granted = press(&ada, &page, "approve").await;
    assert!(granted.header("location").starts_with(&format!("{CODES}?code=gp_ac_")), "{granted:?}");

    // A form of the one is none for the other.
    let (form, grant, asked) = (last_hidden(&page, "form"), hidden(&page, "grant"), hidden(&page, "asked"));
    let fields = [("form", form.as_str()), ("grant", &grant), ("asked", &asked), ("decision", "approve")];
    let before = house.writes();
    let other = ada.post(&format!("{PAGE}?{}", tokens(&client, "&response_type=token")), &fields).await;
    assert_eq!((other.status.as_u16(), house.writes()), (403, before));
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_else_is_asked_for_is_the_standards_to_refuse() {
    let (house, client) = both().await;
    let ada = Person::signed_in(&house.gateway).await;
    for (response_type, error) in [
        ("", "invalid_request"),
        ("response_type=&", "invalid_request"),
        ("response_type=code&response_type=token&", "invalid_request"),
        ("response_type=token&response_type=token&", "invalid_request"),
        ("response_type=id_token&", "unsupported_response_type"),
        ("response_type=TOKEN&", "unsupported_response_type"),
        ("response_type=token%20&", "unsupported_response_type"),
    ] {
        let reply = ada.get(&format!("{PAGE}?{}", codes(response_type))).await;
        let to = reply.header("location");
        assert!(reply.status == 303 && to.starts_with(CODES), "{response_type}: {}", reply.text());
        assert_eq!(parameter(to, "error").as_deref(), Some(error), "{response_type}");
        // To the standard the other's client is unknown.
        told_here(&ada.get(&format!("{PAGE}?{response_type}{}", tokens(&client, ""))).await, "There is no app of this client_id");
    }
    // And the standard's to the other.
    told_here(&ada.get(&format!("{PAGE}?{}", codes("response_type=token&"))).await, "This is nothing to ask.");
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_one_of_them_on_the_types_of_the_other_are_refused() {
    let house = House::with(&format!("{CONFIG}{STANDARD}")).await;
    let ada = Person::signed_in(&house.gateway).await;
    let reply = ada.get(&format!("{PAGE}?{}", codes("response_type=token&"))).await;
    assert_eq!(parameter(reply.header("location"), "error").as_deref(), Some("unsupported_response_type"));
    assert_eq!(ada.get(ENTRANCE).await.status, 404);
    house.gateway.end().await;

    let house = House::speaking(CONFIG, vec![Arc::new(Tokens)]).await;
    let client = token_page::client(&house.gateway).await.to_string();
    let ada = Person::signed_in(&house.gateway).await;
    for response_type in ["", "&response_type=", "&response_type=code", "&response_type=token&response_type=token"] {
        let reply = ada.get(&format!("{PAGE}?{}", tokens(&client, response_type))).await;
        check_guarded(&reply, response_type);
        assert!(reply.status == 400 && reply.text().contains("This link does not work"), "{response_type}: {}", reply.text());
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_entrance_leads_to_the_page_with_the_query_as_it_is_and_the_type_where_it_is_missing() {
    let (house, client) = both().await;
    for (query, kept) in [
        ("", "?response_type=token"),
        ("?", "?response_type=token"),
        ("?a=b", "?a=b&response_type=token"),
        ("?response_type=token&a=b", "?response_type=token&a=b"),
        ("?a=b&response_type=&c=d", "?a=b&c=d&response_type=token"),
        ("?response_type", "?response_type=token"),
        ("?response%5Ftype=&a", "?a&response_type=token"),
        ("?response%5Ftype=to%6Ben", "?response%5Ftype=to%6Ben"),
        ("?&a=1&&b=%2f%2F+%20'|&", "?&a=1&&b=%2f%2F+%20'|&&response_type=token"),
        ("?state=response_type=code&x=a?b/c:d@e!$(),;*", "?state=response_type=code&x=a?b/c:d@e!$(),;*&response_type=token"),
        ("?redirect_uri=https%3A%2F%2Fevil.example", "?redirect_uri=https%3A%2F%2Fevil.example&response_type=token"),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let reply = house.gateway.send(request(method, &format!("{ENTRANCE}{query}"), "", "")).await;
            check_guarded(&reply, query);
            assert_eq!((reply.status.as_u16(), reply.header("location")), (303, &*format!("{PAGE}{kept}")), "{query}");
        }
    }
    for (query, why) in [
        ("response_type=code", "The response_type is not one that is spoken here"),
        ("response_type=Token", "The response_type is not one that is spoken here"),
        ("response_type=token&response_type=token", "response_type"),
        ("response_type=&response_type=", "response_type"),
        ("a=%FF", "UTF-8"),
        (&format!("x={}", "x".repeat(7200)), "The address is too long."),
    ] {
        told_here(&house.gateway.send(get(&format!("{ENTRANCE}?{query}"))).await, why);
    }
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let reply = house.gateway.send(request(method, &format!("{ENTRANCE}?{}", tokens(&client, "")), "", "")).await;
        check_guarded(&reply, "another method");
        assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, "GET, HEAD"));
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_on_the_way_comes_back_to_the_same_question() {
    let (house, client) = both().await;
    for (start, asks) in
        [(format!("{ENTRANCE}?{}", tokens(&client, "")), "A token app"), (format!("{PAGE}?{}", codes("response_type=code&")), "A code app")]
    {
        let person = Person::at(&house.gateway);
        let mut reply = person.get(&start).await;
        let mut question = start.clone();
        if start.starts_with(ENTRANCE) {
            question = reply.header("location").to_owned();
            reply = person.get(&question).await;
        }
        assert!(reply.header("location").starts_with("/sign-in?to=authorize&dialect="), "{reply:?}");
        let form = person.get(reply.header("location")).await;
        let kept = ["form", "to", "dialect", "query"].map(|name| (name, hidden(&form, name).replace("&amp;", "&")));
        let mut fields: Vec<(&str, &str)> = kept.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fields.extend([("name", USER), ("password", PASSWORD)]);
        let back = person.post("/sign-in", &fields).await;
        assert_eq!(back.header("location"), question);
        let page = person.get(&question).await;
        assert!(page.status == 200 && page.text().contains(asks), "{}", page.text());
        assert_eq!(press(&person, &page, "approve").await.status, 303);
    }
    house.gateway.end().await;
}
