//! Which routes lie at a path: as it is, and as a lenient server would read it (see [`super::path`]).

use std::collections::HashMap;

use super::path;

/// The paths of one host.
#[derive(Default)]
pub struct Paths {
    normal: Tree,
    loose: Tree,
    has_odd_ones: bool,
}

#[derive(Default)]
struct Tree {
    paths: matchit::Router<usize>,
    /// Those that end in `{*rest}`. Apart, since matchit has no `/{p1}` beside a `/{*rest}`.
    prefixes: matchit::Router<usize>,
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
    /// Which of its segments do not vary. Of two that hold the same path, the greater is more specific.
    fixed: Vec<bool>,
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
                let stem = pattern.strip_suffix("{*rest}");
                let tree = if stem.is_some() { &mut self.prefixes } else { &mut self.paths };
                tree.insert(pattern, self.places.len())?;
                self.known.insert(pattern.to_owned(), self.places.len());
                let segments = stem.map_or(pattern, |stem| stem.trim_end_matches('/')).split('/');
                self.places.push(Place { fixed: segments.map(|segment| !segment.starts_with('{')).collect(), ..Place::default() });
                self.places.len() - 1
            }
        };
        let place = &mut self.places[index];
        place.routes.push(route);
        place.written.push(written.to_owned());
        Ok(())
    }

    fn at(&self, path: &str) -> Option<&Place> {
        // No match is the only error.
        let found = |tree: &matchit::Router<usize>| tree.at(path).ok().map(|found| &self.places[*found.value]);
        found(&self.paths).into_iter().chain(found(&self.prefixes)).max_by_key(|place| &place.fixed)
    }
}
