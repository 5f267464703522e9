//! Resources that the file names (RFC 8707). Each must be one that the gateway protects.

use crate::{
    config::{PublicUrl, Route, Section, resource},
    oauth,
};

/// Notes every resource that is none, or is not written in the one form in which it is kept.
pub(super) fn check(root: &mut Section<'_>, public_url: &PublicUrl, routes: &[Route]) {
    let protected: Vec<&str> = resource::protected_paths(routes).collect();
    for (named, place) in root.named_resources() {
        match oauth::resource::parse(&named, public_url.as_str(), protected.iter().copied()) {
            Ok(resource) if resource == named => {}
            Ok(resource) => root.problem_at(place, "the resource is not in its normal form", format!("write \"{resource}\"")),
            Err(_none) => {
                let all = [""].into_iter().chain(protected.iter().copied().filter(|path| *path != "/"));
                let all: Vec<String> = all.map(|path| format!("\"{}\"", public_url.join(path))).collect();
                root.problem_at(
                    place,
                    format!("`{named}` is not a resource that the gateway protects"),
                    format!("write one of these, or an address below it: {}", all.join(", ")),
                );
            }
        }
    }
}
