//! Looks for a secret in whatever way it could have been written.

use std::fmt::Write;

use data_encoding::{BASE32_NOPAD, BASE64_NOPAD, HEXLOWER};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

/// Bytes that were read somewhere, ready to be searched.
pub(super) struct Text(String);

impl Text {
    /// One character for each byte, and all letters small: what is searched for may be in either
    /// case.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(bytes.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect())
    }

    /// How the secret is written in there, if it is.
    pub(super) fn holds(&self, secret: &str) -> Option<&'static str> {
        if is_short_number(secret) && self.holds_number(secret) {
            return Some("as it is");
        }
        spellings(secret).into_iter().find(|(_, needle)| self.0.contains(&Self::of(needle).0)).map(|(how, _)| how)
    }

    /// Six digits stand in many a number: only a number of its own counts, and no fraction of a
    /// second.
    fn holds_number(&self, digits: &str) -> bool {
        self.0.match_indices(digits).any(|(at, _)| {
            let before = self.0[..at].chars().next_back();
            let after = self.0[at + digits.len()..].chars().next();
            !before.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '/'))
                && !after.is_some_and(|c| c.is_ascii_alphanumeric())
        })
    }
}

fn is_short_number(secret: &str) -> bool {
    secret.len() < 8 && secret.bytes().all(|byte| byte.is_ascii_digit())
}

/// Ways to write a secret, each with its name. Of a long one the middle is enough: a part of it must
/// not be told either.
fn spellings(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut all = Vec::new();
    if !is_short_number(secret) {
        all.push(("as it is", middle(secret.as_bytes()).to_vec()));
    }
    let without_dashes = secret.replace('-', "");
    if secret.len() == 9 && without_dashes.len() == 8 {
        encodings(&mut all, without_dashes.as_bytes());
        all.push(("without its dash", without_dashes.into_bytes()));
    }
    encodings(&mut all, middle(secret.as_bytes()));
    if is_short_number(secret) {
        // An encoding that leaves digits as they are.
        all.retain(|(_, needle)| needle != secret.as_bytes());
    }
    if let Some(bytes) = secret_part(secret) {
        all.push(("as its decoded bytes", bytes.clone()));
        encodings(&mut all, &bytes);
        // And the part of the text that holds nothing else.
        all.push(("as its secret part", secret.as_bytes()[secret.len() - 88 + 36..][..38].to_vec()));
    }
    all
}

fn encodings(all: &mut Vec<(&'static str, Vec<u8>)>, bytes: &[u8]) {
    all.push(("in hexadecimal", HEXLOWER.encode(bytes).into_bytes()));
    all.push(("as a list of bytes", list(bytes, ", ")));
    all.push(("as a list of bytes", list(bytes, ",")));
    all.push(("as an escaped text", bytes.escape_ascii().to_string().into_bytes()));
    all.push((
        "percent-encoded",
        bytes.iter().fold(String::new(), |mut text, byte| write!(text, "%{byte:02x}").map(|()| text).unwrap()).into_bytes(),
    ));
    all.push(("percent-encoded", percent_encode(bytes, NON_ALPHANUMERIC).to_string().into_bytes()));
    all.push(("as a form's value", form_urlencoded::byte_serialize(bytes).collect::<String>().into_bytes()));
    for before in 0..3 {
        let text = base64_within(bytes, before);
        // Fewer characters can stand anywhere.
        if text.len() >= 8 {
            all.push(("in base64", text.replace('+', "-").replace('/', "_").into_bytes()));
            all.push(("in base64", text.into_bytes()));
        }
    }
}

/// What base64 makes of these bytes where so many (modulo 3) stand before them: the characters that
/// depend on nothing else.
fn base64_within(bytes: &[u8], before: usize) -> String {
    let text = BASE64_NOPAD.encode(&[&vec![0; before], bytes].concat());
    let foreign = [0, 2, 3][before];
    let whole = (before + bytes.len()) * 8 / 6;
    text[foreign..whole].to_owned()
}

fn list(bytes: &[u8], between: &str) -> Vec<u8> {
    bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(between).into_bytes()
}

fn middle(bytes: &[u8]) -> &[u8] {
    if bytes.len() < 16 { bytes } else { &bytes[bytes.len() / 4..bytes.len() - bytes.len() / 4] }
}

/// A credential's secret: after the prefix, its 88 characters hold root id, record id and number
/// (22 bytes), the secret (25 bytes) and the MAC (8 bytes).
fn secret_part(credential: &str) -> Option<Vec<u8>> {
    let body = credential.get(credential.len().checked_sub(88)?..)?.to_ascii_uppercase();
    Some(BASE32_NOPAD.decode(body.as_bytes()).ok()?[22..47].to_vec())
}

#[test]
fn a_leak_is_found_however_it_is_written() {
    let credential =
        format!("bs_at_{}", BASE32_NOPAD.encode(&std::array::from_fn::<u8, 55, _>(|index| (index * 5 % 251) as u8)).to_lowercase());
    let part = secret_part(&credential).unwrap();
    for (secret, leaks) in [
        (credential.as_str(), vec![credential.to_uppercase().into_bytes(), credential.as_bytes()[20..80].to_vec(), part.clone()]),
        (&credential, vec![format!("{part:?}").into_bytes(), HEXLOWER.encode(&part).into_bytes(), BASE64_NOPAD.encode(&part).into_bytes()]),
        (&credential, vec![BASE64_NOPAD.encode(format!("token:{credential}").as_bytes()).into_bytes()]),
        (
            "BCDF-GHJK",
            vec![b"bcdfghjk".to_vec(), b"user_code=BCDF-GHJK&".to_vec(), b"424344462D47484A4B".to_vec(), b"BCDF%2DGHJK".to_vec()],
        ),
        ("123456", vec![b"code=123456 ".to_vec(), b"\"123456\"".to_vec(), b"%31%32%33%34%35%36".to_vec(), b"313233343536".to_vec()]),
        ("123456", vec![BASE64_NOPAD.encode(b"123456").into_bytes(), b"[49, 50, 51, 52, 53, 54]".to_vec()]),
        (
            "correct horse battery",
            vec![b"a correct horse battery b".to_vec(), b"correct+horse+battery".to_vec(), b"correct%20horse%20battery".to_vec()],
        ),
    ] {
        for leak in leaks {
            let noise = [b"2026-11-21T23:17:05.123456Z total_us=9123456 ", leak.as_slice(), b" 00ff"].concat();
            let found = Text::of(&noise).holds(secret);
            assert!(found.is_some(), "{secret} was not found in {}", leak.escape_ascii());
        }
        let noise = Text::of(b"2026-11-21T23:17:05.123456Z total_us=9123456 bs_at_ 0x123456ab correct horses BCDF-GHJ");
        assert_eq!(noise.holds(secret), None, "{secret}");
    }
    for before in 0..3 {
        for after in 0..3 {
            let text = BASE64_NOPAD.encode(&[&vec![b'x'; before], credential.as_bytes(), &vec![b'y'; after]].concat());
            assert_eq!(Text::of(text.as_bytes()).holds(&credential), Some("in base64"));
        }
    }
}
