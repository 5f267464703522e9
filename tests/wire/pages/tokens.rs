//! Personal tokens: made on a page, used as any token, taken back.

use std::{sync::Arc, time::Duration};

use gatepost::{clock::Manual, store::Store};

use super::{House, account::form};
use crate::support::{
    gateway::{Gateway, PASSWORD, forwarding},
    http::{Reply, bearing, get},
    pages::check_guarded,
    person::{Person, hidden},
    records::START,
    upstream::Upstream,
    watched::Watched,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn create(person: &Person, fields: &[(&str, &str)]) -> Reply {
    let form = form(&person.get("/account").await, "/account/tokens");
    let mut all = vec![("form", form.as_str())];
    all.extend(fields);
    let reply = person.post("/account/tokens", &all).await;
    check_guarded(&reply, "a new token");
    reply
}

/// A token that may use the models for a week.
async fn token(person: &Person, name: &str) -> String {
    shown(&create(person, &[("name", name), ("scope.inference", "on"), ("days", "7")]).await)
}

fn shown(page: &Reply) -> String {
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    let token = text.split("id=\"token\"").nth(1).unwrap().split('>').nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(token.starts_with("gpp_") && token.len() == 92, "{token}");
    token
}

async fn revoke(person: &Person) -> Reply {
    let page = person.get("/account").await;
    let (form, grant) = (form(&page, "/account/tokens/revoke"), hidden(&page, "grant"));
    person.post("/account/tokens/revoke", &[("form", &form), ("grant", &grant)]).await
}

async fn forwarding_house() -> (House, Upstream) {
    let upstream = Upstream::start().await;
    (House::with(&forwarding(upstream.address)).await, upstream)
}

impl House {
    async fn call(&self, token: &str) -> u16 {
        self.gateway.send(bearing(get("/v1/models"), token)).await.status.as_u16()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_routes_until_it_is_revoked() {
    let (house, upstream) = forwarding_house().await;
    let ada = Person::signed_in(&house.gateway).await;
    let token = token(&ada, "nightly script").await;
    assert_eq!(house.call(&token).await, 200);
    assert_eq!(upstream.seen().len(), 1);
    let page = ada.get("/account").await.text();
    for told in ["nightly script", "Use the models.", "Just now", "22 January 2027"] {
        assert!(page.contains(told), "{told} is not in {page}");
    }
    // It is no connected application, and it is shown once.
    assert!(!page.contains(&token) && !ada.get("/applications").await.text().contains("nightly script"));
    let reply = revoke(&ada).await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (303, "/account"));
    assert_eq!(house.call(&token).await, 401);
    assert!(!ada.get("/account").await.text().contains("nightly script"));
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_what_its_scopes_open_and_the_gateways_own_are_among_them() {
    let (house, _upstream) = forwarding_house().await;
    house.gateway.add_user("bob", "images").await;
    let bob = Person::at(&house.gateway);
    bob.sign_in("bob", PASSWORD).await;
    let page = bob.get("/account").await.text();
    assert!(
        page.contains("scope.images")
            && page.contains("scope.clients")
            && page.contains("scope.approve")
            && !page.contains("scope.inference"),
        "{page}"
    );
    // What he does not hold he cannot give, whatever he sends.
    let narrow = shown(&create(&bob, &[("name", "n"), ("scope.images", "on"), ("scope.inference", "on"), ("days", "7")]).await);
    assert_eq!(house.call(&narrow).await, 403);
    let own = shown(&create(&bob, &[("name", "o"), ("scope.clients", "on"), ("scope.approve", "on"), ("days", "7")]).await);
    assert_eq!(house.call(&own).await, 403);
    let page = bob.get("/account").await.text();
    assert!(page.contains("Manage your apps") && page.contains("Approve and deny devices"), "{page}");
    // No dialect's own paths open with it.
    assert_eq!(house.gateway.send(bearing(get("/api/v1/auth/me"), &own)).await.status, 401);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_when_it_was_said_to() {
    let (house, _upstream) = forwarding_house().await;
    let ada = Person::signed_in(&house.gateway).await;
    let mut tokens = Vec::new();
    for days in ["7", "30", "90", "365"] {
        tokens.push(shown(&create(&ada, &[("name", days), ("scope.inference", "on"), ("days", days)]).await));
    }
    let mut passed = 0;
    for (index, days) in [7, 30, 90, 365].into_iter().enumerate() {
        house.gateway.time.advance(DAY * (days - passed) - Duration::from_secs(1));
        assert_eq!(house.call(&tokens[index]).await, 200, "{days}");
        house.gateway.time.advance(Duration::from_secs(1));
        assert_eq!(house.call(&tokens[index]).await, 401, "{days}");
        passed = days;
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_draft_is_said_and_the_draft_is_kept() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let before = house.writes();
    for (name, scope, said) in [
        ("", "scope.inference", "Give the token a name."),
        ("\u{200b}\u{202e}", "scope.inference", "Give the token a name."),
        ("tidy", "scope.other", "Choose at least one"),
    ] {
        let reply = create(&ada, &[("name", name), (scope, "on"), ("days", "90")]).await;
        let text = reply.text();
        assert_eq!(reply.status, 400, "{name}");
        assert!(text.contains(said) && text.contains("<option value=\"90\" selected>"), "{text}");
        assert_eq!(text.contains("name=\"scope.inference\" value=\"on\" checked"), scope == "scope.inference", "{text}");
        assert!(text.contains(&format!("value=\"{name}\" maxlength")), "{text}");
        // What is said stands far down the page: the focus brings it into view.
        let focused = text.split("<input").find(|input| input.split('>').next().is_some_and(|tag| tag.contains("autofocus")));
        assert!(focused.is_some_and(|input| input.contains(if name == "tidy" { "checkbox" } else { "token-name" })), "{text}");
    }
    for days in ["0", "8", "", "36500", "-7", "7 "] {
        assert_eq!(create(&ada, &[("name", "n"), ("scope.inference", "on"), ("days", days)]).await.status, 400, "{days}");
    }
    assert_eq!(house.writes(), before);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_fifty_tokens_at_most_however_fast_they_are_asked_for() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let form = form(&ada.get("/account").await, "/account/tokens");
    let fields = [("form", form.as_str()), ("name", "n"), ("scope.inference", "on"), ("days", "7")];
    for _ in 0..47 {
        assert_eq!(ada.post("/account/tokens", &fields).await.status, 200);
    }
    let last = || ada.post("/account/tokens", &fields);
    let answers = tokio::join!(last(), last(), last(), last(), last(), last());
    let mut statuses = [answers.0, answers.1, answers.2, answers.3, answers.4, answers.5].map(|reply| reply.status.as_u16());
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 400, 400, 400]);
    assert!(last().await.text().contains("You have 50 personal tokens, which is the most."));
    revoke(&ada).await;
    assert_eq!(last().await.status, 200);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_keeps_tokens_and_a_strangers_name_for_one_is_text() {
    let (house, _upstream) = forwarding_house().await;
    let ada = Person::signed_in(&house.gateway).await;
    let token = token(&ada, "<script>alert(1)</script>\u{202e}\"'").await;
    let page = ada.get("/account").await;
    check_guarded(&page, "a hostile name");
    assert!(page.text().contains("<bdi>&lt;script&gt;alert(1)&lt;/script&gt;&quot;'</bdi>"), "{}", page.text());
    let form = form(&page, "/account/password");
    let fields = [("form", form.as_str()), ("current", PASSWORD), ("new", "another one"), ("again", "another one")];
    assert_eq!(ada.post("/account/password", &fields).await.status, 200);
    assert_eq!(house.call(&token).await, 200);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_is_away_no_token_is_shown() {
    let time = Manual::starting_at(START);
    let store = Arc::new(Watched::new(time.clock()));
    let gateway = Gateway::over(crate::support::gateway::CONFIG, Arc::clone(&store) as Arc<dyn Store>, time).await;
    let ada = Person::signed_in(&gateway).await;
    let form = form(&ada.get("/account").await, "/account/tokens");
    store.be_away(true);
    let reply = ada.post("/account/tokens", &[("form", &form), ("name", "n"), ("scope.inference", "on"), ("days", "7")]).await;
    assert!(reply.status == 503 && !reply.text().contains("gpp_"), "{}", reply.text());
    gateway.end().await;
}
