//! A path that is forwarded instead of the one that was asked for.

use super::{Paths, path, problem::Flaw};
use crate::oauth::pattern;

/// Says which path goes upstream for one that a route claims. What decides about a request is the
/// path as it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rewrite {
    segments: Vec<Segment>,
    /// Behind how many segments of the path the rest of it goes on, too.
    rest: Option<usize>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Segment {
    /// As it is written.
    Written(String),
    /// What varies in that of the path.
    Taken {
        /// Which one, counted from 0.
        index: usize,
        /// What ends it, and does not go along.
        less: String,
        /// What ends it then.
        more: String,
    },
}

impl Rewrite {
    /// Reads what stands for these paths: for one path another, for a prefix another prefix. Either may
    /// use the parameters.
    ///
    /// # Errors
    /// What is wrong and what to write instead.
    pub fn read(text: &str, paths: &Paths) -> Result<Self, Flaw> {
        match paths {
            Paths::Prefix(prefix) => {
                path::prefix(text)?;
                // "/" is a prefix without a segment.
                let read = segments(text).filter(|segment| !segment.is_empty()).map(|segment| Segment::read(segment, prefix));
                let rest = segments(prefix).filter(|segment| !segment.is_empty()).count();
                Ok(Self { segments: read.collect::<Result<_, _>>()?, rest: Some(rest) })
            }
            Paths::Exact(claimed) => {
                path::exact(text)?;
                let read = segments(text).map(|segment| Segment::read(segment, claimed));
                Ok(Self { segments: read.collect::<Result<_, _>>()?, rest: None })
            }
        }
    }

    /// The path that goes upstream for this one, which the route claims.
    pub fn path(&self, path: &str) -> String {
        let mut rewritten = String::with_capacity(path.len());
        for segment in &self.segments {
            rewritten.push('/');
            match segment {
                Segment::Written(text) => rewritten.push_str(text),
                Segment::Taken { index, less, more } => {
                    let taken = segments(path).nth(*index).and_then(|segment| segment.strip_suffix(less.as_str()));
                    rewritten.extend([taken.unwrap_or_default(), more]);
                }
            }
        }
        if let Some((start, _)) = self.rest.and_then(|count| path.match_indices('/').nth(count)) {
            rewritten.push_str(&path[start..]);
        }
        if rewritten.is_empty() {
            rewritten.push('/');
        }
        rewritten
    }
}

impl Segment {
    fn read(text: &str, claimed: &str) -> Result<Self, Flaw> {
        let pattern::Segment::Varies { name, suffix: more } = pattern::Segment::of(text) else {
            return Ok(Self::Written(text.to_owned()));
        };
        let taken = pattern::segments(claimed).skip(1).enumerate().find_map(|(index, segment)| match segment {
            pattern::Segment::Varies { name: found, suffix: less } if found == name => {
                Some(Self::Taken { index, less: less.to_owned(), more: more.to_owned() })
            }
            pattern::Segment::Varies { .. } | pattern::Segment::Fixed(_) => None,
        });
        taken.ok_or_else(|| (format!("the path `{claimed}` has no `{{{name}}}`"), "use its parameters, by their names".to_owned()))
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').skip(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_another_and_takes_its_parameters_along() {
        for (claimed, rewrite, asked, forwarded) in [
            ("/a/chat", "/v1/chat/completions", "/a/chat", "/v1/chat/completions"),
            ("/a/{id}/b/{x}", "/{x}/c/{id}/", "/a/7%20b;c/b/y", "/y/c/7%20b;c/"),
            ("/a/{id}", "/", "/a/7", "/"),
            ("/a/{id}", "/caf%C3%A9", "/a/7", "/caf%C3%A9"),
            ("/a/{id}:go", "/b/{id}", "/a/7:x:go", "/b/7:x"),
            ("/a/{id}", "/b/{id}:go", "/a/7", "/b/7:go"),
            ("/a/{x}/{id}:go", "/{id}/{x}:come", "/a/y/7:go", "/7/y:come"),
        ] {
            let read = path::exact(claimed).and_then(|paths| Rewrite::read(rewrite, &paths));
            assert_eq!(read.map(|read| read.path(asked)), Ok(forwarded.to_owned()), "{claimed} {rewrite}");
        }
    }

    #[test]
    fn a_prefix_becomes_another_before_the_same_rest() {
        for (claimed, rewrite, asked, forwarded) in [
            ("/a/b", "/v1", "/a/b", "/v1"),
            ("/a/b", "/v1", "/a/b/", "/v1/"),
            ("/a/b", "/v1/x", "/a/b/c/d%20e/", "/v1/x/c/d%20e/"),
            ("/a", "/", "/a", "/"),
            ("/a", "/", "/a/b", "/b"),
            ("/", "/v1", "/", "/v1/"),
            ("/", "/v1", "/a/b", "/v1/a/b"),
            ("/caf%c3%a9", "/v1", "/caf%C3%A9/x", "/v1/x"),
            ("/of/{x}/a", "/v1", "/of/7/a/b", "/v1/b"),
            ("/of/{x}", "/v1/{x}/for", "/of/7/a/b", "/v1/7/for/a/b"),
            ("/of/{x}", "/", "/of/7", "/"),
        ] {
            let read = path::prefix(claimed).and_then(|paths| Rewrite::read(rewrite, &paths));
            assert_eq!(read.map(|read| read.path(asked)), Ok(forwarded.to_owned()), "{claimed} {rewrite}");
        }
    }

    #[test]
    fn what_the_path_does_not_have_cannot_be_taken() {
        let (exact, prefix) = (Paths::Exact("/a/{id}".to_owned()), Paths::Prefix("/a".to_owned()));
        for (text, paths) in [("/v1/{name}", &exact), ("/v1/{id}/{id}", &exact), ("v1", &exact), ("/v1/{id}", &prefix), ("/v1/", &prefix)] {
            assert!(Rewrite::read(text, paths).is_err(), "{text}");
        }
    }
}
