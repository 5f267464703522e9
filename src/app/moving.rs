//! Moving what lies in the store of one configuration to that of another.

use std::path::Path;

use super::{Plan, StartError, roots};
use crate::{
    clock::Clock,
    ops::moving::{self, Counted, MoveError},
    store,
};

/// Why nothing was moved, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum MovingError {
    /// The store or its roots cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The rest.
    #[error(transparent)]
    Move(#[from] MoveError),
}

/// Writes all that lies in the store to a new file. Changes nothing in the store.
///
/// # Errors
/// [`MovingError`].
pub async fn export(plan: &Plan, file: &Path, clock: &Clock) -> Result<Counted, MovingError> {
    let store = store::open(&plan.config.store, clock.clone()).await.map_err(StartError::Open)?;
    let known = store.roots().await.map_err(StartError::Store)?.ok_or(MoveError::NothingThere)?;
    let keyring = roots::of_used_store(&plan.config, known.record).map_err(StartError::Roots)?;
    Ok(moving::export(store.as_ref(), &keyring, file).await?)
}

/// Puts what lies in such a file into the store, which has to be empty.
///
/// # Errors
/// [`MovingError`].
pub async fn import(plan: &Plan, file: &Path, clock: &Clock) -> Result<Counted, MovingError> {
    let store = store::open(&plan.config.store, clock.clone()).await.map_err(StartError::Open)?;
    if store.roots().await.map_err(StartError::Store)?.is_some() {
        return Err(MoveError::Used.into());
    }
    let keyring = roots::of_empty_store(&plan.config).map_err(StartError::Roots)?;
    Ok(moving::import(store.as_ref(), &keyring, file).await?)
}
