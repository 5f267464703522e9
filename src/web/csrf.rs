//! Proof that a form was made here, for this browser, for this purpose.

use data_encoding::HEXLOWER;
use maud::{Markup, html};

use super::{Desk, Problem};
use crate::{
    message::Fields,
    oauth::id::{GrantId, SessionId},
};

/// What a form is for. A token for one purpose is none for another.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// Signing in, from this visit.
    SignIn(&'a str),
    /// Signing out.
    SignOut(SessionId),
    /// Entering a code.
    EnterCode(SessionId),
    /// Deciding about this grant, by the session that saw it.
    Decide(SessionId, GrantId),
    /// Deciding about what a browser brought: which grant a yes makes, the dialect, when it was asked,
    /// the query that says what for, and what was shown of it.
    Authorize(SessionId, GrantId, [&'a str; 4]),
    /// Taking this grant back.
    Revoke(SessionId, GrantId),
    /// Taking all back that this app has: its dialect, its client and its name.
    RevokeApp(SessionId, [&'a str; 3]),
    /// Changing the password.
    ChangePassword(SessionId),
    /// Making a personal token.
    CreateToken(SessionId),
    /// Taking this personal token back.
    RevokeToken(SessionId, GrantId),
    /// Making an app of this dialect.
    CreateApp(SessionId, &'a str),
    /// Changing this app: its dialect, its client.
    ChangeApp(SessionId, [&'a str; 2]),
    /// Giving this app another secret.
    ResetSecret(SessionId, [&'a str; 2]),
    /// Deleting this app.
    DeleteApp(SessionId, [&'a str; 2]),
}

/// The form's field.
pub(super) const FIELD: &str = "form";

/// The field's value.
pub(super) fn token(desk: &Desk, purpose: Purpose<'_>) -> String {
    HEXLOWER.encode(&desk.engine.keyring().form_token(&parts(&purpose)))
}

/// The field itself.
pub(super) fn field(desk: &Desk, purpose: Purpose<'_>) -> Markup {
    html! { input type="hidden" name=(FIELD) value=(token(desk, purpose)); }
}

/// Checks the field.
///
/// # Errors
/// [`Problem::Forged`].
pub(super) fn check(desk: &Desk, purpose: Purpose<'_>, fields: &Fields) -> Result<(), Problem> {
    let token = fields.text(FIELD)?.and_then(|text| HEXLOWER.decode(text.as_bytes()).ok());
    let genuine = token.is_some_and(|token| desk.engine.keyring().is_form_token(&token, &parts(&purpose)));
    if genuine { Ok(()) } else { Err(Problem::Forged) }
}

fn parts<'a>(purpose: &'a Purpose<'_>) -> Vec<&'a [u8]> {
    match purpose {
        Purpose::SignIn(visit) => vec![b"sign in", visit.as_bytes()],
        Purpose::SignOut(session) => vec![b"sign out", session.as_bytes()],
        Purpose::EnterCode(session) => vec![b"enter code", session.as_bytes()],
        Purpose::Decide(session, grant) => vec![b"decide", session.as_bytes(), grant.as_bytes()],
        Purpose::Authorize(session, grant, question) => {
            let [dialect, asked, query, shown] = question.map(str::as_bytes);
            vec![b"authorize", session.as_bytes(), grant.as_bytes(), dialect, asked, query, shown]
        }
        Purpose::Revoke(session, grant) => vec![b"revoke", session.as_bytes(), grant.as_bytes()],
        Purpose::RevokeApp(session, app) => {
            let [dialect, client, name] = app.map(str::as_bytes);
            vec![b"revoke app", session.as_bytes(), dialect, client, name]
        }
        Purpose::ChangePassword(session) => vec![b"change password", session.as_bytes()],
        Purpose::CreateToken(session) => vec![b"create token", session.as_bytes()],
        Purpose::RevokeToken(session, grant) => vec![b"revoke token", session.as_bytes(), grant.as_bytes()],
        Purpose::CreateApp(session, dialect) => vec![b"create app", session.as_bytes(), dialect.as_bytes()],
        Purpose::ChangeApp(session, app) => of_app(b"change app", session, app),
        Purpose::ResetSecret(session, app) => of_app(b"reset secret", session, app),
        Purpose::DeleteApp(session, app) => of_app(b"delete app", session, app),
    }
}

fn of_app<'a>(purpose: &'static [u8], session: &'a SessionId, [dialect, client]: &[&'a str; 2]) -> Vec<&'a [u8]> {
    vec![purpose, session.as_bytes(), dialect.as_bytes(), client.as_bytes()]
}
