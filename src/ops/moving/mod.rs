//! Moving what lies in one store to another one, through a sealed file. No gateway may write to the
//! store meanwhile.

mod counted;
mod file;

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufReader, BufWriter, Seek},
    path::{Path, PathBuf},
};

use crate::{
    oauth::secret::{Keyring, RootId},
    store::{Change, CommitError, Entry, Expect, Key, Record, Roots, Store, Unavailable},
};
pub use counted::Counted;
pub use file::{EXPORT_FORMAT, FileError};
use file::{Head, Reader, Writer};

/// Why nothing was moved, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// A file is never written over.
    #[error("{0} exists already, and nothing is written over it")]
    Exists(PathBuf),
    /// No gateway has ever run on the store.
    #[error("there is nothing to export: no gateway has used this store")]
    NothingThere,
    /// The store that an import goes into has been used.
    #[error("this store is in use already: an import goes into an empty one only")]
    Used,
    /// What the other gateway minted could not be honoured here.
    #[error("the exporting gateway had a root secret \"{0}\" that is not configured here; configure it under that id first")]
    RootMissing(RootId),
    /// Two roots of one name.
    #[error("the root secret \"{0}\" is another one than the exporting gateway knew under that id")]
    RootDiffers(RootId),
    /// The file.
    #[error("{path} {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        error: FileError,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// Writes all that lies in a store to a new file, for this user alone. The name appears once the file
/// is whole and on the disk.
///
/// # Errors
/// [`MoveError`]. There is no file then.
pub async fn export(store: &dyn Store, keyring: &Keyring, path: &Path) -> Result<Counted, MoveError> {
    let failed = |error| MoveError::File { path: path.to_owned(), error };
    let io_failed = |error: io::Error| failed(FileError::Io(error));
    if path.try_exists().map_err(io_failed)? {
        return Err(MoveError::Exists(path.to_owned()));
    }
    if store.roots().await?.is_none() {
        return Err(MoveError::NothingThere);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Made with the mode 0600, and gone where this function ends early.
    let draft = tempfile::Builder::new().prefix(".gatepost-export-").tempfile_in(folder).map_err(io_failed)?;
    let mut writer = Writer::begin(BufWriter::new(draft.as_file()), keyring).map_err(failed)?;
    let (mut counted, mut seen, mut next) = (Counted::default(), HashSet::new(), None);
    loop {
        let page = store.dump(next).await?;
        for entry in page.entries {
            let name = entry.name();
            if seen.contains(&name) {
                continue;
            }
            let (content, until) = entry.content()?;
            writer.add(&name, &content, until).map_err(failed)?;
            counted.add(&entry);
            seen.insert(name);
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    drop(writer.end().map_err(failed)?);
    draft.as_file().sync_all().map_err(io_failed)?;
    draft.persist_noclobber(path).map_err(|refused| match refused.error.kind() {
        io::ErrorKind::AlreadyExists => MoveError::Exists(path.to_owned()),
        _ => io_failed(refused.error),
    })?;
    // An fsync of the file alone does not make its name durable.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_failed)?;
    Ok(counted)
}

/// Puts what an export holds into an empty store. The whole file is read before anything is written,
/// and the record that makes the store a used one is written last: an import that was interrupted
/// is done again from the start.
///
/// # Errors
/// [`MoveError`]. Nothing was written but for [`MoveError::Store`].
pub async fn import(store: &dyn Store, keyring: &Keyring, path: &Path) -> Result<Counted, MoveError> {
    let failed = |error| MoveError::File { path: path.to_owned(), error };
    let io_failed = |error: io::Error| failed(FileError::Io(error));
    if store.roots().await?.is_some() {
        return Err(MoveError::Used);
    }
    let mut file = File::open(path).map_err(io_failed)?;
    let (mut reader, head) = Reader::begin(BufReader::new(&file), keyring).map_err(failed)?;
    let (mut counted, mut roots) = (Counted::default(), Roots::default());
    while let Some(entries) = reader.entries().map_err(failed)? {
        for entry in &entries {
            counted.add(entry);
            if let Entry::Record { record: Record::Roots(found), .. } = entry {
                roots = found.clone();
            }
        }
    }
    compare(keyring, &head, &roots)?;
    file.rewind().map_err(io_failed)?;
    let (mut reader, _) = Reader::begin(BufReader::new(&file), keyring).map_err(failed)?;
    while let Some(mut entries) = reader.entries().map_err(failed)? {
        entries.retain(|entry| !matches!(entry, Entry::Record { key: Key::Roots, .. }));
        store.restore(entries).await?;
        // Has the soft state written where the store holds it back.
        store.sweep().await?;
    }
    let put = Change::Put { key: Key::Roots, expect: Expect::Absent, record: Record::Roots(roots), until: None };
    match store.commit(vec![put]).await {
        Ok(()) => Ok(counted),
        Err(CommitError::Conflict) => Err(MoveError::Used),
        Err(CommitError::Unavailable(unavailable)) => Err(unavailable.into()),
    }
}

/// Every root of the exporting gateway has to be here, and none may be another one than its store knew.
fn compare(keyring: &Keyring, head: &Head, known: &Roots) -> Result<(), MoveError> {
    let differs = |(id, check): &(RootId, [u8; 16])| keyring.checks().any(|(here, other)| here == *id && other != *check);
    if let Some((id, _)) = head.roots.iter().chain(&known.0).find(|root| differs(root)) {
        return Err(MoveError::RootDiffers(*id));
    }
    match head.roots.iter().find(|(id, _)| !keyring.has(*id)) {
        Some((id, _)) => Err(MoveError::RootMissing(*id)),
        None => Ok(()),
    }
}
