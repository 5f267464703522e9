//! What an app sends a browser to the authorization page with.

/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Where the page is.
pub(crate) const PAGE: &str = "/api/openai/v1/oauth/authorize";
/// What the app wants to hear again: whatever a URL could trip over.
pub(crate) const STATE: &str = "a b&c=d#e/ü+'\"<%41>";

/// The page's address with what this client asks for, and these parameters over the usual ones; an
/// empty one leaves it out.
pub(crate) fn address(client: &str, redirect_uri: &str, over: &[(&str, &str)]) -> String {
    let usual = [
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", redirect_uri),
        ("state", STATE),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let is_over = |name: &str| over.iter().any(|(other, _)| *other == name);
    let fields = usual.into_iter().filter(|(name, _)| !is_over(name)).chain(over.iter().copied()).filter(|(_, value)| !value.is_empty());
    format!("{PAGE}?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish())
}

/// A parameter of an address.
pub(crate) fn parameter(address: &str, name: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}
