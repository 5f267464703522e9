//! Which language a page speaks.

use http::Request;

use super::{House, cookies, with_cookies};
use crate::support::{
    gateway::{CONFIG, PASSWORD, USER},
    http::get,
    person::{Person, hidden},
};

fn asking<B>(mut request: Request<B>, languages: &str) -> Request<B> {
    request.headers_mut().insert("accept-language", languages.parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_speaks_the_language_that_the_browser_asks_for_or_the_operators() {
    for (setting, own) in [("", "en"), ("[pages]\nlanguage = \"de\"\n", "de")] {
        let house = House::with(&format!("{CONFIG}\n{setting}")).await;
        for (asked, language) in [("de-AT,de;q=0.9", "de"), ("en-GB", "en"), ("fr", own), ("", own), ("fr;q=0.9, de;q=0.1", "de")] {
            let page = house.gateway.send(asking(get("/sign-in"), asked)).await.text();
            let heading = if language == "de" { "<h1>Anmelden</h1>" } else { "<h1>Sign in</h1>" };
            assert!(page.contains(&format!("<html lang=\"{language}\">")) && page.contains(heading), "{asked}: {page}");
        }
        house.gateway.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_is_remembered_and_leads_back_to_where_it_was_made() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let before = house.writes();
    for (at, link, back) in [
        ("/applications", "/language?lang=de", "/applications"),
        ("/account", "/language?lang=de&amp;to=account", "/account"),
        ("/device", "/language?lang=de&amp;to=device", "/device"),
        ("/device?user_code=BCDF-GHJK", "/language?lang=de&amp;to=device&amp;user_code=BCDF-GHJK", "/device?user_code=BCDF-GHJK"),
    ] {
        let page = ada.get(at).await.text();
        assert!(page.contains(&format!("href=\"{link}\"")), "{link} is not in {page}");
        let reply = house.gateway.send(get(&link.replace("&amp;", "&"))).await;
        assert_eq!((reply.status.as_u16(), reply.header("location")), (303, back));
        assert_eq!(cookies(&reply), "gatepost_language=de");
        let page = house.gateway.send(asking(with_cookies(get("/sign-in"), "gatepost_language=de"), "en")).await.text();
        assert!(page.contains("<html lang=\"de\">"), "{page}");
    }
    // On the consent page it leads back to the code.
    let codes = house.ask().await;
    let consent = ada.enter(&codes.user_code).await.text();
    assert!(consent.contains(&format!("lang=de&amp;to=device&amp;user_code={}", codes.user_code)), "{consent}");
    for query in ["", "?lang=fr", "?lang=", "?lang=DE", "?to=device", "?lang=de&lang=en"] {
        assert_eq!(ada.get(&format!("/language{query}")).await.status, 400, "{query}");
    }
    assert_eq!(ada.get("/language?lang=de&to=https://evil.example").await.header("location"), "/applications");
    assert_eq!(house.writes(), before + 1, "the device's request alone");
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_german_reader_reads_german_throughout_and_the_operators_sentences_too() {
    let scopes = "inference = { en = \"Use the models.\", de = \"Die Modelle nutzen.\" }";
    let house = House::with(&CONFIG.replace("inference = \"Use the models.\"", scopes)).await;
    let ada = Person::at(&house.gateway);
    ada.get("/language?lang=de").await;
    let form = hidden(&ada.get("/sign-in").await, "form");
    let wrong = ada.post("/sign-in", &[("form", &form), ("name", USER), ("password", "wrong")]).await.text();
    assert!(wrong.contains("Der Benutzername oder das Passwort ist falsch."), "{wrong}");
    let fields = [("form", form.as_str()), ("name", USER), ("password", "wrong"), ("to", "account")];
    let wrong = ada.post("/sign-in", &fields).await.text();
    assert!(wrong.contains("href=\"/language?lang=en&amp;to=account\""), "{wrong}");
    ada.post("/sign-in", &[("form", &form), ("name", USER), ("password", PASSWORD)]).await;
    let codes = house.ask().await;
    let consent = ada.enter(&codes.user_code).await.text();
    for told in ["Die Modelle nutzen.", "Gerade eben", "noch 15 Minuten", "nach eigener Angabe", "Bootspring CLI</bdi></b> zulassen?"] {
        assert!(consent.contains(told), "{told} is not in {consent}");
    }
    ada.approve(&codes.user_code).await;
    let forged = ada.post("/device/decision", &[("grant", "x")]).await.text();
    assert!(forged.contains("Dieses Formular gilt nicht mehr."), "{forged}");
    for page in ["/applications", "/account", "/device"] {
        let text = ada.get(page).await.text();
        for english in ["Sign out", "Revoke", "password", "Use the models", "ago<", "Connected<", "Draw pictures"] {
            let visible: String = text.split('>').filter_map(|part| part.split('<').next()).collect::<Vec<_>>().join("|");
            assert!(english == "Draw pictures" || !visible.contains(english), "{english} on {page}: {visible}");
        }
    }
    // A sentence that has no German is told as it is.
    assert!(ada.get("/account").await.text().contains("Draw pictures."));
    house.gateway.end().await;
}
