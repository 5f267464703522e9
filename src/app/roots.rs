//! The root secrets: from the configuration, or from a file beside the embedded store that is made
//! at the first start; and never others than those that the store was used with.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER;
use secrecy::SecretString;

use crate::{
    config::Config,
    oauth::secret::{BadRoot, Keyring, RootId},
    store::{Change, CommitError, Expect, Key, Loaded, Record, Roots, Store, Unavailable},
};

/// The file in the store's folder.
const FILE: &str = "root.key";

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The store was used with a root that is not there any more.
    #[error(
        "the root key file {0} is missing, and the store was used with it; put it back (without it, nothing that was issued can be honoured)"
    )]
    Missing(PathBuf),
    /// An import goes into this store, and the exporting gateway's root is not there.
    #[error(
        "the root key file {0} is missing; copy the exporting gateway's root.key there first, or configure its root secret under [keys]"
    )]
    NotBrought(PathBuf),
    /// The store was used with other roots.
    #[error(
        "the store was used with another root secret than the one configured as \"{0}\"; configure the one it was used with under that id"
    )]
    Other(RootId),
    /// None of the store's roots is configured.
    #[error("none of the root secrets that the store was used with is configured ({0}); add the old one behind the new one")]
    NoneKnown(String),
    /// The file.
    #[error("the root key file {path} cannot be used: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// The secrets themselves.
    #[error(transparent)]
    Bad(#[from] BadRoot),
    /// The store.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// The keys for this store.
pub(super) async fn keyring(config: &Config, store: &dyn Store) -> Result<Keyring, RootsError> {
    // Several replicas may start at the same time, each with the roots that another one wrote down.
    loop {
        let known = store.roots().await?;
        let is_new = known.is_none();
        let keyring = configured(config, |path| if is_new { make(path) } else { Err(RootsError::Missing(path.to_owned())) })?;
        match note(store, &keyring, known).await {
            Ok(()) => return Ok(keyring),
            Err(NoteError::Raced) => {}
            Err(NoteError::Refused(refused)) => return Err(refused),
        }
    }
}

enum NoteError {
    Raced,
    Refused(RootsError),
}

impl<E: Into<RootsError>> From<E> for NoteError {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

/// Writes the roots down that the store does not know yet.
async fn note(store: &dyn Store, keyring: &Keyring, known: Option<Loaded<Roots>>) -> Result<(), NoteError> {
    let (version, mut roots) = match known {
        Some(known) => (Expect::Version(known.version), known.record),
        None => (Expect::Absent, Roots::default()),
    };
    if recognise(keyring, &mut roots)? {
        let put = Change::Put { key: Key::Roots, expect: version, record: Record::Roots(roots), until: None };
        store.commit(vec![put]).await.map_err(|error| match error {
            CommitError::Unavailable(unavailable) => unavailable.into(),
            CommitError::Conflict => NoteError::Raced,
        })?;
    }
    Ok(())
}

/// The keys for a store that knows these roots. Writes nothing.
pub(super) fn of_used_store(config: &Config, mut known: Roots) -> Result<Keyring, RootsError> {
    let keyring = configured(config, |path| Err(RootsError::Missing(path.to_owned())))?;
    recognise(&keyring, &mut known)?;
    Ok(keyring)
}

/// The keys for a store that is about to be filled: none are made for it.
pub(super) fn of_empty_store(config: &Config) -> Result<Keyring, RootsError> {
    configured(config, |path| Err(RootsError::NotBrought(path.to_owned())))
}

/// The keys that the configuration names; `absent` is asked where the file beside the store is not there.
fn configured(config: &Config, absent: impl FnOnce(&Path) -> Result<SecretString, RootsError>) -> Result<Keyring, RootsError> {
    if let Some(roots) = &config.roots {
        return Ok(Keyring::new(roots)?);
    }
    // Whoever reads a configuration sees to it that there are roots where there is no folder.
    let path = config.store.folder().ok_or(BadRoot::None)?.join(FILE);
    let secret = match fs::read_to_string(&path) {
        Ok(text) => SecretString::from(text.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => absent(&path)?,
        Err(cause) => return Err(RootsError::File { path, cause }),
    };
    Ok(Keyring::new(&[(RootId::DEFAULT, secret)])?)
}

/// Adds the roots that were not known, and says whether there were any.
fn recognise(keyring: &Keyring, known: &mut Roots) -> Result<bool, RootsError> {
    let mut recognised = known.0.is_empty();
    let mut added = false;
    for (id, check) in keyring.checks() {
        match known.0.iter().find(|(known, _)| *known == id) {
            Some((_, known)) if *known == check => recognised = true,
            Some(_) => return Err(RootsError::Other(id)),
            None => {
                known.0.push((id, check));
                added = true;
            }
        }
    }
    if !recognised {
        let configured: Vec<RootId> = keyring.checks().map(|(id, _)| id).collect();
        let missing: Vec<String> = known.0.iter().filter(|(id, _)| !configured.contains(id)).map(|(id, _)| id.to_string()).collect();
        return Err(RootsError::NoneKnown(missing.join(", ")));
    }
    Ok(added)
}

/// Makes the file, durable before anything is minted under it.
fn make(path: &Path) -> Result<SecretString, RootsError> {
    write_new(path).map_err(|cause| RootsError::File { path: path.to_owned(), cause })
}

fn write_new(path: &Path) -> io::Result<SecretString> {
    let secret = HEXLOWER.encode(&rand::random::<[u8; 32]>());
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(secret.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(SecretString::from(secret))
}
