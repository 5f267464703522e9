//! The apps that users make, by plain HTTP.

use gatepost::oauth::id::ClientId;
use secrecy::SecretString;

use super::{House, account::form};
use crate::support::{
    authorize::{address, parameter},
    gateway::{CONFIG, PASSWORD, USER},
    http::Reply,
    pages::check_guarded,
    person::{Person, hidden, last_hidden},
};

const GOOD: [(&str, &str); 4] = [
    ("name", "My tool"),
    ("description", "It draws."),
    ("redirect_uris", "https://tool.example.com/cb\r\n\r\n  http://127.0.0.1/cb  \r\nhttps://tool.example.com/cb"),
    ("scope.images", "on"),
];

/// The good fields with these over them.
fn with<'a>(over: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let good = GOOD.into_iter().filter(|(name, _)| !over.iter().any(|(other, _)| other == name));
    good.chain(over.iter().copied()).collect()
}

async fn create(person: &Person, fields: &[(&str, &str)]) -> Reply {
    let form = form(&person.get("/apps/new").await, "/apps/new");
    let mut all = vec![("form", form.as_str()), ("dialect", "serika")];
    all.extend(fields);
    let reply = person.post("/apps/new", &all).await;
    check_guarded(&reply, "a new app");
    reply
}

/// What stands in the element of this id.
fn shown(page: &Reply, id: &str) -> Option<String> {
    let text = page.text();
    Some(text.split(&format!("id=\"{id}\" tabindex")).nth(1)?.split('>').nth(1)?.split('<').next()?.to_owned())
}

/// An app's id and secret.
async fn made(person: &Person) -> (String, String) {
    let page = create(person, &GOOD).await;
    assert_eq!(page.status, 200, "{}", page.text());
    (shown(&page, "client-id").unwrap(), shown(&page, "secret").unwrap())
}

fn at(path: &str, client: &str) -> String {
    format!("{path}?dialect=serika&client={client}")
}

async fn act(person: &Person, path: &str, client: &str, fields: &[(&str, &str)]) -> Reply {
    let form = form(&person.get(&at(path, client)).await, path);
    let mut all = vec![("form", form.as_str()), ("dialect", "serika"), ("client", client)];
    all.extend(fields);
    let reply = person.post(path, &all).await;
    check_guarded(&reply, path);
    reply
}

