//! The file: where it lies, who may read it, how it comes to be, and when it is refused.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use redb::{Builder, Database, ReadableDatabase, TableError, backends::FileBackend};

use super::tables::{self, Tables};

/// The file's name in the data directory.
pub const FILE_NAME: &str = "gatepost.redb";
/// The format of the file that this version makes and knows.
pub const FILE_FORMAT: u64 = 1;

/// What redb may hold in memory. Its default is a gigabyte.
const CACHE_BYTES: usize = 64 << 20;
/// Less free space than this is not worth a compaction.
const WORTH_COMPACTING: u64 = 8 << 20;

/// Why the store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open, or this one has.
    #[error("{path} is in use: another Gatepost runs on it; stop it first")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It was made by another version.
    #[error("{path} has format {found}, and this version of Gatepost knows format {FILE_FORMAT} only")]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// The format, as far as it can be told.
        found: String,
    },
    /// Its content is not what Gatepost wrote there, or is no store of Gatepost's at all.
    #[error("{path} is damaged or no store of Gatepost's: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, in redb's words.
        reason: String,
    },
    /// The disk or the file system said no.
    #[error("cannot open {path}: {error}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

/// A data directory and the file in it.
pub(super) struct Place {
    path: PathBuf,
}

impl Place {
    /// Makes the directory and the file, both for this user alone, where there is none.
    ///
    /// # Errors
    /// [`OpenError`].
    pub(super) fn prepare(dir: &Path) -> Result<Self, OpenError> {
        let failed = |error| OpenError::Io { path: dir.to_owned(), error };
        let is_new = !dir.try_exists().map_err(failed)?;
        private_directories().create(dir).map_err(failed)?;
        let dir = dir.canonicalize().map_err(failed)?;
        if let Some(parent) = dir.parent().filter(|_| is_new) {
            sync_directory(parent).map_err(failed)?;
        }
        let place = Self { path: dir.join(FILE_NAME) };
        place.create(&dir)?;
        Ok(place)
    }

    /// Opens the file that is there. Never makes a new one: if the file vanished while the
    /// gateway runs, a fresh one in its place would have forgotten every revocation.
    ///
    /// # Errors
    /// [`OpenError`].
    pub(super) fn open(&self) -> Result<Database, OpenError> {
        forget_cached_pages(&self.path).map_err(|error| self.failed(error))?;
        let db = builder().open(&self.path).map_err(|error| self.refusal(error))?;
        match format_of(&db).map_err(|error| self.refusal(error))? {
            Some(FILE_FORMAT) => Ok(db),
            Some(found) => Err(OpenError::UnknownFormat { path: self.path.clone(), found: found.to_string() }),
            None => Err(OpenError::Damaged { path: self.path.clone(), reason: "it does not tell its format".to_owned() }),
        }
    }

    /// Gives free space back where that is more than half of the file. Within the file free pages
    /// are used again, so this is for the time after a flood.
    ///
    /// # Errors
    /// [`OpenError`].
    pub(super) fn compact(&self, db: &mut Database) -> Result<(), OpenError> {
        let length = fs::metadata(&self.path).map_err(|error| self.failed(error))?.len();
        if length < WORTH_COMPACTING {
            return Ok(());
        }
        let used = used_bytes(db).map_err(|error| self.refusal(error))?;
        if length.saturating_sub(used) > WORTH_COMPACTING.max(length / 2) {
            tracing::info!(length, used, "the store is mostly free space; compacting it");
            db.compact().map_err(|error| self.refusal(error))?;
        }
        Ok(())
    }

    /// Makes an empty store under another name and moves it into place, so that a start which is
    /// interrupted here leaves nothing that the next one cannot read.
    fn create(&self, dir: &Path) -> Result<(), OpenError> {
        if self.exists()? {
            return Ok(());
        }
        let draft = self.path.with_extension("redb.new");
        let file = private_file().open(&draft).map_err(|error| self.failed(error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path: self.path.clone() }),
            // redb too does without locks where the file system has none.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(self.failed(error)),
        }
        // Asked again under the lock: somebody may have moved this very draft into place.
        if self.exists()? {
            return Ok(());
        }
        file.set_len(0).map_err(|error| self.failed(error))?;
        write_empty_store(file).map_err(|error| self.refusal(error))?;
        if let Err(error) = fs::rename(&draft, &self.path)
            // Whoever was faster moved the same empty store.
            && !self.exists()?
        {
            return Err(self.failed(error));
        }
        sync_directory(dir).map_err(|error| self.failed(error))
    }

    fn exists(&self) -> Result<bool, OpenError> {
        self.path.try_exists().map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> OpenError {
        OpenError::Io { path: self.path.clone(), error }
    }

    fn refusal(&self, error: impl Into<redb::Error>) -> OpenError {
        let path = self.path.clone();
        match error.into() {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => OpenError::InUse { path },
            redb::Error::UpgradeRequired(version) => OpenError::UnknownFormat { path, found: format!("redb {version}") },
            redb::Error::Io(error) if !matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => {
                OpenError::Io { path, error }
            }
            damage => OpenError::Damaged { path, reason: damage.to_string() },
        }
    }
}

pub(super) fn builder() -> Builder {
    let mut builder = Builder::new();
    // The check reads the whole file at a start. In return a damaged file is refused in words,
    // where redb would otherwise trust it and panic in the middle of the day.
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder
}

fn write_empty_store(file: File) -> Result<(), redb::Error> {
    let db = builder().create_with_backend(FileBackend::new(file)?)?;
    write_format(&db)?;
    Ok(db.close()?)
}

/// Makes the tables of an empty store.
pub(super) fn write_format(db: &Database) -> Result<(), redb::Error> {
    let txn = db.begin_write()?;
    Tables::open(&txn, 0)?;
    txn.open_table(tables::META)?.insert(tables::FORMAT_NAME, FILE_FORMAT)?;
    Ok(txn.commit()?)
}

fn format_of(db: &Database) -> Result<Option<u64>, redb::Error> {
    match db.begin_read()?.open_table(tables::META) {
        Ok(meta) => Ok(meta.get(tables::FORMAT_NAME)?.map(|found| found.value())),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn used_bytes(db: &Database) -> Result<u64, redb::Error> {
    // What the last transactions gave back counts as used until one more has been committed.
    db.begin_write()?.commit()?;
    let txn = db.begin_write()?;
    let stats = txn.stats()?;
    txn.abort()?;
    Ok(stats.allocated_pages() * stats.page_size() as u64)
}

fn private_directories() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// After a failed fsync Linux goes on serving from memory what never reached the disk, and calls
/// it clean. Only what the disk holds counts, so it is read from there.
fn forget_cached_pages(path: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::fs::fadvise(File::open(path)?, 0, None, rustix::fs::Advice::DontNeed)?;
    #[cfg(not(target_os = "linux"))]
    let _ = path;
    Ok(())
}

/// Makes a new name in a directory durable: an fsync of the file alone does not.
fn sync_directory(dir: &Path) -> io::Result<()> {
    #[cfg(unix)]
    match File::open(dir)?.sync_all() {
        // Some file systems have nothing to sync there, and say it this way.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {}
        synced => synced?,
    }
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}
