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
    store::{Change, CommitError, Expect, Key, Record, Roots, Store, Unavailable},
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
    let known = store.roots().await?;
    let keyring = match &config.roots {
        Some(roots) => Keyring::new(roots)?,
        None => {
            let secret = from_file(&config.store.join(FILE), known.is_none())?;
            Keyring::new(&[(RootId::DEFAULT, secret)])?
        }
    };
    let (version, mut roots) = match known {
        Some(known) => (Expect::Version(known.version), known.record),
        None => (Expect::Absent, Roots::default()),
    };
    let mut recognised = roots.0.is_empty();
    let mut added = false;
    for (id, check) in keyring.checks() {
        match roots.0.iter().find(|(known, _)| *known == id) {
            Some((_, known)) if *known == check => recognised = true,
            Some(_) => return Err(RootsError::Other(id)),
            None => {
                roots.0.push((id, check));
                added = true;
            }
        }
    }
    if !recognised {
        let configured: Vec<RootId> = keyring.checks().map(|(id, _)| id).collect();
        let missing: Vec<String> = roots.0.iter().filter(|(id, _)| !configured.contains(id)).map(|(id, _)| id.to_string()).collect();
        return Err(RootsError::NoneKnown(missing.join(", ")));
    }
    if added {
        let put = Change::Put { key: Key::Roots, expect: version, record: Record::Roots(roots), until: None };
        store.commit(vec![put]).await.map_err(|error| match error {
            CommitError::Unavailable(unavailable) => unavailable,
            conflict @ CommitError::Conflict => Unavailable::because(conflict),
        })?;
    }
    Ok(keyring)
}

fn from_file(path: &Path, may_be_made: bool) -> Result<SecretString, RootsError> {
    let failed = |cause| RootsError::File { path: path.to_owned(), cause };
    match fs::read_to_string(path) {
        Ok(text) => Ok(SecretString::from(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound && may_be_made => make(path).map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(RootsError::Missing(path.to_owned())),
        Err(error) => Err(failed(error)),
    }
}

/// Makes the file, durable before anything is minted under it.
fn make(path: &Path) -> io::Result<SecretString> {
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
