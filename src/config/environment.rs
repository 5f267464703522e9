//! What surrounds the configuration: environment variables, files, the machine. It is handed in as
//! a value, so that tests touch nothing global.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Read},
    num::NonZeroUsize,
    path::Path,
};

/// What surrounds the configuration.
pub struct Environment(Kind);

enum Kind {
    System,
    Given { variables: BTreeMap<String, String>, files: BTreeMap<String, String> },
}

/// An environment variable cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadVariable {
    /// There is none of that name.
    #[error("is not set")]
    Unset,
    /// It is no text.
    #[error("is not UTF-8 text")]
    NoText,
}

impl Environment {
    /// The process's own environment and the machine's files.
    pub const fn system() -> Self {
        Self(Kind::System)
    }

    /// Exactly these variables and files (by path), on a machine with two cores.
    pub fn given<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>, files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self(Kind::Given { variables: variables.into_iter().map(owned).collect(), files: files.into_iter().map(owned).collect() })
    }

    /// The value of a variable.
    ///
    /// # Errors
    /// [`BadVariable`] where it is not set or no text.
    pub fn variable(&self, name: &str) -> Result<String, BadVariable> {
        match &self.0 {
            Kind::System => std::env::var(name).map_err(|error| match error {
                std::env::VarError::NotPresent => BadVariable::Unset,
                std::env::VarError::NotUnicode(_) => BadVariable::NoText,
            }),
            Kind::Given { variables, .. } => variables.get(name).cloned().ok_or(BadVariable::Unset),
        }
    }

    /// The text of a file.
    ///
    /// # Errors
    /// Whatever keeps it from being read.
    pub fn read(&self, path: &Path) -> io::Result<String> {
        match &self.0 {
            Kind::System => std::fs::read_to_string(path),
            Kind::Given { files, .. } => {
                path.to_str().and_then(|path| files.get(path)).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
            }
        }
    }

    /// The bytes of a file; `None` where there are more than `most`.
    ///
    /// # Errors
    /// Whatever keeps it from being read.
    pub fn bytes(&self, path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
        let bytes = match &self.0 {
            Kind::System => {
                let mut bytes = Vec::new();
                fs::File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
                bytes
            }
            Kind::Given { .. } => self.read(path)?.into_bytes(),
        };
        Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= most))
    }

    /// How many threads the machine runs at once; 1 where it does not say.
    pub fn cores(&self) -> NonZeroUsize {
        match &self.0 {
            Kind::System => std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            Kind::Given { .. } => NonZeroUsize::MIN.saturating_add(1),
        }
    }
}

/// Values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::System => "Environment(system)",
            Kind::Given { .. } => "Environment(given)",
        })
    }
}
