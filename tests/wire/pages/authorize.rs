//! The page to which apps send browsers (RFC 6749 section 4.1), by plain HTTP.

use std::{net::Ipv4Addr, time::Duration};

use gatepost::{
    engine::{ClientIds, CreateClient, RedeemCode, Spelling, Style},
    oauth::{
        claim::Claim,
        client::{Client, GrantType, Origin},
        grant::{Redemption, Wanted},
        id::ClientId,
        redirect::RedirectUri,
        scope::Scopes,
        signing::TokenFormat,
    },
};
use http::Method;

use super::{House, account::form};
use crate::support::{
    authorize::{PAGE, STATE, VERIFIER, address, parameter},
    gateway::{CONFIG, PASSWORD, SERIKA, USER},
    http::{Reply, get, post_form, request},
    pages::{check_guarded, check_guarded_towards},
    person::{Person, hidden, last_hidden},
};

const ISSUER: &str = "http://127.0.0.1:8080";
const CALLBACK: &str = "https://app.example.com/callback?tenant=1";
const STYLE: Style =
    Style { dialect: "serika", access: "at_", access_life: Duration::from_secs(3600), format: TokenFormat::Opaque, refresh: None };

/// Presses a button on the page at this address.
async fn press(person: &Person, page: &Reply, decision: &str) -> Reply {
    let text = page.text();
    let action = text.split("class=\"decision\" method=\"post\" action=\"").nth(1).unwrap_or_else(|| panic!("no question in {text}"));
    let action = action.split('"').next().unwrap().replace("&amp;", "&");
    let (form, grant, asked) = (last_hidden(page, "form"), hidden(page, "grant"), hidden(page, "asked"));
    person.post(&action, &[("form", &form), ("grant", &grant), ("asked", &asked), ("decision", decision)]).await
}

async fn question(person: &Person, address: &str) -> Reply {
    let page = person.get(address).await;
    assert_eq!(page.status, 200, "{address}: {}", page.text());
    page
}

/// Where the browser is sent to.
fn location(reply: &Reply) -> String {
    assert_eq!(reply.status, 303, "{}", reply.text());
    check_guarded(reply, "an answer");
    reply.header("location").to_owned()
}

