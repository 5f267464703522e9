//! Resources: which part of the gateway a token is meant for (RFC 8707).

use url::Url;

use super::{
    pattern,
    refusal::{ErrorCode, Refusal},
};

/// Where the metadata of a protected resource lies: the path of the resource comes behind it (RFC
/// 9728 section 3.1).
pub const METADATA: &str = "/.well-known/oauth-protected-resource";

/// It is no resource of this gateway.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("it is no resource of this gateway")]
pub struct BadResource;

impl From<BadResource> for Refusal {
    fn from(_: BadResource) -> Self {
        Self::new(ErrorCode::InvalidTarget, "The resource must be the address of this gateway, or of one of its protected paths.")
    }
}

/// Reads a `resource` parameter (RFC 8707 section 2): the public URL, or that of one of the protected
/// `paths` (`{name}` stands for any segment) or of what lies below. Answers it in the one form in
/// which audiences are kept: without a slash at its end.
///
/// # Errors
/// [`BadResource`].
pub fn parse<'a>(text: &str, public_url: &str, paths: impl IntoIterator<Item = &'a str>) -> Result<String, BadResource> {
    let url = Url::parse(text).map_err(|_no_url| BadResource)?;
    let is_bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    let is_ours = url.origin().ascii_serialization() == public_url;
    // What had to be tidied up, as spaces, empty users and dot segments are, others could read differently.
    let is_tidy = text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains('@') && written_path(text) == Some(url.path());
    if !is_bare || !is_ours || !is_tidy {
        return Err(BadResource);
    }
    let path = url.path().strip_suffix('/').unwrap_or(url.path());
    if path.is_empty() || paths.into_iter().any(|protected| is_at_or_below(protected, path)) {
        Ok(format!("{public_url}{path}"))
    } else {
        Err(BadResource)
    }
}

/// The path of a URL as it was written; an absent one is `/`.
fn written_path(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    Some(rest.find('/').map_or("/", |at| &rest[at..]))
}

fn is_at_or_below(protected: &str, path: &str) -> bool {
    let mut segments = path.split('/').skip(1);
    if path.split('/').skip(1).any(str::is_empty) {
        return false;
    }
    pattern::segments(protected.trim_end_matches('/')).skip(1).all(|wanted| segments.next().is_some_and(|segment| wanted.holds(segment)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "https://ai.example.com";
    const PATHS: [&str; 4] = ["/v1", "/things/{id}/parts", "/caf%C3%A9/", "/keys/{id}:rotate"];

    #[test]
    fn a_resource_is_the_gateway_or_lies_at_or_below_a_protected_path() {
        for (text, form) in [
            ("https://ai.example.com", ""),
            ("https://ai.example.com/", ""),
            ("HTTPS://AI.example.com:443/v1", "/v1"),
            ("https://ai.example.com/v1/", "/v1"),
            ("https://ai.example.com/v1/chat/completions", "/v1/chat/completions"),
            ("https://ai.example.com/things/7/parts/8", "/things/7/parts/8"),
            ("https://ai.example.com/caf%C3%A9", "/caf%C3%A9"),
            ("https://ai.example.com/keys/7:rotate", "/keys/7:rotate"),
        ] {
            assert_eq!(parse(text, HOST, PATHS), Ok(format!("{HOST}{form}")), "{text}");
        }
        assert_eq!(parse("https://ai.example.com/x", HOST, ["/"]), Ok(format!("{HOST}/x")));
        assert_eq!(parse("http://[::1]:8080/v1", "http://[::1]:8080", PATHS), Ok("http://[::1]:8080/v1".to_owned()));
    }

    #[test]
    fn everything_else_is_no_resource() {
        for text in [
            "",
            "/v1",
            "ai.example.com/v1",
            "//ai.example.com/v1",
            "http://ai.example.com/v1",
            "https://ai.example.com:8443/v1",
            "https://ai.example.com.evil.example/v1",
            "https://evil.example/v1",
            "https://ai.example.com@evil.example/v1",
            "https://evil.example@ai.example.com/v1",
            "https://@ai.example.com/v1",
            "https://:@ai.example.com/v1",
            "https://ai.example.com/v1#x",
            "https://ai.example.com/v1#",
            "https://ai.example.com/v1?",
            "https://ai.example.com/v1?a=b",
            "https://ai.example.com?",
            "https://ai.example.com/other",
            "https://ai.example.com/v1x",
            "https://ai.example.com/V1",
            "https://ai.example.com//v1",
            "https://ai.example.com/v1//",
            "https://ai.example.com/v1//x",
            "https://ai.example.com/things/7",
            "https://ai.example.com/things//parts",
            "https://ai.example.com/v1/../other",
            "https://ai.example.com/other/../v1",
            "https://ai.example.com/other/%2e%2E/v1",
            "https://ai.example.com/./v1",
            "https://ai.example.com\\v1",
            "https:\\\\ai.example.com/v1",
            "https:ai.example.com/v1",
            "https:///ai.example.com/v1",
            "https://ai.example.com/\tv1",
            " https://ai.example.com/v1",
            "https://ai.example.com/v1 ",
            "https://ai.exam\nple.com/v1",
            "https://ai.example.com/v1/é",
            "urn:example:v1",
        ] {
            assert_eq!(parse(text, HOST, PATHS), Err(BadResource), "{text:?}");
        }
        assert_eq!(parse("https://ai.example.com/v1", HOST, []), Err(BadResource));
        assert_eq!(Refusal::from(BadResource).code.as_str(), "invalid_target");
    }
}
