//! `key`: what signs JWTs.

use jiff::Timestamp;
use serde::Serialize;

use super::{Admin, AdminAnswer, AdminCode, AdminError, Argument, Arguments, Form, Noun, Says, Verb, to_the_second};
use crate::{
    engine::KeysError,
    oauth::signing::{Algorithm, KeyError, KeyId, KeyState, SigningKey, SigningKeys},
};

const KID: Argument = Argument { name: "kid", form: Form::Positional, value: "KID", about: "The key's name, as `list` and JWTs have it." };

/// The rows.
pub(super) const NOUN: Noun = Noun {
    name: "key",
    about: "What signs access tokens that are JWTs",
    verbs: &[
        Verb {
            verb: "list",
            about: "Show the signing keys, the oldest first. Each algorithm has one that signs; a retired one is published for as long \
                    as something that it signed may be shown",
            arguments: &[],
            says: Says::Table { columns: &["kid", "alg", "state", "created", "published_until"], none: "There are no signing keys." },
            run: |admin, _| Box::pin(list(admin)),
        },
        Verb {
            verb: "rotate",
            about: "Have a new key sign from now on. What the old one signed stays good until it expires",
            arguments: &[Argument { name: "alg", form: Form::Positional, value: "ALG", about: "EdDSA or ES256." }],
            says: Says::Words("Key {kid} signs with {alg} from now on."),
            run: |admin, arguments| Box::pin(rotate(admin, arguments)),
        },
        Verb {
            verb: "retire",
            about: "Have a key sign nothing any more; a new one takes its place. What it signed stays good until it expires",
            arguments: &[KID],
            says: Says::Words("Key {kid} is {state} and signs nothing. It is published until: {published_until}."),
            run: |admin, arguments| Box::pin(retire(admin, arguments)),
        },
        Verb {
            verb: "revoke",
            about: "Take a key back, and with it everything that it signed; a new one takes its place. \
                    Answers that are on their way are cut off. It cannot be undone",
            arguments: &[KID],
            says: Says::TakenBack("Key {kid} is {state}. Nothing that it signed opens anything now."),
            run: |admin, arguments| Box::pin(revoke(admin, arguments)),
        },
    ],
};

/// A key, as answers have it.
#[derive(Serialize)]
struct Shown {
    kid: KeyId,
    alg: Algorithm,
    state: &'static str,
    created: Timestamp,
    published_until: Option<Timestamp>,
}

impl Shown {
    fn of(key: &SigningKey) -> Self {
        let (state, published_until) = match &key.state {
            KeyState::Signing { .. } => ("signing", None),
            KeyState::Retired { published_until, .. } => ("retired", Some(to_the_second(*published_until))),
            KeyState::Revoked { .. } => ("revoked", None),
        };
        Self { kid: key.id, alg: key.algorithm, state, created: to_the_second(key.created), published_until }
    }
}

impl From<KeysError> for AdminError {
    fn from(error: KeysError) -> Self {
        let code = match &error {
            KeysError::Refused(KeyError::Unknown) => AdminCode::NotFound,
            KeysError::Refused(KeyError::NotMade) | KeysError::Unusable(_) | KeysError::Unavailable(_) | KeysError::Contended => {
                AdminCode::Unavailable
            }
        };
        Self::new(code, error.to_string())
    }
}

async fn list(admin: &Admin) -> Result<AdminAnswer, AdminError> {
    let keys = admin.engine.keys().await?;
    AdminAnswer::of(&keys.iter().map(Shown::of).collect::<Vec<_>>())
}

async fn rotate(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let named = arguments.text("alg")?;
    let algorithm = Algorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == named);
    let algorithm = algorithm.ok_or_else(|| AdminError::invalid("`alg` is EdDSA or ES256"))?;
    let keys = admin.engine.rotate_key(algorithm).await?;
    shown(keys.signing(algorithm))
}

async fn retire(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let kid = kid(&arguments)?;
    about(&admin.engine.retire_key(kid).await?, kid)
}

async fn revoke(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let kid = kid(&arguments)?;
    let (keys, receipt) = admin.engine.revoke_key(kid).await?;
    about(&keys, kid)?.with(receipt)
}

fn kid(arguments: &Arguments) -> Result<KeyId, AdminError> {
    KeyId::parse(arguments.text("kid")?).ok_or_else(|| AdminError::invalid("`kid` has 32 hexadecimal digits"))
}

fn about(keys: &SigningKeys, kid: KeyId) -> Result<AdminAnswer, AdminError> {
    shown(keys.get(kid))
}

fn shown(key: Option<&SigningKey>) -> Result<AdminAnswer, AdminError> {
    AdminAnswer::of(&Shown::of(key.ok_or(KeysError::Refused(KeyError::Unknown))?))
}
