//! The values that strangers write: what is read has one meaning, and is read back as itself.

use gatepost::oauth::{
    claim::{Claim, MAX_CHARS},
    client_metadata::ClientMetadata,
    code::UserCode,
    document::DocumentUrl,
    id::GrantId,
    redirect::Destination,
    scope::Scopes,
    typed::{AskId, TypedCode},
    user::UserName,
};

pub fn body(data: &[u8]) {
    let text = &String::from_utf8_lossy(data);
    codes(text);
    ids(text);
    claims(text);
    scopes(text);
    documents(data);
    if let Ok(name) = UserName::parse(text) {
        assert_eq!(UserName::parse(name.as_str()).as_ref(), Ok(&name));
        assert!(name.as_str().eq_ignore_ascii_case(text.trim()));
    }
}

/// Whatever a document says, answers go to its host or stay on the user's machine.
fn documents(data: &[u8]) {
    let url = DocumentUrl::parse("https://a.example/c").unwrap();
    if let Ok(described) = ClientMetadata::document(&url, data) {
        assert!(!described.redirect_uris.is_empty());
        for uri in &described.redirect_uris {
            let written_so = || uri.as_str().to_ascii_lowercase().starts_with("https://a.example");
            match uri.destination() {
                Some(Destination::Loopback) => {}
                Some(Destination::Host(host)) => assert!(host == "a.example" && written_so(), "{uri}"),
                other => panic!("{uri} leads to {other:?}"),
            }
        }
    }
}

fn codes(text: &str) {
    if let Some(code) = UserCode::parse(text) {
        let shown = code.shown();
        let typed = text.replace(['-', ' '], "");
        assert!(typed.eq_ignore_ascii_case(&shown.replace('-', "")), "{shown} out of {text:?}");
        assert!(typed.bytes().all(|letter| b"BCDFGHJKLMNPQRSTVWXZ".contains(&letter.to_ascii_uppercase())), "{text:?}");
        for again in [shown.clone(), shown.to_lowercase(), format!(" {} ", shown.replace('-', " - "))] {
            assert_eq!(UserCode::parse(&again).as_ref(), Some(&code), "{again:?}");
        }
    }
    let is_code = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    assert_eq!(TypedCode::parse(text).map(|code| code.shown()), is_code.then(|| text.to_owned()));
}

fn ids(text: &str) {
    let digits = text.bytes().filter(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
    let dashes: Vec<usize> = text.match_indices('-').map(|(at, _)| at).collect();
    let is_ask = text.len() == 36 && digits == 32 && dashes == [8, 13, 18, 23];
    assert_eq!(AskId::parse(text).map(|id| id.shown()), is_ask.then(|| text.to_owned()));
    let is_grant = text.len() == 32 && digits == 32;
    assert_eq!(GrantId::parse(text).map(|id| id.to_string()), is_grant.then(|| text.to_owned()));
}

fn claims(text: &str) {
    if let Some(claim) = Claim::cleaned(text) {
        assert_eq!(Claim::cleaned(claim.as_str()).as_ref(), Some(&claim), "cleaned twice");
        assert_eq!(Claim::exact(claim.as_str()).as_ref(), Ok(&claim), "what is clean is taken as it is");
        is_one_short_line(claim.as_str());
    }
    if let Ok(claim) = Claim::exact(text) {
        assert_eq!(claim.as_str(), text.trim());
        is_one_short_line(claim.as_str());
    }
    // What people can see of a name is not lost for what they cannot.
    let is_visible = text.chars().any(|c| c.is_ascii_alphanumeric());
    assert!(!is_visible || Claim::cleaned(text).is_some(), "{text:?}");
}

fn is_one_short_line(claim: &str) {
    assert!((1..=MAX_CHARS).contains(&claim.chars().count()) && claim.trim() == claim, "{claim:?}");
    let misleads =
        |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    assert!(!claim.contains(misleads), "{claim:?}");
}

fn scopes(text: &str) {
    let Ok(scopes) = Scopes::parse(text) else { return };
    let shown = scopes.to_string();
    assert_eq!(Scopes::parse(&shown).as_ref(), Ok(&scopes));
    assert!(shown.bytes().all(|byte| matches!(byte, b' '..=b'~') && !b"\"\\".contains(&byte)), "{shown:?}");
    let mut named: Vec<&str> = text.split(' ').filter(|token| !token.is_empty()).collect();
    named.sort_unstable();
    named.dedup();
    assert_eq!(scopes.iter().collect::<Vec<_>>(), named, "each scope once, and no other");
    assert!(scopes.cover(&scopes.narrowed_to(&scopes)) && scopes.narrowed_to(&Scopes::default()).is_empty());
}
