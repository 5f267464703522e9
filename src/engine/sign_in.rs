//! Signing in with a password, so that guessing gets nowhere and nobody can lock others out.
//!
//! Wrong tries are counted apart for the browsers in which the user has signed in before and for all
//! others (OWASP: "device cookies"). A known browser has its own count, so what strangers do, at the
//! same address or on the same name, never refuses it. A stranger is counted by address; and once a
//! name has seen many wrong tries, strangers take turns for it, one a second for all of them: they
//! wait, and the right password opens after its wait. Nothing of this depends on whether there is
//! such a user.

use std::net::IpAddr;

use data_encoding::HEXLOWER;
use secrecy::{ExposeSecret, SecretString};

use super::{Engine, Error, MAX_PASSWORD_BYTES};
use crate::{
    limit::{Action, Guess, Who},
    oauth::{
        secret::Keyring,
        user::{BadUserName, User, UserName},
    },
    store::Unavailable,
};

/// Somebody who wants to sign in.
pub struct SignIn<'a> {
    /// The name, as it was typed.
    pub name: &'a str,
    /// The password.
    pub password: SecretString,
    /// Where from.
    pub peer: IpAddr,
    /// What [`Engine::known_browser`] gave the browser, where it has that.
    pub known: Option<&'a str>,
}

impl Engine {
    /// The user whom name and password belong to. `None` for an unknown name, a wrong password and
    /// a disabled account alike, and after the same time.
    ///
    /// # Errors
    /// Limited after too many wrong passwords from one browser or address, and where too many wait
    /// for their turn.
    pub async fn check_password(&self, sign_in: SignIn<'_>) -> Result<Option<User>, Error> {
        let user = match UserName::parse(sign_in.name) {
            Ok(name) => self.store.user_named(&name).await?.map(|user| user.record),
            // What cannot be a name is nobody's name.
            Err(BadUserName) => None,
        };
        let browser = user.as_ref().zip(sign_in.known).and_then(|(user, known)| browser_of(&self.keyring, user, known));
        let guesses = match browser {
            Some(browser) => vec![self.limits.guess(Action::GuessPasswordOfBrowser, Who::Browser(browser)).await?],
            None => self.guess_of_stranger(sign_in.name, sign_in.peer).await?,
        };
        let usable = user.filter(|user| user.enabled);
        let hash = usable.as_ref().and_then(|user| user.password.clone());
        let fits = sign_in.password.expose_secret().len() <= MAX_PASSWORD_BYTES;
        let right = self.passwords.verify(sign_in.password, hash).await.map(|right| fits && right);
        match right {
            Ok(false) => guesses.into_iter().for_each(Guess::wrong),
            Ok(true) | Err(Unavailable { .. }) => give_back(guesses).await,
        }
        let right = right?;
        Ok(usable.filter(|_| right))
    }

    async fn guess_of_stranger(&self, name: &str, peer: IpAddr) -> Result<Vec<Guess<'_>>, Error> {
        let (address, name) = (Who::peer(peer), self.limits.name(&[name.trim().to_ascii_lowercase().as_bytes()]));
        // Who is going to be refused anyway takes nobody's turn.
        self.limits.look(Action::GuessPassword, address)?;
        let mut guesses = Vec::with_capacity(2);
        match self.limits.guess(Action::GuessPasswordOfName, name).await {
            Ok(guess) => guesses.push(guess),
            // Nothing is held while he waits: what he waits for is not to be drawn out for others.
            Err(_limited) => self.turns.wait(&self.limits, name, address).await?,
        }
        match self.limits.guess(Action::GuessPassword, address).await {
            Ok(guess) => guesses.push(guess),
            Err(limited) => {
                give_back(guesses).await;
                return Err(limited.into());
            }
        }
        Ok(guesses)
    }

    /// What makes a browser, in which this user has just signed in, a known one: for this user, until
    /// all that he holds is taken back at once. What it had before goes on, with its count.
    pub fn known_browser(&self, user: &User, before: Option<&str>) -> SecretString {
        let browser = before.and_then(|before| browser_of(&self.keyring, user, before)).unwrap_or_else(rand::random);
        let proof = proof_parts(user, &browser, |parts| self.keyring.form_token(parts));
        SecretString::from(format!("{}{}", HEXLOWER.encode(&browser), HEXLOWER.encode(&proof)))
    }
}

async fn give_back(guesses: Vec<Guess<'_>>) {
    for guess in guesses {
        guess.give_back().await;
    }
}

/// The browser that this names, if it is one of this user's.
fn browser_of(keyring: &Keyring, user: &User, known: &str) -> Option<[u8; 16]> {
    // What somebody made up is no browser that we know.
    let bytes: [u8; 32] = HEXLOWER.decode(known.as_bytes()).ok()?.try_into().ok()?;
    let (browser, proof) = bytes.split_first_chunk()?;
    proof_parts(user, browser, |parts| keyring.is_form_token(proof, parts)).then_some(*browser)
}

fn proof_parts<T>(user: &User, browser: &[u8; 16], with: impl FnOnce(&[&[u8]]) -> T) -> T {
    with(&[b"known browser", user.id.as_bytes(), &user.generation.to_be_bytes(), browser])
}
