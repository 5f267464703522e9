//! Which routes lie at a path: as it is, and as a lenient server would read it (see [`super::path`]).

use std::collections::HashMap;

use super::path;
use crate::oauth::pattern::{self, Segment};

/// The paths of one host.
#[derive(Default)]
pub struct Paths {
    normal: Tree,
    loose: Tree,
    has_odd_ones: bool,
}

#[derive(Default)]
struct Tree {
    /// matchit has no `/{p1}` beside a `/{*rest}`: what one of them cannot hold is in the next.
    routers: Vec<matchit::Router<usize>>,
    places: Vec<Place>,
    known: HashMap<String, usize>,
}

/// What lies at one path. Several routes may, with distinct methods.
#[derive(Default)]
pub struct Place {
    /// Indices in the table of routes, the first to be asked first.
    pub routes: Vec<usize>,
    /// How the path is written in normal form: several ways may have one loose form.
    written: Vec<String>,
    /// How much of each of its segments does not vary. Of two that hold the same path, the greater is
    /// more specific.
    fixed: Vec<usize>,
}

/// A path that the table cannot hold. The configuration was checked, so it is a mistake of ours.
#[derive(Debug, thiserror::Error)]
#[error("the path {path} cannot be routed: {why}")]
pub struct Unroutable {
    path: String,
    why: matchit::InsertError,
}

impl Paths {
    /// Lays down a route at all of these patterns.
    ///
    /// # Errors
    /// [`Unroutable`].
    pub fn insert(&mut self, patterns: &[String], route: usize) -> Result<(), Unroutable> {
        for pattern in patterns {
            let (normal, loose) = path::patterns(pattern);
            let mut inserted = self.normal.insert(&normal, &normal, route);
            // A prefix with a slash at its end is the prefix, and nothing that was written down.
            if !pattern.strip_suffix('/').is_some_and(|bare| patterns.iter().any(|other| other == bare)) {
                self.has_odd_ones |= normal != loose;
                inserted = inserted.and_then(|()| self.loose.insert(&loose, &normal, route));
            }
            inserted.map_err(|why| Unroutable { path: pattern.clone(), why })?;
        }
        Ok(())
    }

    /// Whether lenient servers know one of the paths by another name, so that a request may have
    /// that name.
    pub const fn has_odd_ones(&self) -> bool {
        self.has_odd_ones
    }

    /// What lies at a path in normal form.
    pub fn at(&self, path: &str) -> Option<&Place> {
        self.normal.at(path)
    }

    /// What lies at a path in loose form.
    pub fn at_loosely(&self, path: &str) -> Option<&Place> {
        self.loose.at(path)
    }
}

impl Place {
    /// Whether it makes no difference that a lenient server finds the other place: the same routes
    /// lie there, or this one was written down in so many words.
    pub fn is_read_as(&self, loosely: &Self) -> bool {
        self.routes == loosely.routes || self.written.iter().any(|path| loosely.written.contains(path))
    }
}

impl Tree {
    fn insert(&mut self, pattern: &str, written: &str, route: usize) -> Result<(), matchit::InsertError> {
        let index = match self.known.get(pattern) {
            Some(index) => *index,
            None => {
                self.lay(pattern, self.places.len())?;
                self.known.insert(pattern.to_owned(), self.places.len());
                self.places.push(Place { fixed: fixed(pattern), ..Place::default() });
                self.places.len() - 1
            }
        };
        let place = &mut self.places[index];
        place.routes.push(route);
        place.written.push(written.to_owned());
        Ok(())
    }

    fn lay(&mut self, pattern: &str, place: usize) -> Result<(), matchit::InsertError> {
        for router in &mut self.routers {
            match router.insert(pattern, place) {
                Err(matchit::InsertError::Conflict { .. }) => {}
                laid => return laid,
            }
        }
        let mut router = matchit::Router::new();
        router.insert(pattern, place)?;
        self.routers.push(router);
        Ok(())
    }

    fn at(&self, path: &str) -> Option<&Place> {
        // No match is the only error.
        let found = |router: &matchit::Router<usize>| router.at(path).ok().map(|found| &self.places[*found.value]);
        self.routers.iter().filter_map(found).max_by_key(|place| &place.fixed)
    }
}

/// All of a segment that is as it is written, the suffix of one that ends so, and nothing of one that
/// varies. What is below a prefix is no segment of it.
fn fixed(pattern: &str) -> Vec<usize> {
    let stem = pattern.strip_suffix("{*rest}").map(|stem| stem.trim_end_matches('/'));
    let fixed = |segment| match segment {
        Segment::Fixed(_) => usize::MAX,
        Segment::Varies { suffix, .. } => suffix.len(),
    };
    pattern::segments(stem.unwrap_or(pattern)).map(fixed).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;

    /// Whether a pattern stands for a path, looked at plainly.
    fn holds(pattern: &str, path: &str) -> bool {
        match pattern.strip_suffix("/{*rest}") {
            Some(stem) => {
                let count = stem.split('/').count();
                let below: Vec<&str> = path.split('/').skip(count).collect();
                let head = path.split('/').take(count).collect::<Vec<_>>().join("/");
                // A prefix with a slash at its end is another pattern.
                holds(stem, &head) && !below.is_empty() && below != [""]
            }
            None => {
                let segments: Vec<&str> = path.split('/').collect();
                pattern.split('/').count() == segments.len() && pattern::segments(pattern).zip(segments).all(|(one, text)| one.holds(text))
            }
        }
    }

    fn pattern() -> impl Strategy<Value = String> {
        let segment = select(&["a", "b", "a:x", "{p}"][..]);
        let end = select(&["/a", "/{p}", "/{p}:x", "/{p}:y:x", "/{p}:xx", "/{*rest}", "/", ""][..]);
        (vec(segment, 1..4), end).prop_map(|(segments, end)| format!("/{}{end}", segments.join("/")))
    }

    fn path() -> impl Strategy<Value = String> {
        let segment = select(&["a", "b", "c", "a:x", "c:x", "c:y:x", ":x", "c:xx", ""][..]);
        vec(segment, 1..5).prop_map(|segments| format!("/{}", segments.join("/")))
    }

    proptest! {
        #[test]
        fn the_most_specific_pattern_is_found_whichever_came_first(
            patterns in vec(pattern(), 1..12),
            asked in vec(path(), 1..24),
        ) {
            let mut tree = Tree::default();
            for (route, pattern) in patterns.iter().enumerate() {
                let (normal, _) = path::patterns(pattern);
                tree.insert(&normal, pattern, route).unwrap();
            }
            // Requests have no empty segments but at their end.
            for path in asked.iter().filter(|path| !path.contains("//")) {
                let best = patterns.iter().filter(|pattern| holds(pattern, path)).max_by_key(|pattern| fixed(pattern));
                let found = tree.at(path).map(|place| &place.written[0]);
                prop_assert_eq!(found.map(|found| fixed(found)), best.map(|best| fixed(best)), "{} {:?} {:?}", path, found, best);
                prop_assert!(found.is_none_or(|found| holds(found, path)));
            }
        }
    }
}
