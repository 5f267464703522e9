//! Signing in and out.

use std::time::Duration;

use http::HeaderMap;

use super::{House, cookies, with_cookies};
use crate::support::{
    gateway::{CONFIG, PASSWORD, USER},
    http::{get, post_form},
    pages::check_guarded,
    person::{Person, hidden},
};

/// The attributes of a cookie that an answer sets, in alphabetical order.
fn attributes(headers: &HeaderMap, name: &str) -> Vec<String> {
    let mut lines = headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    let line = lines.rfind(|line| line.starts_with(&format!("{name}="))).unwrap_or_else(|| panic!("no {name} in {headers:?}"));
    let mut attributes: Vec<String> = line.split("; ").skip(1).map(str::to_owned).collect();
    attributes.sort();
    attributes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_name_look_the_same() {
    let house = House::start().await;
    let person = Person::at(&house.gateway);
    let before = house.writes();
    let wrong = person.sign_in(USER, "a wrong password").await;
    let mut others = Vec::new();
    for (name, password) in
        [("eva", "a wrong password"), ("no name\"<b>", PASSWORD), ("", ""), (USER, &"x".repeat(600)), (USER, &PASSWORD[1..])]
    {
        others.push((name, person.sign_in(name, password).await));
    }
    assert_eq!(wrong.status, 401);
    assert!(wrong.text().contains("The user name or the password is wrong."));
    check_guarded(&wrong, "a wrong password");
    // But for the name, which stands in its field again, and where the cursor goes.
    let rest = |text: &str, name: &str| {
        let escaped = name.replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;");
        text.replace(&format!("value=\"{escaped}\" autocomplete"), "value=\"\" autocomplete").replace(" autofocus", "")
    };
    for (name, other) in others {
        assert_eq!(other.status, 401, "{name}");
        assert_eq!(rest(&other.text(), name), rest(&wrong.text(), USER), "{name}");
    }
    assert_eq!(house.writes(), before);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_ten_wrong_passwords_the_right_one_has_to_wait_too() {
    let house = House::start().await;
    for guess in 0..10 {
        // Another browser and another name are the same address.
        let reply = Person::at(&house.gateway).sign_in(if guess % 2 == 0 { USER } else { "eva" }, "a wrong password").await;
        assert_eq!(reply.status, 401, "{guess}");
    }
    for password in ["a wrong password", PASSWORD] {
        let reply = Person::at(&house.gateway).sign_in(USER, password).await;
        assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, "60"), "{password}");
        assert!(!cookies(&reply).contains("session"), "{reply:?}");
        check_guarded(&reply, password);
    }
    house.gateway.time.advance(Duration::from_secs(60));
    assert_eq!(Person::at(&house.gateway).sign_in(USER, PASSWORD).await.status, 303);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_a_name_in_any_case() {
    let house = House::start().await;
    assert_eq!(Person::at(&house.gateway).sign_in(" ADA ", PASSWORD).await.status, 303);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session_on_the_server() {
    let house = House::start().await;
    let person = Person::at(&house.gateway);
    let session = cookies(&person.sign_in(USER, PASSWORD).await);
    let look = || house.gateway.send(with_cookies(get("/applications"), &session));
    let page = look().await;
    assert_eq!(page.status, 200);
    let reply = person.post("/sign-out", &[("form", &hidden(&page, "form"))]).await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (303, "/sign-in"));
    assert_eq!(attributes(&reply.headers, "gatepost_session"), ["HttpOnly", "Max-Age=0", "Path=/", "SameSite=Lax"]);
    assert_eq!(look().await.status, 303);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_again_ends_the_session_before() {
    let house = House::start().await;
    let person = Person::at(&house.gateway);
    let form = hidden(&person.get("/sign-in").await, "form");
    let fields = [("form", form.as_str()), ("name", USER), ("password", PASSWORD)];
    let first = cookies(&person.post("/sign-in", &fields).await);
    let second = cookies(&person.post("/sign-in", &fields).await);
    for (session, status) in [(first, 303), (second, 200)] {
        assert_eq!(house.gateway.send(with_cookies(get("/applications"), &session)).await.status, status);
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_by_itself_and_a_cookie_that_was_changed_is_none() {
    let house = House::start().await;
    let all = cookies(&Person::at(&house.gateway).sign_in(USER, PASSWORD).await);
    let session = all.split("; ").find(|cookie| cookie.starts_with("gatepost_session=")).unwrap();
    let changed = session.char_indices().rev().find(|(_, c)| *c == 'a').map(|(at, _)| format!("{}b{}", &session[..at], &session[at + 1..]));
    for other in
        [changed.unwrap(), session.to_uppercase(), "gatepost_session=".to_owned(), "gatepost_session=\u{7f}".replace('\u{7f}', "%00")]
    {
        assert_eq!(house.gateway.send(with_cookies(get("/applications"), &other)).await.status, 303, "{other}");
    }
    let day = Duration::from_secs(24 * 3600);
    house.gateway.time.advance(7 * day - Duration::from_secs(1));
    assert_eq!(house.gateway.send(with_cookies(get("/applications"), session)).await.status, 200);
    house.gateway.time.advance(Duration::from_secs(1));
    assert_eq!(house.gateway.send(with_cookies(get("/applications"), session)).await.status, 303);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_are_for_this_host_alone_and_over_tls_for_nothing_else() {
    for (public_url, prefix, secure) in [("http://127.0.0.1:8080", "", None), ("https://ai.example.com", "__Host-", Some("Secure"))] {
        let house = House::with(&CONFIG.replace("http://127.0.0.1:8080", public_url)).await;
        let person = Person::at(&house.gateway);
        let expected = |max_age: Option<&str>| -> Vec<String> {
            let mut all: Vec<String> =
                ["HttpOnly", "Path=/", "SameSite=Lax"].into_iter().chain(max_age).chain(secure).map(str::to_owned).collect();
            all.sort();
            all
        };
        let page = person.get("/sign-in").await;
        assert_eq!(attributes(&page.headers, &format!("{prefix}gatepost_visit")), expected(None));
        let reply = person.sign_in(USER, PASSWORD).await;
        assert_eq!(attributes(&reply.headers, &format!("{prefix}gatepost_session")), expected(Some("Max-Age=604800")));
        assert_eq!(attributes(&reply.headers, &format!("{prefix}gatepost_known")), expected(Some("Max-Age=34560000")));
        assert_eq!(person.get("/applications").await.status, 200);
        let chosen = person.get("/language?lang=de").await;
        assert_eq!(attributes(&chosen.headers, &format!("{prefix}gatepost_language")), expected(Some("Max-Age=31536000")));
        // Over TLS a cookie without the prefix, which any neighbour could have set, is not read.
        let plain = cookies(&reply).replace("__Host-", "");
        let status = house.gateway.send(with_cookies(get("/applications"), &plain)).await.status;
        assert_eq!(status, if prefix.is_empty() { 200 } else { 303 });
        house.gateway.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_sent_anywhere_but_to_our_own_pages() {
    let house = House::start().await;
    let elsewhere = [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "\r\nLocation: https://evil.example",
        "device/../..",
        "DEVICE",
        "\u{202e}",
    ];
    for garbage in elsewhere {
        for name in ["to", "next", "redirect_uri", "return_to", "user_code"] {
            let fields = if name == "user_code" { vec![("to", "device"), (name, garbage)] } else { vec![(name, garbage)] };
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
            let home = if name == "user_code" { "/device" } else { "/applications" };
            let person = Person::at(&house.gateway);
            let page = person.get(&format!("/sign-in?{query}")).await;
            assert!(page.status == 200 && !page.text().contains("evil"), "{query}: {}", page.text());
            let form = hidden(&page, "form");
            let mut fields = fields;
            fields.extend([("form", form.as_str()), ("name", USER), ("password", PASSWORD)]);
            let reply = person.post(&format!("/sign-in?{query}"), &fields).await;
            assert_eq!((reply.status.as_u16(), reply.header("location")), (303, home), "{query}");
            let again = person.get(&format!("/sign-in?{query}")).await;
            assert_eq!((again.status.as_u16(), again.header("location")), (303, home), "{query}");
        }
    }
    // A host that lies changes nothing: no address is built from it.
    let mut request = post_form("/sign-out", &[]);
    request.headers_mut().insert("host", "evil.example".parse().unwrap());
    request.headers_mut().insert("x-forwarded-host", "evil.example".parse().unwrap());
    assert_eq!(house.gateway.send(request).await.header("location"), "/sign-in");
    house.gateway.end().await;
}
