//! From a file to what is to be built.

use std::{path::Path, sync::Arc};

use crate::{
    config::{Claim, Config, DialectRow, Environment, Pages, Problems, Written, resolve},
    dialects::{DIALECTS, Dialect, metadata},
    ops::health,
    web,
};

/// A configuration, read and checked.
pub struct Plan {
    /// What the operator decided.
    pub config: Config,
    /// The dialects that are on.
    pub dialects: Vec<Arc<dyn Dialect>>,
}

impl Plan {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let (config, dialects) = resolve::load(path, DIALECTS, reserved, &Environment::system())?;
        Ok(Self { config, dialects })
    }

    /// Reads a configuration that is not in a file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(written: Written<'_>) -> Result<Self, Problems> {
        Self::read_with(written, DIALECTS)
    }

    /// The same where these are the dialects that there are.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read_with(written: Written<'_>, rows: &[DialectRow<Arc<dyn Dialect>>]) -> Result<Self, Problems> {
        let (config, dialects) = resolve::load_text(written, rows, reserved, &Environment::system())?;
        Ok(Self { config, dialects })
    }
}

/// What the gateway claims for itself.
fn reserved(pages: &Pages) -> Vec<Claim> {
    let mut claims = web::claims(pages);
    claims.push(health::claim());
    claims.push(metadata::keys_claim());
    claims
}
