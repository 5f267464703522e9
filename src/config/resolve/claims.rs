//! Who claims which paths. Two that claim the same ones are refused: which of them answered would
//! depend on the order of the file.

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;

use crate::{
    config::{Claim, Paths, Place, Section},
    oauth::pattern::{self, Segment},
};

/// Notes every claim that an earlier one has made before.
///
/// What is for one host only goes before what is for every host, an exact path before a prefix, and
/// a longer prefix before a shorter one: such claims share nothing.
pub(super) fn refuse_shared(root: &mut Section<'_>, claims: &[(Claim, Place)]) {
    for (index, (claim, place)) in claims.iter().enumerate() {
        if let Some((earlier, method)) = claims[..index].iter().find_map(|(other, _)| Some((other, shared_method(other, claim)?))) {
            let paths = match &claim.paths {
                Paths::Exact(path) => path.clone(),
                Paths::Prefix(path) => format!("{}/...", path.trim_end_matches('/')),
            };
            root.problem_at(
                place.clone(),
                format!("{} and {} both claim {method} {paths}", earlier.owner, claim.owner),
                "change the path, host or methods of one of them",
            );
        }
    }
}

/// A method for which both claim the same paths.
fn shared_method<'a>(one: &'a Claim, other: &'a Claim) -> Option<&'a str> {
    let same_paths = match (&one.paths, &other.paths) {
        (Paths::Exact(one), Paths::Exact(other)) => shape(one).eq(shape(other)),
        (Paths::Prefix(one), Paths::Prefix(other)) => shape(one).eq(shape(other)),
        (Paths::Exact(_), Paths::Prefix(_)) | (Paths::Prefix(_), Paths::Exact(_)) => false,
    };
    let has_parts = one.only.is_some() && other.only.is_some() && one.only != other.only;
    if !same_paths || one.host != other.host || has_parts {
        return None;
    }
    match (one.methods.as_slice(), other.methods.as_slice()) {
        ([], []) => Some("all of"),
        ([first, ..], []) | ([], [first, ..]) => Some(first.as_str()),
        (some, others) => some.iter().find(|method| others.contains(method)).map(Method::as_str),
    }
}

/// The segments of a path, decoded: `/x%3Ay` and `/x:y` are one path for many servers. What a
/// parameter is called makes no difference, and which suffix it has does.
fn shape(path: &str) -> impl Iterator<Item = (bool, Cow<'_, [u8]>)> {
    pattern::segments(path).map(|segment| match segment {
        Segment::Fixed(text) => (false, percent_decode_str(text).into()),
        Segment::Varies { suffix, .. } => (true, suffix.as_bytes().into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(host: Option<&str>, paths: Paths, methods: &[Method]) -> Claim {
        Claim { owner: "x".into(), host: host.map(str::to_owned), paths, methods: methods.to_vec(), only: None }
    }

    #[test]
    fn claims_meet_where_host_path_and_method_do() {
        let exact = |path: &str| Paths::Exact(path.into());
        let prefix = |path: &str| Paths::Prefix(path.into());
        let get = [Method::GET];
        let post = [Method::POST, Method::PUT];
        for (one, other, shared) in [
            (claim(None, exact("/a/{x}"), &[]), claim(None, exact("/a/{y}"), &[]), Some("all of")),
            (claim(None, exact("/a"), &get), claim(None, exact("/a"), &[]), Some("GET")),
            (claim(None, prefix("/a"), &post), claim(None, prefix("/a"), &[Method::PUT]), Some("PUT")),
            (claim(Some("h"), exact("/a"), &get), claim(Some("h"), exact("/a"), &get), Some("GET")),
            (claim(None, exact("/x%3Ay"), &[]), claim(None, exact("/x:y"), &[]), Some("all of")),
            (claim(None, prefix("/caf%C3%A9"), &[]), claim(None, prefix("/caf%c3%a9"), &[]), Some("all of")),
            (claim(None, exact("/{x}:go"), &get), claim(None, exact("/{y}:go"), &get), Some("GET")),
            (claim(None, prefix("/a/{x}"), &[]), claim(None, prefix("/a/{y}"), &[]), Some("all of")),
            (claim(None, exact("/{x}:go"), &[]), claim(None, exact("/{x}"), &[]), None),
            (claim(None, exact("/{x}:go"), &[]), claim(None, exact("/{x}:come"), &[]), None),
            (claim(None, exact("/{x}:go"), &[]), claim(None, exact("/:go"), &[]), None),
            (claim(None, exact("/a"), &get), claim(None, exact("/a"), &post), None),
            (claim(None, exact("/a"), &[]), claim(Some("h"), exact("/a"), &[]), None),
            (claim(None, exact("/a/{x}"), &[]), claim(None, exact("/a/b"), &[]), None),
            (claim(None, exact("/a"), &[]), claim(None, exact("/a/"), &[]), None),
            (claim(None, exact("/a"), &[]), claim(None, prefix("/a"), &[]), None),
            (claim(None, prefix("/a"), &[]), claim(None, prefix("/a/b"), &[]), None),
        ] {
            assert_eq!(shared_method(&one, &other), shared, "{one:?} {other:?}");
            assert_eq!(shared_method(&other, &one), shared, "{other:?} {one:?}");
        }
    }
}
