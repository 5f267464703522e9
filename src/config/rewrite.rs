//! A path that is forwarded instead of the one that was asked for.

use super::{Paths, path, problem::Flaw};

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
    /// That of the path, counted from 0.
    Taken(usize),
}

impl Rewrite {
    /// Reads what stands for these paths: for one path another, which may use its parameters; for a
    /// prefix another prefix.
    ///
    /// # Errors
    /// What is wrong and what to write instead.
    pub fn read(text: &str, paths: &Paths) -> Result<Self, Flaw> {
        match paths {
            Paths::Prefix(prefix) => {
                path::prefix(text)?;
                let written = segments(text).filter(|segment| !segment.is_empty()).map(|segment| Segment::Written(segment.to_owned()));
                Ok(Self { segments: written.collect(), rest: Some(segments(prefix).filter(|segment| !segment.is_empty()).count()) })
            }
            Paths::Exact(claimed) => {
                path::exact(text)?;
                let segment = |segment: &str| {
                    if !segment.starts_with('{') {
                        return Ok(Segment::Written(segment.to_owned()));
                    }
                    let taken = segments(claimed).position(|other| other == segment);
                    taken.map(Segment::Taken).ok_or_else(|| {
                        (format!("the path `{claimed}` has no `{segment}`"), "use the parameters of `path`, by their names".to_owned())
                    })
                };
                Ok(Self { segments: segments(text).map(segment).collect::<Result<_, _>>()?, rest: None })
            }
        }
    }

    /// The path that goes upstream for this one, which the route claims.
    pub fn path(&self, path: &str) -> String {
        let mut rewritten = String::with_capacity(path.len());
        for segment in &self.segments {
            rewritten.push('/');
            rewritten.push_str(match segment {
                Segment::Written(text) => text,
                Segment::Taken(index) => segments(path).nth(*index).unwrap_or_default(),
            });
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
