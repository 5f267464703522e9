//! How a client says who it is at a token endpoint (RFC 6749 section 2.3).

use std::net::IpAddr;

use data_encoding::BASE64;
use http::{HeaderMap, header::AUTHORIZATION};
use secrecy::SecretString;

use crate::{
    engine::{Engine, Error},
    message::{BadInput, Credential, Fields},
    oauth::{
        client::{Client, UNKNOWN},
        id::ClientId,
        refusal::Refusal,
    },
};

/// Why a client was not accepted.
#[derive(Debug)]
pub enum ClientError {
    /// The request says it in no way, or in two.
    BadInput(BadInput),
    /// `invalid_client`.
    Refused {
        /// The words.
        refusal: Refusal,
        /// Whether `Authorization` was used, and `WWW-Authenticate` is owed (RFC 6749
        /// section 5.2).
        challenged: bool,
    },
    /// Too many wrong secrets, or nobody can say.
    Engine(Error),
}

impl From<BadInput> for ClientError {
    fn from(input: BadInput) -> Self {
        Self::BadInput(input)
    }
}

/// Finds and authenticates the client of a request: HTTP Basic, or `client_id` and, for a
/// confidential client, `client_secret` in the body. One way a request. Wrong secrets are counted
/// by address and client.
///
/// # Errors
/// [`ClientError`].
pub async fn authenticate(
    engine: &Engine,
    dialect: &str,
    headers: &HeaderMap,
    fields: &Fields,
    peer: IpAddr,
) -> Result<Client, ClientError> {
    let in_body = fields.text("client_id")?;
    let secret_in_body = fields.text("client_secret")?;
    let two_ways = || BadInput::Malformed("The client authenticates in two ways.".into());
    let (id, secret, challenged) = match Credential::of(headers).map_err(|_ambiguous| two_ways())? {
        Credential::Basic { text, .. } => {
            let (id, secret) = basic(text).ok_or(refused(true))?;
            if secret_in_body.is_some() || in_body.is_some_and(|other| other != id) {
                return Err(two_ways().into());
            }
            (id, Some(secret).filter(|secret| !secret.is_empty()), true)
        }
        // Somebody tried, and nobody can say what.
        Credential::Other(place) if place.field == AUTHORIZATION => return Err(refused(true)),
        Credential::None | Credential::Token { .. } | Credential::Other(_) => {
            (fields.required("client_id")?.to_owned(), secret_in_body.map(str::to_owned), false)
        }
    };
    let client = engine.client(dialect, &ClientId::new(id)).await?.ok_or(refused(challenged))?;
    match engine.authenticate_client(&client, secret.map(SecretString::from).as_ref(), peer).await {
        Ok(()) => Ok(client),
        Err(Error::Refused(refusal)) => Err(ClientError::Refused { refusal, challenged }),
        Err(error) => Err(error.into()),
    }
}

impl From<Error> for ClientError {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

const fn refused(challenged: bool) -> ClientError {
    ClientError::Refused { refusal: UNKNOWN, challenged }
}

/// The two parts of HTTP Basic, each form-decoded (RFC 6749 section 2.3.1).
fn basic(encoded: &str) -> Option<(String, String)> {
    // What cannot be read names no client.
    let bytes = BASE64.decode(encoded.as_bytes()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decoded(id)?, form_decoded(secret)?))
}

fn form_decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    // As above.
    percent_encoding::percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_read_raw_and_encoded() {
        let both = Some(("client_1".to_owned(), "s3 cret".to_owned()));
        assert_eq!(basic(&BASE64.encode(b"client_1:s3%20cret")), both);
        assert_eq!(basic(&BASE64.encode(b"client%5F1:s3+cret")), both);
        for bad in ["", "%", &BASE64.encode(b"nocolon"), &BASE64.encode(b"\xff:x"), &BASE64.encode(b"a:%ff")] {
            assert_eq!(basic(bad), None, "{bad}");
        }
    }
}
