//! Changing the password.

use std::time::Duration;

use super::{House, cookies, with_cookies};
use crate::support::{
    gateway::{PASSWORD, USER},
    http::{Reply, get},
    pages::check_guarded,
    person::Person,
};

const NEW: &str = "a whole new password";

/// The token of the form with this action.
pub(super) fn form(page: &Reply, action: &str) -> String {
    let text = page.text();
    let form = text.split(&format!("action=\"{action}\"")).nth(1).unwrap_or_else(|| panic!("no {action} in {text}"));
    form.split("name=\"form\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

async fn change(person: &Person, current: &str, new: &str, again: &str) -> Reply {
    let form = form(&person.get("/account").await, "/account/password");
    let reply = person.post("/account/password", &[("form", &form), ("current", current), ("new", new), ("again", again)]).await;
    check_guarded(&reply, "a change of the password");
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_every_other_session_and_keeps_this_one_and_what_was_granted() {
    let house = House::start().await;
    let tokens = house.let_in().await;
    let (ada, elsewhere) = (Person::signed_in(&house.gateway).await, Person::signed_in(&house.gateway).await);
    let before = format!("gatepost_session={}", ada.cookie("gatepost_session"));
    let reply = change(&ada, PASSWORD, NEW, NEW).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(reply.text().contains("Your password is changed") && reply.text().contains("keep their access"), "{}", reply.text());
    // Under another cookie: a copy of the old one is worth nothing.
    assert!(cookies(&reply).contains("gatepost_session=") && !cookies(&reply).contains(&before));
    assert_eq!(house.gateway.send(with_cookies(get("/account"), &before)).await.status, 303);
    assert_eq!(elsewhere.get("/account").await.header("location"), "/sign-in?to=account");
    // The forms on the answer are those of the session that goes on.
    let again = form(&reply, "/account/password");
    let fields = [("form", again.as_str()), ("current", "not it"), ("new", NEW), ("again", NEW)];
    assert_eq!(ada.post("/account/password", &fields).await.status, 400);
    assert_eq!(house.me(&tokens).await, 200);
    assert_eq!(Person::at(&house.gateway).sign_in(USER, PASSWORD).await.status, 401);
    assert_eq!(Person::at(&house.gateway).sign_in(USER, NEW).await.status, 303);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_new_password_is_said_at_its_field_and_changes_nothing() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let before = house.writes();
    let long = "x".repeat(513);
    for (current, new, again, said, field) in [
        ("not it", NEW, NEW, "This is not your current password.", "current"),
        ("", NEW, NEW, "This is not your current password.", "current"),
        (PASSWORD, "short", "short", "at least 8", "new"),
        (PASSWORD, "", "", "at least 8", "new"),
        (PASSWORD, &long, &long, "at most 512", "new"),
        (PASSWORD, NEW, "another", "are not the same", "again"),
    ] {
        let reply = change(&ada, current, new, again).await;
        let text = reply.text();
        assert_eq!(reply.status, 400, "{new}");
        assert!(text.contains(said) && text.contains("id=\"password-error\" role=\"alert\""), "{said}: {text}");
        let input = text.split(&format!("<input id=\"{field}\"")).nth(1).unwrap().split('>').next().unwrap();
        assert!(input.contains("aria-invalid=\"true\"") && input.contains("password-error"), "{field}: {input}");
        assert!(!text.contains(NEW) && !text.contains("not it"), "{text}");
    }
    assert_eq!(house.writes(), before);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_current_password_counts_as_a_guess_of_that_browser() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    for guess in 0..10 {
        assert_eq!(change(&ada, "not it", NEW, NEW).await.status, 400, "{guess}");
    }
    let reply = change(&ada, PASSWORD, NEW, NEW).await;
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, "60"));
    // Other browsers have their own count.
    assert_eq!(Person::at(&house.gateway).sign_in(USER, PASSWORD).await.status, 303);
    house.gateway.time.advance(Duration::from_secs(60));
    assert_eq!(change(&ada, PASSWORD, NEW, NEW).await.status, 200);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_changes_at_once_are_one_change() {
    let house = House::start().await;
    let (ada, other) = (Person::signed_in(&house.gateway).await, Person::signed_in(&house.gateway).await);
    let (one, two) = tokio::join!(
        change(&ada, PASSWORD, "the first of two", "the first of two"),
        change(&other, PASSWORD, "the second of two", "the second of two")
    );
    let done = [one.status == 200, two.status == 200];
    assert!(done[0] != done[1], "{} {}", one.status, two.status);
    let (right, wrong) = if done[0] { ("the first of two", "the second of two") } else { ("the second of two", "the first of two") };
    assert_eq!(Person::at(&house.gateway).sign_in(USER, right).await.status, 303);
    assert_eq!(Person::at(&house.gateway).sign_in(USER, wrong).await.status, 401);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_tells_who_one_is_and_nobody_else() {
    let house = House::start().await;
    house.gateway.add_user("bob", "inference").await;
    let (ada, bob) = (Person::signed_in(&house.gateway).await, Person::at(&house.gateway));
    bob.sign_in("bob", PASSWORD).await;
    let (adas, bobs) = (ada.get("/account").await.text(), bob.get("/account").await.text());
    assert!(adas.contains("ada@example.org") && adas.contains("<dd>ada</dd>"), "{adas}");
    // As a name or an address: the hexadecimal digits of a form may spell it, too.
    assert!(!bobs.contains("E-mail") && !bobs.contains(">ada<") && !bobs.contains("ada@"), "{bobs}");
    house.gateway.end().await;
}
