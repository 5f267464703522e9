//! How the answer travels from the page, where a user decides, to the app that asked.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::oauth::pkce::Challenge;

/// How the answer travels from the page, where a user decides, to the app that asked.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// The app asks for it, again and again (RFC 8628).
    #[default]
    Polled,
    /// The user carries a code from the page to the app (SereChat).
    Typed {
        /// How long the code is good for, counted from the approval.
        life: Duration,
    },
    /// The user's browser takes a code there (RFC 6749 section 4.1).
    Redirect(Redirect),
    /// The app asks for it, again and again, and gets a key, once (Fruxon).
    Delivered(Login),
}

/// What a login wants a key for. Nothing of it is verified.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Login {
    /// Which scopes, by the name of the set.
    pub preset: String,
    /// What kind of program asks.
    pub client_type: String,
    /// Which installation asks. Its next login replaces its key.
    pub device: Option<String>,
    /// In which tenant it would like to be let in.
    pub tenant: Option<String>,
}

/// What has to be shown with the code that a browser took to an app.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Redirect {
    /// Where the browser took it.
    pub uri: String,
    /// Whether the request named that address; then the app has to name it again (RFC 6749 section
    /// 4.1.3).
    pub named: bool,
    /// Whose verifier the app has (RFC 7636); `None` where the dialect has no such thing, and the
    /// client proves itself by its secret alone (Serble).
    pub challenge: Option<Challenge>,
    /// How long the code is good for, counted from the approval.
    pub life: Duration,
}

impl Redirect {
    /// Whether this is the verifier of the request's challenge. Where there was none, none is shown
    /// (RFC 9700 section 4.8.2).
    pub(super) fn is_met_by(&self, verifier: Option<&str>) -> bool {
        match (&self.challenge, verifier) {
            (Some(challenge), Some(verifier)) => challenge.is_of(verifier),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}
