//! For which resources a token is meant (RFC 8707, RFC 9728).

use serde::{Deserialize, Serialize};

/// The resources that a token is meant for, each the gateway's public URL or an address below it,
/// without a slash at its end. Empty: all that the gateway stands in front of.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Audience(Vec<String>);

impl Audience {
    /// Whether it says nothing, which is everything.
    pub const fn is_whole(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a token for these is meant for that one, too: it is one of them or lies below one.
    pub fn covers(&self, resource: &str) -> bool {
        self.is_whole() || self.iter().any(|whole| lies_in(resource, whole))
    }

    /// The same of a path of the gateway at this public URL. The path is in normal form.
    pub fn covers_path(&self, public_url: &str, path: &str) -> bool {
        self.is_whole() || self.iter().filter_map(|whole| whole.strip_prefix(public_url)).any(|stem| lies_in(path, stem))
    }

    /// What is left where less is wanted; `None` where it is not less.
    pub fn narrowed_to(&self, wanted: &Self) -> Option<Self> {
        if wanted.is_whole() {
            return Some(self.clone());
        }
        wanted.0.iter().all(|resource| self.covers(resource)).then(|| wanted.clone())
    }

    /// Whether a token for these is of use to whoever stands for those.
    pub fn meets(&self, other: &Self) -> bool {
        self.is_whole()
            || other.is_whole()
            || self.iter().any(|resource| other.covers(resource))
            || other.iter().any(|resource| self.covers(resource))
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Whether an address, or a path, is another one or lies below it.
fn lies_in(part: &str, whole: &str) -> bool {
    part.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl FromIterator<String> for Audience {
    fn from_iter<I: IntoIterator<Item = String>>(resources: I) -> Self {
        let mut all: Vec<String> = resources.into_iter().collect();
        all.sort();
        all.dedup();
        Self(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(resources: &[&str]) -> Audience {
        resources.iter().map(|resource| (*resource).to_owned()).collect()
    }

    #[test]
    fn a_token_is_meant_for_what_lies_below_its_resource() {
        for (audience, resource, covers) in [
            (of(&[]), "https://a/v1", true),
            (of(&["https://a"]), "https://a", true),
            (of(&["https://a"]), "https://a/v1", true),
            (of(&["https://a/v1"]), "https://a/v1/x", true),
            (of(&["https://a/v1"]), "https://a/v10", false),
            (of(&["https://a/v1"]), "https://a", false),
            (of(&["https://a/v1", "https://a/v2"]), "https://a/v2", true),
            (of(&["https://a"]), "https://a.evil", false),
        ] {
            assert_eq!(audience.covers(resource), covers, "{audience:?} {resource}");
        }
    }

    #[test]
    fn less_can_be_had_and_more_cannot() {
        let all = of(&[]);
        let one = of(&["https://a/v1"]);
        assert_eq!(all.narrowed_to(&one), Some(one.clone()));
        assert_eq!(one.narrowed_to(&all), Some(one.clone()));
        assert_eq!(one.narrowed_to(&of(&["https://a/v1/x"])), Some(of(&["https://a/v1/x"])));
        assert_eq!(one.narrowed_to(&of(&["https://a/v1", "https://a/v2"])), None);
    }

    const HOST: &str = "https://ai.example.com";

    #[test]
    fn an_audience_covers_its_own_path_and_what_lies_below() {
        let covers = |audience: &[&str], path: &str| {
            let audience: Audience = audience.iter().map(|path| format!("{HOST}{path}")).collect();
            audience.covers_path(HOST, path)
        };
        for (audience, path) in [
            (&[][..], "/v1"),
            (&[""], "/"),
            (&[""], "/v1/x"),
            (&["/v1"], "/v1"),
            (&["/v1"], "/v1/"),
            (&["/v1"], "/v1/x"),
            (&["/other", "/v1/x"], "/v1/x/y"),
        ] {
            assert!(covers(audience, path), "{audience:?} {path}");
        }
        for (audience, path) in [
            (&["/v1"][..], "/"),
            (&["/v1"], "/v1x"),
            (&["/v1"], "/V1"),
            (&["/v1/x"], "/v1"),
            (&[".evil.example"], "/v1"),
            (&[":8443"], "/v1"),
        ] {
            assert!(!covers(audience, path), "{audience:?} {path}");
        }
        assert!(!of(&["https://elsewhere.example"]).covers_path(HOST, "/v1"));
    }
}
