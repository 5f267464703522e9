//! Everything that the pages answer: which path is a page, which one a form's action.

use crate::config::{Claim, Pages, Paths};

/// The path of the page where a code is entered, below the pages' prefix.
pub const DEVICE: &str = "/device";
pub(super) const HOME: &str = "/";
pub(super) const SIGN_IN: &str = "/sign-in";
pub(super) const SIGN_OUT: &str = "/sign-out";
pub(super) const DECISION: &str = "/device/decision";
pub(super) const APPLICATIONS: &str = "/applications";
pub(super) const REVOKE: &str = "/applications/revoke";
pub(super) const REVOKE_APP: &str = "/applications/revoke-all";
pub(super) const ACCOUNT: &str = "/account";
pub(super) const PASSWORD: &str = "/account/password";
pub(super) const TOKENS: &str = "/account/tokens";
pub(super) const REVOKE_TOKEN: &str = "/account/tokens/revoke";
pub(super) const APPS: &str = "/apps";
pub(super) const NEW_APP: &str = "/apps/new";
pub(super) const APP: &str = "/apps/app";
pub(super) const RESET_SECRET: &str = "/apps/reset-secret";
pub(super) const DELETE_APP: &str = "/apps/delete";
/// Stands for the page of a dialect whose users carry a code: where it is, the dialect says.
pub(super) const AUTHORIZE_APP: &str = "authorize-app";
/// Stands for the page of a dialect whose users let a device in to a tenant: where it is, the dialect
/// says.
pub(super) const LOGIN: &str = "login";
pub(super) const LANGUAGE: &str = "/language";
pub(super) const STYLE: &str = "/gatepost.css";
pub(super) const SCRIPT: &str = "/gatepost.js";
pub(super) const LOGO: &str = "/gatepost-logo";

/// What a path does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Serves {
    /// A page, to be looked at.
    Page,
    /// What a page consists of: style, script, logo.
    Part,
    /// A form's action, and the path of the page that the form is on: whoever opens the address
    /// anew is led there.
    Form(&'static str),
}

/// Everything that the pages answer: its name in logs, its path, what it does. A path may be a page
/// and a form's action.
pub const PAGES: [(&str, &str, Serves); 27] = [
    ("page.home", HOME, Serves::Page),
    ("page.sign_in", SIGN_IN, Serves::Page),
    ("page.sign_in.submit", SIGN_IN, Serves::Form(SIGN_IN)),
    ("page.sign_out", SIGN_OUT, Serves::Form(HOME)),
    ("page.device", DEVICE, Serves::Page),
    ("page.device.submit", DEVICE, Serves::Form(DEVICE)),
    ("page.decision", DECISION, Serves::Form(DEVICE)),
    ("page.applications", APPLICATIONS, Serves::Page),
    ("page.revoke", REVOKE, Serves::Form(APPLICATIONS)),
    ("page.revoke_app", REVOKE_APP, Serves::Form(APPLICATIONS)),
    ("page.account", ACCOUNT, Serves::Page),
    ("page.password", PASSWORD, Serves::Form(ACCOUNT)),
    ("page.token", TOKENS, Serves::Form(ACCOUNT)),
    ("page.revoke_token", REVOKE_TOKEN, Serves::Form(ACCOUNT)),
    ("page.apps", APPS, Serves::Page),
    ("page.new_app", NEW_APP, Serves::Page),
    ("page.new_app.submit", NEW_APP, Serves::Form(NEW_APP)),
    ("page.app", APP, Serves::Page),
    ("page.app.submit", APP, Serves::Form(APP)),
    ("page.reset_secret", RESET_SECRET, Serves::Page),
    ("page.reset_secret.submit", RESET_SECRET, Serves::Form(RESET_SECRET)),
    ("page.delete_app", DELETE_APP, Serves::Page),
    ("page.delete_app.submit", DELETE_APP, Serves::Form(DELETE_APP)),
    ("page.language", LANGUAGE, Serves::Page),
    ("page.style", STYLE, Serves::Part),
    ("page.script", SCRIPT, Serves::Part),
    ("page.logo", LOGO, Serves::Part),
];
/// Whatever else is below the pages' prefix.
pub(super) const BELOW: &str = "/{*rest}";
pub(super) const NOT_FOUND: &str = "page.not_found";
/// For whoever asks with another method.
pub(super) const NOT_ALLOWED: &str = "page.not_allowed";
/// For whoever opens a form's action.
pub(super) const REOPENED: &str = "page.reopened";

/// The paths that the pages claim: whole, so that nobody else answers a part of them.
pub fn claims(pages: &Pages) -> Vec<Claim> {
    let paths = paths().map(|path| Paths::Exact(format!("{}{path}", pages.prefix)));
    // Below a prefix of their own there is nobody else.
    let rest = (!pages.prefix.is_empty()).then(|| Paths::Prefix(pages.prefix.clone()));
    let claim = |paths| Claim { owner: "the pages".into(), host: None, paths, methods: Vec::new(), only: None };
    paths.chain(rest).map(claim).collect()
}

/// Each path once.
pub(super) fn paths() -> impl Iterator<Item = &'static str> {
    let mut paths: Vec<&str> = PAGES.into_iter().map(|(_, path, _)| path).collect();
    paths.dedup();
    paths.into_iter()
}

/// The page that a form's action belongs to.
pub(super) fn page_of(path: &str) -> &'static str {
    let form = PAGES.into_iter().find_map(|(_, other, serves)| match serves {
        Serves::Form(page) if other == path => Some(page),
        _ => None,
    });
    form.unwrap_or(HOME)
}

/// The methods of a path, as `Allow` has them.
pub(super) fn allowed(path: &str) -> &'static str {
    let takes_form = matches!(path, AUTHORIZE_APP | LOGIN)
        || PAGES.into_iter().any(|(_, other, serves)| other == path && matches!(serves, Serves::Form(_)));
    // Whoever opens a form's action is led to its page.
    if takes_form { "GET, HEAD, POST" } else { "GET, HEAD" }
}
