//! Which resource a request means (RFC 8707 section 2).
/// The resource that a text names, in normal form; `None` where it is none of ours.
pub fn parse(text: &str, public_url: &str, paths: &[String]) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    if text.contains('#') {
        return None;
    }
    let ours = url::Url::parse(public_url).ok()?;
    if (url.scheme(), url.host_str(), url.port_or_known_default()) != (ours.scheme(), ours.host_str(), ours.port_or_known_default())
        || url.query().is_some()
    {
        return None;
    }
    let path = url.path().trim_end_matches('/');
    let known = path.is_empty()
        || paths.iter().any(|known| path.strip_prefix(known.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    known.then(|| format!("{public_url}{path}"))
}
