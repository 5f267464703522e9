//! The credential that came with a request (RFC 9110 section 11.4, RFC 6750 section 2.1).

use http::{HeaderMap, header::AUTHORIZATION};

use super::header::CREDENTIALS;

/// What stands in `Authorization`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Credential<'a> {
    /// Nothing.
    None,
    /// `Bearer`, in any case, and a token.
    Bearer(&'a str),
    /// `Basic`, in any case, and what follows it.
    Basic(&'a str),
    /// Something that is not understood here.
    Other,
}

/// There is more than one: nobody can say which counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ambiguous;

impl<'a> Credential<'a> {
    /// Reads the one credential of a request.
    ///
    /// # Errors
    /// [`Ambiguous`] for two lines, a list, or another field of credentials beside it.
    pub fn of(headers: &'a HeaderMap) -> Result<Self, Ambiguous> {
        let mut lines = headers.get_all(AUTHORIZATION).iter();
        let Some(line) = lines.next() else { return Ok(Self::None) };
        if lines.next().is_some() || CREDENTIALS.iter().filter(|field| headers.contains_key(*field)).count() > 1 {
            return Err(Ambiguous);
        }
        // Bytes that are no text are no credential that anybody gave out.
        let Ok(text) = line.to_str() else { return Ok(Self::Other) };
        let Some((scheme, rest)) = text.split_once(' ') else { return Ok(Self::Other) };
        let token = rest.trim_matches(' ');
        // A list of credentials; parameters of other schemes are not for us to judge.
        let is_ours = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("basic");
        if is_ours && token.contains(',') {
            return Err(Ambiguous);
        }
        if !is_ours || !is_token68(token) {
            return Ok(Self::Other);
        }
        Ok(if scheme.eq_ignore_ascii_case("bearer") { Self::Bearer(token) } else { Self::Basic(token) })
    }
}

/// The characters of a credential (RFC 9110 section 11.2, RFC 6750 section 2.1).
fn is_token68(token: &str) -> bool {
    let bare = token.trim_end_matches('=');
    !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(lines: &[&'static str]) -> Result<String, Ambiguous> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(AUTHORIZATION, line.parse().unwrap());
        }
        Credential::of(&headers).map(|credential| format!("{credential:?}"))
    }

    #[test]
    fn a_bearer_is_read_in_any_case() {
        for line in ["Bearer t0k", "bearer t0k", "BEARER  t0k "] {
            assert_eq!(of(&[line]), Ok("Bearer(\"t0k\")".into()), "{line}");
        }
    }

    #[test]
    fn two_credentials_are_none_of_both() {
        assert_eq!(of(&["Bearer a", "Bearer a"]), Err(Ambiguous));
        assert_eq!(of(&["Bearer a, Bearer b"]), Err(Ambiguous));
        assert_eq!(of(&["Bearer a,b"]), Err(Ambiguous));
        assert_eq!(of(&["Bearer a,\tBearer b"]), Err(Ambiguous));
        for field in &CREDENTIALS[1..] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, "Bearer a".parse().unwrap());
            headers.insert(field, "x".parse().unwrap());
            assert_eq!(Credential::of(&headers), Err(Ambiguous), "{field}");
            headers.remove(AUTHORIZATION);
            assert_eq!(Credential::of(&headers), Ok(Credential::None), "{field}");
        }
    }

    #[test]
    fn what_is_no_bearer_is_something_else() {
        assert_eq!(of(&[]), Ok("None".into()));
        for line in [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a\tb",
            "Bearer\ta",
            "Bearer \"a\"",
            "Bearer =",
            "Bearer a=b",
            "Token x",
            "Bearer\u{e9} x",
        ] {
            assert_eq!(of(&[line]), Ok("Other".into()), "{line}");
        }
        assert_eq!(of(&["Basic YTpi"]), Ok("Basic(\"YTpi\")".into()));
    }
}
