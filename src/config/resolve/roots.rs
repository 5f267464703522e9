//! `[keys]`: the root secrets.

use secrecy::SecretString;

use crate::{
    config::{
        Section,
        problem::{Flaw, Place},
    },
    oauth::secret::{BadRoot, Keyring, RootId},
};

/// `root`, which is one secret or a list of secrets with ids. Replicas that share a store must be given
/// the same.
pub(super) fn read(keys: &mut Section<'_>, shared: bool) -> Option<Vec<(RootId, SecretString)>> {
    const KEY: &str = "root";
    if shared && !keys.holds(KEY) {
        let remedy = "make one with `openssl rand -base64 32`, give the same to every replica, and write `root = \"env:GATEPOST_ROOT\"`";
        keys.problem(KEY, "`root` is missing, and all that share a Redis need the same", remedy);
    }
    let placed: Vec<(RootId, SecretString, Place)> = if keys.is_list(KEY) {
        let listed = keys.tables(KEY, listed);
        if listed.is_empty() {
            let (message, remedy) = flaw(BadRoot::None);
            keys.problem(KEY, message, remedy);
        }
        listed.into_iter().flatten().collect()
    } else {
        let secret = keys.secret(KEY)?;
        vec![(RootId::DEFAULT, secret, keys.place_of(KEY))]
    };
    let mut roots = Vec::with_capacity(placed.len());
    for (id, secret, place) in placed {
        roots.push((id, secret));
        // One after the other, so that the mistake is found in the newest of them.
        if let Err(bad) = Keyring::new(&roots) {
            let (message, remedy) = flaw(bad);
            keys.problem_at(place, message, remedy);
            roots.pop();
        }
    }
    Some(roots)
}

fn listed(root: &mut Section<'_>) -> Option<(RootId, SecretString, Place)> {
    let id = root.required("id", "\"k2\"", |root, key| root.parsed(key, root_id));
    let secret = root.required("secret", "\"file:PATH\"", Section::secret);
    Some((id?, secret?, root.place().clone()))
}

fn root_id(text: &str) -> Result<RootId, Flaw> {
    RootId::parse(text)
        .ok_or_else(|| ("a root secret's id is two lower-case letters or digits".to_owned(), "write it like \"k2\"".to_owned()))
}

fn flaw(bad: BadRoot) -> Flaw {
    let remedy = match bad {
        BadRoot::TooShort => "make one with `openssl rand -base64 32`",
        BadRoot::SameId => "give each root secret an id of its own; the first in the list mints",
        BadRoot::None => "name one, or leave `root` out: beside a store that is a folder, one is made at the first start",
        BadRoot::Derivation => "try another root secret",
    };
    (bad.to_string(), remedy.to_owned())
}
