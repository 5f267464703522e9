//! Passwords: hashed and checked with argon2id, a few at a time, away from the runtime's threads.

use std::sync::Arc;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::{oauth::user::PasswordHash, store::Unavailable};

/// The hasher: argon2id with 19 MiB, two passes, one lane (OWASP's first choice), which is the
/// library's default.
pub(super) struct Passwords {
    places: Arc<Semaphore>,
}

impl Passwords {
    /// As many at a time as there are cores, less one for everybody else.
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Self { places: Arc::new(Semaphore::new(cores.saturating_sub(1).max(1))) }
    }

    /// Hashes with a fresh salt.
    ///
    /// # Errors
    /// [`Unavailable`] where the machine cannot.
    pub(super) async fn hash(&self, password: SecretString) -> Result<PasswordHash, Unavailable> {
        self.run(move || {
            let hash = Argon2::default().hash_password(password.expose_secret().as_bytes()).map_err(Unavailable::because)?;
            Ok(PasswordHash::from_phc(hash.to_string()))
        })
        .await
    }

    /// Whether the password belongs to the hash. Without a hash it takes as long and is wrong, so
    /// that nobody can tell which names there are.
    ///
    /// # Errors
    /// [`Unavailable`] where the machine cannot, or the hash is damaged.
    pub(super) async fn verify(&self, password: SecretString, hash: Option<PasswordHash>) -> Result<bool, Unavailable> {
        self.run(move || match hash {
            Some(hash) => {
                let hash = phc::PasswordHash::new(hash.as_phc()).map_err(Unavailable::because)?;
                Ok(Argon2::default().verify_password(password.expose_secret().as_bytes(), &hash).is_ok())
            }
            None => {
                Argon2::default().hash_password(password.expose_secret().as_bytes()).map_err(Unavailable::because)?;
                Ok(false)
            }
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T, Unavailable> + Send + 'static) -> Result<T, Unavailable> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(Unavailable::because)?;
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work, not by whoever waits for it: who hangs up frees no core.
            let _place = place;
            work()
        });
        done.await.map_err(Unavailable::because)?
    }
}