impl House {
    /// Redeems a code as the app would, and answers what it may do.
    async fn redeem(&self, client: &str, redirect_uri: &str, code: &str) -> Option<String> {
        let client = self.gateway.engine.client("serika", &ClientId::new(client)).await.unwrap().unwrap();
        let shown = Redemption { redirect_uri: Some(redirect_uri), verifier: Some(VERIFIER), wanted: Wanted::default() };
        let redeem = RedeemCode { style: &STYLE, client: &client, code, shown, peer: Ipv4Addr::LOCALHOST.into() };
        self.gateway.engine.redeem_code(redeem).await.ok().map(|tokens| tokens.scopes.to_string())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_signed_out_signs_in_first_and_comes_back_to_the_same_question() {
    let house = House::start().await;
    let person = Person::at(&house.gateway);
    for scope in ["", "inference"] {
        let address = address("web", CALLBACK, &[("scope", scope)]);
        let sent = person.get(&address).await;
        let to = location(&sent);
        assert!(to.starts_with("/sign-in?to=authorize&dialect=serika&query=response_type%3Dcode%26"), "{to}");
        let page = person.get(&to).await;
        assert!(page.text().contains("Then you see which app asks for access"), "{}", page.text());
        let kept = ["to", "dialect", "query"].map(|name| (name, hidden(&page, name).replace("&amp;", "&")));
        let form = hidden(&page, "form");
        let mut fields = vec![("form", form.as_str()), ("name", USER), ("password", "wrong")];
        fields.extend(kept.iter().map(|(name, value)| (*name, value.as_str())));
        // Also after a wrong password.
        let again = person.post("/sign-in", &fields).await;
        assert_eq!(again.status, 401);
        assert_eq!(hidden(&again, "query"), hidden(&page, "query"));
        fields[2].1 = PASSWORD;
        let back = person.post("/sign-in", &fields).await;
        // Written as a browser writes it.
        let address = address.replace('\'', "%27");
        assert_eq!(back.header("location"), address);
        // The choice of a language leads back there, too.
        let page = question(&person, &address).await.text();
        let link = page.split("href=\"/language").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
        assert_eq!(person.get(&format!("/language{link}")).await.header("location"), address);
        person.get("/language?lang=en").await;
        let out = last_hidden(&person.get("/account").await, "form");
        let sign_out = form_of_sign_out(&person).await;
        assert_ne!(out, sign_out);
        assert_eq!(person.post("/sign-out", &[("form", &sign_out)]).await.status, 303);
    }
    house.gateway.end().await;
}

async fn form_of_sign_out(person: &Person) -> String {
    form(&person.get("/account").await, "/sign-out")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_leads_to_no_page_but_ours() {
    let house = House::start().await;
    let back = async |fields: &[(&str, &str)]| {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("lang", "en").extend_pairs(fields).finish();
        house.gateway.send(get(&format!("/language?{query}"))).await.header("location").to_owned()
    };
    let to = |dialect, query| [("to", "authorize"), ("dialect", dialect), ("query", query)];
    for dialect in ["", "bootspring", "evil", "//evil.example", "serika/../..", "Serika"] {
        assert_eq!(back(&to(dialect, "a=b")).await, "/applications", "{dialect}");
    }
    for (query, kept) in [
        ("//evil.example", "//evil.example"),
        ("a=b#c", "a=b%23c"),
        ("a b", "a%20b"),
        ("\r\nset-cookie: a=b", "%0D%0Aset-cookie:%20a=b"),
        ("\"><script>", "%22%3E%3Cscript%3E"),
        ("ü", "%C3%BC"),
        ("%zz", "%zz"),
        ("", ""),
    ] {
        assert_eq!(back(&to("serika", query)).await, format!("{PAGE}?{kept}"), "{query}");
    }
    assert_eq!(back(&to("serika", &"x".repeat(8000))).await, "/applications");
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_question_tells_who_asks_for_what_and_where_the_answer_goes() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let page = question(&ada, &address("web", CALLBACK, &[])).await;
    check_guarded_towards(&page, "a question", "https:");
    let text = page.text();
    for told in [
        "Approve <b><bdi>A &lt;b&gt;web&lt;/b&gt; app</bdi></b>?",
        "<span class=\"tag\">unverified</span>",
        "as you, <b>ada</b>",
        "Use the models.",
        "Draw pictures.",
        "<dt>Answer goes to</dt><dd><bdi>app.example.com</bdi></dd>",
        "<dt>Network</dt><dd>127.0.0.1</dd>",
        "Just now",
        "in 10 minutes",
        "Approve only what you started yourself",
    ] {
        assert!(text.contains(told), "{told} is not in {text}");
    }
    for untold in ["Made by", "Only for", "gets only this", "as it says"] {
        assert!(!text.contains(untold), "{untold} is in {text}");
    }
    let narrow = question(&ada, &address("web", CALLBACK, &[("scope", "images")])).await.text();
    assert!(narrow.contains("Draw pictures.") && !narrow.contains("Use the models."), "{narrow}");
    let known = question(&ada, &address("known", "https://known.example.com:8443/", &[])).await;
    check_guarded_towards(&known, "a port", "https:");
    assert!(!known.text().contains("unverified"), "{}", known.text());
    for (uri, told, source) in [
        ("http://127.0.0.1:5001/callback", "An app on this computer", "http://127.0.0.1:5001 https:"),
        ("http://[::1]:5001/callback", "An app on this computer", "http: https:"),
        ("com.example.app:/callback", "An app on this device (<bdi>com.example.app</bdi>)", "com.example.app: https:"),
    ] {
        let page = question(&ada, &address("web", uri, &[])).await;
        check_guarded_towards(&page, uri, source);
        assert!(page.text().contains(told), "{}", page.text());
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_for_one_resource_says_so() {
    let upstream = crate::support::upstream::Upstream::start().await;
    let house = House::with(&format!("{}{SERIKA}", crate::support::gateway::forwarding(upstream.address))).await;
    let ada = Person::signed_in(&house.gateway).await;
    let page = question(&ada, &address("web", CALLBACK, &[("resource", "http://127.0.0.1:8080/v1")])).await;
    assert!(page.text().contains("<dt>Only for</dt>") && page.text().contains("<li>http://127.0.0.1:8080/v1</li>"), "{}", page.text());
    press(&ada, &page, "approve").await;
    let list = ada.get("/applications").await.text();
    assert!(list.contains("<li>http://127.0.0.1:8080/v1</li>"), "{list}");
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_takes_the_browser_to_the_app_with_a_code_and_a_no_without() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let before = house.writes();
    let page = question(&ada, &address("web", CALLBACK, &[("scope", "inference")])).await;
    assert_eq!(house.writes(), before, "nothing is kept of a question");
    let approved = location(&press(&ada, &page, "approve").await);
    assert!(approved.starts_with(&format!("{CALLBACK}&code=sk_co_")), "{approved}");
    assert_eq!(parameter(&approved, "state").as_deref(), Some(STATE));
    assert_eq!(parameter(&approved, "iss").as_deref(), Some(ISSUER));
    let code = parameter(&approved, "code").unwrap();
    assert_eq!(house.redeem("web", CALLBACK, &code).await.as_deref(), Some("inference"));
    // It stands on the list, as far as anything is known of it.
    let list = ada.get("/applications").await.text();
    for told in ["A &lt;b&gt;web&lt;/b&gt; app", "unverified", "<dt>Website</dt><dd><bdi>app.example.com</bdi></dd>", "Use the models."] {
        assert!(list.contains(told), "{told} is not in {list}");
    }
    assert!(!list.contains("as it says"), "{list}");

    let page = question(&ada, &address("web", CALLBACK, &[])).await;
    let denied = location(&press(&ada, &page, "deny").await);
    assert!(denied.starts_with(&format!("{CALLBACK}&error=access_denied&")), "{denied}");
    assert_eq!(parameter(&denied, "state").as_deref(), Some(STATE));
    assert_eq!(parameter(&denied, "iss").as_deref(), Some(ISSUER));
    assert_eq!(parameter(&denied, "code"), None);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_decision_stands_and_its_answer_is_given_again() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let page = question(&ada, &address("web", CALLBACK, &[])).await;
    let first = location(&press(&ada, &page, "approve").await);
    assert_eq!(location(&press(&ada, &page, "approve").await), first);
    let late = press(&ada, &page, "deny").await;
    assert!(late.status == 400 && late.text().contains("it was already answered"), "{}", late.text());
    // Used, it is not given a third time.
    assert!(house.redeem("web", CALLBACK, &parameter(&first, "code").unwrap()).await.is_some());
    assert_eq!(press(&ada, &page, "approve").await.status, 400);
    let page = question(&ada, &address("web", CALLBACK, &[])).await;
    let first = location(&press(&ada, &page, "deny").await);
    assert_eq!(location(&press(&ada, &page, "deny").await), first);
    assert_eq!(press(&ada, &page, "approve").await.status, 400);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_over_after_ten_minutes() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let (soon, late) = (question(&ada, &address("web", CALLBACK, &[])).await, question(&ada, &address("web", CALLBACK, &[])).await);
    house.gateway.time.advance(Duration::from_secs(599));
    assert_eq!(press(&ada, &soon, "approve").await.status, 303);
    house.gateway.time.advance(Duration::from_secs(1));
    let before = house.writes();
    for decision in ["approve", "deny"] {
        let reply = press(&ada, &late, decision).await;
        assert!(reply.status == 400 && reply.text().contains("Start again in the app"), "{}", reply.text());
        check_guarded(&reply, "too late");
    }
    assert_eq!(house.writes(), before);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_told_here_where_nobody_knows_the_app_and_to_the_app_otherwise() {
    let house = House::start().await;
    let (stranger, ada) = (Person::at(&house.gateway), Person::signed_in(&house.gateway).await);
    let canary = "https://canary-7f3a.example/";
    for (client, uri, over, why) in [
        ("unknown-canary-7f3a", canary, &[][..], "There is no app of this client_id here."),
        ("", canary, &[], "client_id is missing"),
        ("web", canary, &[], "redirect_uri does not match"),
        ("web", "https://app.example.com/callback", &[], "redirect_uri does not match"),
        ("web", "javascript:alert(1)//canary-7f3a", &[], "redirect_uri does not match"),
        ("web", "", &[], "redirect_uri is missing"),
        ("bootspring-cli", canary, &[], "There is no app of this client_id here."),
        ("web", CALLBACK, &[("client_id", "web"), ("client_id", "known")], "client_id"),
    ] {
        for person in [&stranger, &ada] {
            let reply = person.get(&address(client, uri, over)).await;
            let text = reply.text();
            assert_eq!(reply.status, 400, "{client} {uri}: {text}");
            check_guarded(&reply, uri);
            assert!(
                text.contains(why) && text.contains("This link does not work") && text.contains("sent you here made a mistake"),
                "{text}"
            );
            // Nothing of what the address says, but that a choice of language leads back to it.
            let told = text.split_once("<main").unwrap().1.split_once("</main>").unwrap().0;
            assert!(!told.contains("canary-7f3a") && !told.contains("app.example.com") && told.matches("href=").count() == 1, "{text}");
        }
    }
    for (over, error) in [
        (&[("response_type", "token")][..], "unsupported_response_type"),
        (&[("response_type", "")], "invalid_request"),
        (&[("code_challenge", "")], "invalid_request"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("scope", "other")], "invalid_scope"),
        (&[("resource", "https://elsewhere.example")], "invalid_target"),
    ] {
        for person in [&stranger, &ada] {
            let to = location(&person.get(&address("web", CALLBACK, over)).await);
            assert!(to.starts_with(&format!("{CALLBACK}&error={error}&")), "{to}");
            assert_eq!((parameter(&to, "state").as_deref(), parameter(&to, "iss").as_deref()), (Some(STATE), Some(ISSUER)));
        }
    }
    let long = ada.get(&address("web", CALLBACK, &[("x", &"x".repeat(7200))])).await;
    assert!(long.status == 400 && long.text().contains("The address is too long."), "{}", long.text());
    assert_eq!(ada.get(PAGE).await.status, 400);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_german_reader_is_told_in_german_that_the_apps_link_does_not_work() {
    let house = House::start().await;
    let person = Person::at(&house.gateway);
    person.get("/language?lang=de").await;
    let text = person.get(&address("unknown", CALLBACK, &[])).await.text();
    assert!(text.contains("Dieser Link funktioniert nicht") && text.contains("<dd lang=\"en\">There is no app"), "{text}");
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_was_disabled_gets_nothing_from_a_question_that_was_open() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let page = question(&ada, &address("web", CALLBACK, &[])).await;
    let disable = house.gateway.engine.change_client("serika", &ClientId::new("web"), None, |client| client.enabled = false).await;
    assert!(disable.unwrap().is_some());
    for reply in [press(&ada, &page, "approve").await, ada.get(&address("web", CALLBACK, &[])).await] {
        assert!(reply.status == 400 && reply.text().contains("There is no app of this client_id"), "{}", reply.text());
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_counts_in_the_session_that_saw_it_and_for_the_question_that_it_saw() {
    let house = House::start().await;
    let (ada, other) = (Person::signed_in(&house.gateway).await, Person::signed_in(&house.gateway).await);
    let (narrow, wide) = (address("web", CALLBACK, &[("scope", "inference")]), address("web", CALLBACK, &[]));
    let (page, second) = (question(&ada, &narrow).await, question(&ada, &narrow).await);
    let (form, grant, asked) = (last_hidden(&page, "form"), hidden(&page, "grant"), hidden(&page, "asked"));
    let before = house.writes();
    let send = async |who: &Person, at: &str, form: &str, grant: &str, asked: &str| {
        who.post(at, &[("form", form), ("grant", grant), ("asked", asked), ("decision", "approve")]).await.status.as_u16()
    };
    for (name, status) in [
        ("none", send(&ada, &narrow, "", &grant, &asked).await),
        ("another question", send(&ada, &wide, &form, &grant, &asked).await),
        ("a question that says more", send(&ada, &format!("{narrow}&x=1"), &form, &grant, &asked).await),
        ("another grant", send(&ada, &narrow, &form, &hidden(&second, "grant"), &asked).await),
        ("no grant", send(&ada, &narrow, &form, "", &asked).await),
        ("another moment", send(&ada, &narrow, &form, &grant, "2027-01-01T00:00:00Z").await),
        ("no moment", send(&ada, &narrow, &form, &grant, "").await),
        ("another form", send(&ada, &narrow, &hidden(&page, "form"), &grant, &asked).await),
        ("another browser", send(&other, &narrow, &form, &grant, &asked).await),
    ] {
        assert_eq!(status, 403, "{name}");
    }
    for decision in ["", "yes", "APPROVE"] {
        assert_eq!(press(&ada, &page, decision).await.status, 400, "{decision}");
    }
    // Who is not signed in comes back to the question.
    let reply = house.gateway.send(post_form(&narrow, &[("decision", "approve")])).await;
    assert!(location(&reply).starts_with("/sign-in?to=authorize&dialect=serika&query="));
    assert_eq!(house.writes(), before);
    assert_eq!(send(&ada, &narrow.replace('\'', "%27"), &form, &grant, &asked).await, 303);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_would_be_another_one_by_now_is_not_decided() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let id = made(&house, Origin::Managed).await;
    let asked = address(id.as_str(), "", &[]);
    type Change = fn(&mut Client);
    let changes: [(&str, Change); 3] = [
        ("scopes", |client| client.scopes = Scopes::parse("images inference").unwrap()),
        ("address", |client| client.redirect_uris = vec![RedirectUri::parse("https://evil.example/").unwrap()]),
        ("name", |client| client.name = "Your bank".to_owned()),
    ];
    for (what, change) in changes {
        let page = question(&ada, &asked).await;
        house.gateway.engine.change_client("serika", &id, None, change).await.unwrap().unwrap();
        let before = house.writes();
        for decision in ["approve", "deny"] {
            assert_eq!(press(&ada, &page, decision).await.status, 403, "{what}");
        }
        assert_eq!(house.writes(), before, "{what}");
    }
    let page = question(&ada, &asked).await;
    assert!(location(&press(&ada, &page, "approve").await).starts_with("https://evil.example/?code="));
    house.gateway.end().await;
}

/// A client that somebody made, to whom answers go at [`CALLBACK`].
async fn made(house: &House, origin: Origin) -> ClientId {
    let create = CreateClient {
        spelling: Spelling { dialect: "serika", id: ClientIds::After("client_"), secret: "secret_" },
        owner: None,
        origin,
        name: Claim::exact("A tool").unwrap(),
        description: None,
        redirect_uris: vec![RedirectUri::parse(CALLBACK).unwrap()],
        scopes: Scopes::parse("images").unwrap(),
        grant_types: [GrantType::AuthorizationCode].into(),
        public: true,
        format: None,
        resource_server: None,
        verified: false,
    };
    house.gateway.engine.create_client(create).await.unwrap().0.id
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_is_not_signed_in_is_led_to_an_address_that_a_stranger_registered() {
    let house = House::start().await;
    let (ada, stranger) = (Person::signed_in(&house.gateway).await, Person::at(&house.gateway));
    let id = made(&house, Origin::Registered).await;
    let wrong = address(id.as_str(), CALLBACK, &[("response_type", "token")]);
    let first = location(&stranger.get(&wrong).await);
    assert!(first.starts_with("/sign-in?to=authorize&dialect=serika&query="), "{first}");
    assert!(location(&ada.get(&wrong).await).starts_with(&format!("{CALLBACK}&error=unsupported_response_type&")));
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_more_than_he_holds_and_the_page_says_so() {
    let house = House::start().await;
    house.gateway.add_user("bob", "inference").await;
    house.gateway.add_user("eva", "other").await;
    let (bob, eva) = (Person::at(&house.gateway), Person::at(&house.gateway));
    bob.sign_in("bob", PASSWORD).await;
    eva.sign_in("eva", PASSWORD).await;
    let page = question(&bob, &address("web", CALLBACK, &[])).await;
    let text = page.text();
    assert!(text.contains("Use the models.") && !text.contains("Draw pictures."), "{text}");
    assert!(text.contains("more than your account has, and gets only this."), "{text}");
    let code = parameter(&location(&press(&bob, &page, "approve").await), "code").unwrap();
    assert_eq!(house.redeem("web", CALLBACK, &code).await.as_deref(), Some("inference"));

    let page = question(&eva, &address("web", CALLBACK, &[])).await;
    assert!(page.text().contains("You cannot approve") && !page.text().contains("value=\"approve\""), "{}", page.text());
    let before = house.writes();
    let reply = press(&eva, &page, "approve").await;
    assert!(reply.status == 400 && reply.text().contains("You hold none of the permissions"), "{}", reply.text());
    assert_eq!(house.writes(), before);
    let denied = location(&press(&eva, &page, "deny").await);
    assert_eq!(parameter(&denied, "error").as_deref(), Some("access_denied"));
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_is_away_the_app_is_told_nothing() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let page = question(&ada, &address("web", CALLBACK, &[])).await;
    house.store.be_away(true);
    for reply in [ada.get(&address("web", CALLBACK, &[])).await, press(&ada, &page, "approve").await, press(&ada, &page, "deny").await] {
        assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "1"), "{}", reply.text());
        check_guarded(&reply, "away");
    }
    house.store.be_away(false);
    assert_eq!(press(&ada, &page, "approve").await.status, 303);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_takes_get_head_and_post() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let at = address("web", CALLBACK, &[]);
    assert_eq!(ada.send(request(Method::HEAD, &at, "", "")).await.status, 200);
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let reply = ada.send(request(method, &at, "", "")).await;
        assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, "GET, HEAD, POST"));
        check_guarded(&reply, "another method");
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_on_a_host_of_its_own_is_there_alone() {
    let house =
        House::with(&format!("{CONFIG}{}", SERIKA.replace("[dialects.serika]", "[dialects.serika]\nhost = \"ai.example.com\""))).await;
    let at = address("web", CALLBACK, &[]);
    let mut there = get(&at);
    there.headers_mut().insert("host", "ai.example.com".parse().unwrap());
    assert_eq!(house.gateway.send(there).await.status, 303);
    assert_eq!(house.gateway.send(get(&at)).await.status, 404);
    house.gateway.end().await;
}