impl House {
    async fn proves(&self, client: &str, secret: &str) -> bool {
        let Some(client) = self.gateway.engine.client("serika", &ClientId::new(client)).await.unwrap() else { return false };
        self.gateway.engine.authenticate_client(&client, Some(&SecretString::from(secret)), [127, 0, 0, 1].into()).await.is_ok()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_made_and_people_are_asked_in_its_name_and_its_makers() {
    let house = House::start().await;
    house.gateway.add_user("bob", "images").await;
    let (ada, bob) = (Person::signed_in(&house.gateway).await, Person::at(&house.gateway));
    bob.sign_in("bob", PASSWORD).await;
    assert!(ada.get("/apps").await.text().contains("You have no apps of your own."));
    let (id, secret) = made(&ada).await;
    assert!(id.starts_with("client_") && secret.starts_with("secret_"), "{id}");
    assert!(house.proves(&id, &secret).await);
    // The secret is shown once.
    for path in ["/apps".to_owned(), at("/apps/app", &id), at("/apps/reset-secret", &id)] {
        let page = ada.get(&path).await;
        check_guarded(&page, &path);
        assert!(page.status == 200 && page.text().contains("My tool") && !page.text().contains(&secret), "{}", page.text());
    }
    let page = ada.get(&at("/apps/app", &id)).await.text();
    assert!(page.contains("\nhttps://tool.example.com/cb\nhttp://127.0.0.1/cb</textarea>"), "{page}");
    assert!(page.contains("value=\"It draws.\"") && page.contains("name=\"scope.images\" value=\"on\" checked"), "{page}");
    assert!(!page.contains("name=\"scope.inference\" value=\"on\" checked"), "{page}");

    let asked = bob.get(&address(&id, "https://tool.example.com/cb", &[])).await.text();
    for told in ["<bdi>My tool</bdi>", "unverified", "<dt>Made by</dt><dd>ada</dd>", "tool.example.com", "Draw pictures."] {
        assert!(asked.contains(told), "{told} is not in {asked}");
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_app_has_no_secret() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let page = create(&ada, &with(&[("public", "on")])).await;
    let id = shown(&page, "client-id").unwrap();
    assert!(shown(&page, "secret").is_none() && page.text().contains("has no client secret"), "{}", page.text());
    let page = ada.get(&at("/apps/app", &id)).await.text();
    assert!(page.contains("Public, without a secret") && !page.contains("Reset the secret"), "{page}");
    let client = house.gateway.engine.client("serika", &ClientId::new(id)).await.unwrap().unwrap();
    assert!(client.is_public() && !client.verified);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_draft_is_said_at_its_field_and_the_draft_is_kept() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let (id, _) = made(&ada).await;
    let before = house.writes();
    let (many, long, wordy) = ("https://a.example/\n".repeat(21), "x".repeat(81), "x".repeat(301));
    for (field, value, said) in [
        ("name", "", "Give the app a name."),
        ("name", &long, "A name has at most 80 characters."),
        ("name", "turn\u{202e}ed", "characters that do not show"),
        ("description", &wordy, "one line of at most 300 characters"),
        ("description", "two\nlines", "one line of at most 300 characters"),
        ("redirect_uris", " \r\n ", "Give at least one redirect URI."),
        ("redirect_uris", &many, "Give at most 20 redirect URIs."),
        ("redirect_uris", "https://a.example/\r\n\r\nhttp://a.example/", "Line 3: Use https."),
        ("redirect_uris", "/callback", "Line 1: This is not an absolute URI."),
        ("redirect_uris", "https://a.example/#b", "Line 1: Leave out the #"),
        ("redirect_uris", "https://*.example/", "Line 1: Write the address out"),
        ("redirect_uris", "https://a@b.example/", "Line 1: Leave out the user name"),
        ("redirect_uris", "javascript:alert(1)", "Line 1: A scheme of your own has a dot"),
        ("redirect_uris", "https://a;sandbox/", "Line 1: This is not an absolute URI."),
        ("scope.images", "", "Choose at least one thing that the app may ask for."),
    ] {
        for reply in [create(&ada, &with(&[(field, value)])).await, act(&ada, "/apps/app", &id, &with(&[(field, value)])).await] {
            let text = reply.text();
            assert_eq!(reply.status, 400, "{field}: {text}");
            let id = if field == "scope.images" { "scopes" } else { field };
            let (_, error) = text.split_once(&format!("id=\"{id}-error\" role=\"alert\">")).unwrap_or_else(|| panic!("{field}: {text}"));
            assert!(error.split("</p>").next().unwrap().contains(said), "{field}: {text}");
            assert_eq!(text.matches("role=\"alert\"").count(), 1, "{text}");
            // The keyboard goes to the one that is wrong, and the others stay as they were typed.
            assert_eq!(text.matches(" autofocus").count(), 1, "{field}: {text}");
            assert!(field == "name" || text.contains("value=\"My tool\""), "{text}");
            assert!(field == "redirect_uris" || text.contains("http://127.0.0.1/cb"), "{text}");
        }
    }
    assert_eq!(create(&ada, &with(&[("scope.images", ""), ("scope.other", "on")])).await.status, 400, "no scope that is not offered");
    assert_eq!(house.writes(), before);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_holds_from_then_on_and_another_name_is_not_the_one_that_was_verified() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let (id, secret) = made(&ada).await;
    let client = ClientId::new(id.clone());
    house.gateway.engine.change_client("serika", &client, None, |client| client.verified = true).await.unwrap();
    let find = async || house.gateway.engine.client("serika", &client).await.unwrap().unwrap();

    let changed = act(&ada, "/apps/app", &id, &with(&[("redirect_uris", "com.example.tool:/cb"), ("description", "")])).await;
    assert!(changed.status == 200 && changed.text().contains("The settings are saved."), "{}", changed.text());
    let now = find().await;
    assert!(now.verified && now.description.is_none() && now.scopes.to_string() == "images" && now.redirect_uris.len() == 1);
    assert_eq!(ada.get(&address(&id, "https://tool.example.com/cb", &[])).await.status, 400);
    assert_eq!(ada.get(&address(&id, "com.example.tool:/cb", &[])).await.status, 200);

    act(&ada, "/apps/app", &id, &with(&[("name", "Your bank"), ("scope.inference", "on")])).await;
    let now = find().await;
    assert!(!now.verified && now.name == "Your bank" && now.scopes.to_string() == "images inference");
    assert!(house.proves(&id, &secret).await);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_ends_the_old_secret_and_asks_first() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let (id, old) = made(&ada).await;
    let ask = ada.get(&at("/apps/reset-secret", &id)).await;
    assert!(ask.text().contains("The old secret stops working at once."), "{}", ask.text());
    assert!(house.proves(&id, &old).await);
    let page = act(&ada, "/apps/reset-secret", &id, &[]).await;
    let new = shown(&page, "secret").unwrap();
    assert_eq!((page.status.as_u16(), shown(&page, "client-id")), (200, Some(id.clone())));
    assert!(new != old && house.proves(&id, &new).await && !house.proves(&id, &old).await);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_app_is_gone_with_all_that_people_gave_it() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let (id, secret) = made(&ada).await;
    let question = ada.get(&address(&id, "https://tool.example.com/cb", &[])).await;
    let action = address(&id, "https://tool.example.com/cb", &[]).replace('\'', "%27");
    let fields = [("form", last_hidden(&question, "form")), ("grant", hidden(&question, "grant")), ("asked", hidden(&question, "asked"))];
    let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.push(("decision", "approve"));
    let approved = ada.post(&action, &fields).await;
    assert!(parameter(approved.header("location"), "code").is_some(), "{approved:?}");
    assert!(ada.get("/applications").await.text().contains("My tool"));

    let ask = ada.get(&at("/apps/delete", &id)).await;
    assert!(ask.text().contains("You cannot undo this.") && house.proves(&id, &secret).await, "{}", ask.text());
    let form = form(&ask, "/apps/delete");
    for _ in 0..2 {
        let gone = ada.post("/apps/delete", &[("form", &form), ("dialect", "serika"), ("client", &id)]).await;
        assert_eq!((gone.status.as_u16(), gone.header("location")), (303, "/apps"), "a second press is no mistake");
    }
    assert!(!house.proves(&id, &secret).await);
    assert!(!ada.get("/apps").await.text().contains("My tool"));
    assert_eq!(ada.get(&at("/apps/app", &id)).await.status, 404);
    assert_eq!(ada.get(&address(&id, "https://tool.example.com/cb", &[])).await.status, 400);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_or_changes_the_apps_of_somebody_else() {
    let house = House::start().await;
    house.gateway.add_user("eva", "images").await;
    let (ada, eva) = (Person::signed_in(&house.gateway).await, Person::at(&house.gateway));
    eva.sign_in("eva", PASSWORD).await;
    let (adas, secret) = made(&ada).await;
    let (evas, _) = made(&eva).await;
    assert!(!eva.get("/apps").await.text().contains(&adas));
    let before = house.writes();
    for path in ["/apps/app", "/apps/reset-secret", "/apps/delete"] {
        for client in [adas.as_str(), "web", "nobody"] {
            assert_eq!(eva.get(&at(path, client)).await.status, 404, "{path} {client}");
        }
        assert_eq!(eva.get(&format!("{path}?dialect=bootspring&client={evas}")).await.status, 404);
        assert_eq!(eva.get(path).await.status, 404);
        // With the form of her own app, of another form, and of Ada's browser.
        let own = form(&eva.get(&at(path, &evas)).await, path);
        let foreign = form(&ada.get(&at(path, &adas)).await, path);
        let other = form(&eva.get("/apps/new").await, "/apps/new");
        for token in [&own, &foreign, &other] {
            let mut fields = with(&[("form", token), ("dialect", "serika"), ("client", &adas)]);
            assert_eq!(eva.post(path, &fields).await.status, 403, "{path}");
            fields.retain(|(name, _)| *name != "form");
            assert_eq!(eva.post(path, &fields).await.status, 403, "{path}");
        }
    }
    assert_eq!(house.writes(), before);
    assert!(house.proves(&adas, &secret).await);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_fifty_apps_at_most() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let form = form(&ada.get("/apps/new").await, "/apps/new");
    let fields = with(&[("form", &form), ("dialect", "serika")]);
    for _ in 0..50 {
        assert_eq!(ada.post("/apps/new", &fields).await.status, 200);
    }
    let last = ada.post("/apps/new", &fields).await;
    assert!(last.status == 400 && last.text().contains("You have 50 apps, which is the most."), "{}", last.text());
    assert!(last.text().contains("value=\"My tool\""), "{}", last.text());
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apps_name_is_text_wherever_it_is_shown() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let name = "</bdi><script>alert(1)</script>\"'&amp;";
    let page = create(&ada, &with(&[("name", name), ("description", name)])).await;
    let id = shown(&page, "client-id").unwrap();
    let mut pages = vec![page, ada.get("/apps").await, ada.get(&address(&id, "http://127.0.0.1/cb", &[])).await];
    for path in ["/apps/app", "/apps/reset-secret", "/apps/delete"] {
        pages.push(ada.get(&at(path, &id)).await);
    }
    for page in pages {
        assert!(page.text().contains("<bdi>&lt;/bdi&gt;&lt;script&gt;") && !page.text().contains("<script>"), "{}", page.text());
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_dialect_that_has_them_there_are_no_apps() {
    let house = House::with(CONFIG).await;
    let ada = Person::signed_in(&house.gateway).await;
    assert!(!ada.get("/account").await.text().contains("My apps"));
    for path in ["/apps", "/apps/new", "/apps/app", "/apps/reset-secret", "/apps/delete"] {
        assert_eq!(ada.get(path).await.status, 404, "{path}");
    }
    house.gateway.end().await;
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    assert!(ada.get("/account").await.text().contains("<a href=\"/apps\">My apps</a>"));
    assert!(ada.get("/apps").await.text().contains("<a href=\"/apps\" aria-current=\"page\">My apps</a>"));
    let stranger = Person::at(&house.gateway);
    let page = stranger.get(stranger.get("/apps").await.header("location")).await;
    let fields = [("form", hidden(&page, "form")), ("to", hidden(&page, "to")), ("name", USER.into()), ("password", PASSWORD.into())];
    let back = stranger.post("/sign-in", &fields.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    assert_eq!(back.header("location"), "/apps");
    house.gateway.end().await;
}
