//! What is read as a credential, and what is not.

use super::*;

/// What a request with these lines shows.
fn shown(lines: &[(&HeaderName, &'static str)]) -> Result<String, Ambiguous> {
    let mut headers = HeaderMap::new();
    for (field, line) in lines {
        headers.append(*field, line.parse().unwrap());
    }
    Credential::of(&headers).map(|credential| match credential {
        Credential::None => "none".to_owned(),
        Credential::Token { place, text } => format!("{} token {text}", place.field),
        Credential::Basic { text, .. } => format!("basic {text}"),
        Credential::Other(place) => format!("{} other", place.field),
    })
}

fn of(lines: &[&'static str]) -> Result<String, Ambiguous> {
    let field = AUTHORIZATION;
    shown(&lines.iter().map(|line| (&field, *line)).collect::<Vec<_>>())
}

fn of_serble(lines: &[&'static str]) -> Result<String, Ambiguous> {
    let field = SERBLE_AUTH;
    shown(&lines.iter().map(|line| (&field, *line)).collect::<Vec<_>>())
}

#[test]
fn a_bearer_is_read_in_any_case() {
    for line in ["Bearer t0k", "bearer t0k", "BEARER  t0k "] {
        assert_eq!(of(&[line]), Ok("authorization token t0k".into()), "{line}");
    }
    assert_eq!(of(&["Bearer a-._~+/b=="]), Ok("authorization token a-._~+/b==".into()));
}

#[test]
fn two_credentials_are_none_of_both() {
    assert_eq!(of(&["Bearer a", "Bearer a"]), Err(Ambiguous));
    assert_eq!(of(&["Bearer a, Bearer b"]), Err(Ambiguous));
    assert_eq!(of(&["Bearer a,b"]), Err(Ambiguous));
    assert_eq!(of(&["Bearer a,\tBearer b"]), Err(Ambiguous));
    for (read, line) in [(&AUTHORIZATION, "Bearer a"), (&SERBLE_AUTH, "App a"), (&SERBLE_AUTH, "nonsense")] {
        for other in CREDENTIALS.iter().filter(|other| *other != read) {
            assert_eq!(shown(&[(read, line), (other, "x")]), Err(Ambiguous), "{read} {other}");
            assert_eq!(shown(&[(other, "x"), (read, line)]), Err(Ambiguous), "{read} {other}");
        }
    }
}

#[test]
fn what_is_read_nowhere_is_nothing() {
    assert_eq!(of(&[]), Ok("none".into()));
    for other in CREDENTIALS.iter().filter(|field| PLACES.iter().all(|place| place.field != **field)) {
        assert_eq!(shown(&[(other, "Bearer a")]), Ok("none".into()), "{other}");
    }
}

#[test]
fn what_is_no_bearer_is_something_else() {
    for line in [
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer a\tb",
        "Bearer\ta",
        "Bearer \"a\"",
        "Bearer =",
        "Bearer a=b",
        "App x",
        "Token x",
        "Bearer\u{e9} x",
    ] {
        assert_eq!(of(&[line]), Ok("authorization other".into()), "{line}");
    }
    assert_eq!(of(&["Basic YTpi"]), Ok("basic YTpi".into()));
}

#[test]
fn an_app_shows_its_token_in_exactly_one_way() {
    assert_eq!(of_serble(&["App eyJ-._x.y"]), Ok("serbleauth token eyJ-._x.y".into()));
    for lines in [
        &["App"][..],
        &["App "],
        &["app a"],
        &["APP a"],
        &["App  a"],
        &["App a "],
        &[" App a"],
        &["App\ta"],
        &["App a b"],
        &["App a,b"],
        &["App a, App b"],
        &["App a", "App a"],
        &["App a="],
        &["App a/b"],
        &["App a~b"],
        &["User a"],
        &["Bearer a"],
        &["Basic YTpi"],
        &["a"],
        &[""],
        &["App \u{e9}"],
    ] {
        assert_eq!(of_serble(lines), Ok("serbleauth other".into()), "{lines:?}");
    }
}

#[test]
fn a_place_may_be_for_one_dialects_tokens_alone() {
    let [bearer, basic, app] = &PLACES;
    assert!(bearer.takes("serble") && bearer.takes("standard"));
    assert!(app.takes("serble") && !app.takes("standard"));
    assert!(!basic.takes("serble") && !basic.takes("standard"));
}

#[test]
fn every_place_is_among_the_fields_that_do_not_travel() {
    assert!(PLACES.iter().all(|place| CREDENTIALS.contains(&place.field)));
}
