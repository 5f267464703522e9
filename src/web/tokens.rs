//! Personal tokens, on the account's page: what there is, a new one, and the button that takes one
//! back. A new token is shown in the answer to the form that made it, and nowhere else.

use std::time::Duration;

use http::StatusCode;
use maud::{Markup, Render, html};
use secrecy::{ExposeSecret, SecretString};

use super::{
    ACCOUNT, Answer, Desk, Problem, REVOKE_TOKEN, TOKENS, account, browser, consent,
    csrf::{self, Purpose},
    layout,
    next::Next,
};
use crate::{
    engine::{CreateToken, CreateTokenError, Engine, MAX_PERSONAL_TOKENS, PersonalToken, SignedIn},
    message::{BadInput, Call, Fields, Takes, reply},
    oauth::{
        claim::Claim,
        id::GrantId,
        scope::{self, Scopes},
    },
};

/// How many days a token may live, and the one that is chosen unless another is.
const LIVES: [u64; 4] = [7, 30, 90, 365];
const USUAL: u64 = 30;

/// What was asked for and what is wrong with it.
pub(super) struct Draft {
    name: String,
    chosen: Scopes,
    days: u64,
    flaw: Option<Flaw>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flaw {
    NoName,
    NoScope,
    TooMany,
}

impl Draft {
    /// An empty form.
    pub(super) fn new() -> Self {
        Self { name: String::new(), chosen: Scopes::default(), days: USUAL, flaw: None }
    }

    fn read(fields: &Fields, offered: &Scopes) -> Result<Self, Problem> {
        let mut chosen = Vec::new();
        for scope in offered.iter() {
            if fields.text(&field_of(scope))?.is_some() {
                chosen.push(scope.to_owned());
            }
        }
        let days = fields.required("days")?;
        let days = LIVES.into_iter().find(|life| life.to_string() == days);
        let days = days.ok_or_else(|| BadInput::Malformed("There is no such life.".into()))?;
        Ok(Self { name: fields.text("name")?.unwrap_or_default().to_owned(), chosen: chosen.into_iter().collect(), days, flaw: None })
    }
}

/// The field of a scope's box.
fn field_of(scope: &str) -> String {
    format!("scope.{scope}")
}

/// Makes a token and shows it, this once.
pub(super) async fn create(desk: &Desk, call: Call) -> Answer {
    let Some(who) = browser::signed_in(desk, &call.head.headers).await? else {
        return Ok(Next::Account.sign_in_first(desk));
    };
    let fields = Fields::read(&call.head.headers, call.body, Takes::Form).await?;
    csrf::check(desk, Purpose::CreateToken(who.session), &fields)?;
    let mut draft = Draft::read(&fields, &Engine::offered(&who.user))?;
    let flaw = match Claim::cleaned(&draft.name) {
        None => Flaw::NoName,
        Some(_) if draft.chosen.is_empty() => Flaw::NoScope,
        Some(name) => {
            let life = Duration::from_secs(draft.days * 24 * 60 * 60);
            let create = CreateToken { name: name.clone(), scopes: draft.chosen.clone(), life, network: call.peer.ip };
            match desk.engine.create_token(&who.user, create).await {
                Ok((grant, token)) => {
                    let page = layout::page(desk, &desk.words().tokens.created_title, Some(&who), &created(desk, &name, &token));
                    return Ok(reply::noted(reply::html(StatusCode::OK, page), Some(grant), "token_created"));
                }
                Err(CreateTokenError::TooMany) => Flaw::TooMany,
                Err(CreateTokenError::Other(error)) => return Err(error.into()),
            }
        }
    };
    draft.flaw = Some(flaw);
    let tokens = desk.engine.personal_tokens(&who.user).await?;
    Ok(reply::noted(reply::html(StatusCode::BAD_REQUEST, account::with_draft(desk, &who, &tokens, &draft)), None, "no_token"))
}

/// Takes a token back. From the answer on nothing opens with it.
pub(super) async fn revoke(desk: &Desk, call: Call) -> Answer {
    let Some(who) = browser::signed_in(desk, &call.head.headers).await? else {
        return Ok(Next::Account.sign_in_first(desk));
    };
    let fields = Fields::read(&call.head.headers, call.body, Takes::Form).await?;
    let grant = fields.text("grant")?.and_then(GrantId::parse).ok_or(Problem::Forged)?;
    csrf::check(desk, Purpose::RevokeToken(who.session, grant), &fields)?;
    let user = who.user.id;
    desk.engine
        .insist(format!("the grant {grant} of user {user}"), move |engine| async move { engine.revoke_own(grant, user).await })
        .await?;
    Ok(reply::noted(reply::see_other(&desk.path(ACCOUNT)), Some(grant), "token_revoked"))
}

fn created(desk: &Desk, name: &Claim, token: &SecretString) -> Markup {
    let words = &desk.words().tokens;
    let name = html! { b { bdi { (name) } } };
    html! {
        section class="card" {
            h1 id="created" { (words.created_title) }
            p class="lead" { (words.created.fill(&[("name", &name)])) }
            p { code class="token" id="token" tabindex="0" aria-labelledby="created" { (token.expose_secret()) } }
            p class="actions" {
                button type="button" data-copy="token" data-says="said" data-copied=(words.copied) data-by-hand=(words.copy_by_hand) hidden {
                    (words.copy)
                }
                a class="button" href=(desk.path(ACCOUNT)) { (words.done) }
                span id="said" role="status" {}
            }
        }
    }
}

/// The tokens that there are, and the form for a new one.
pub(super) fn sections(desk: &Desk, who: &SignedIn, tokens: &[PersonalToken], draft: &Draft) -> Markup {
    let words = &desk.words().tokens;
    html! {
        section class="card" aria-labelledby="tokens-title" {
            h2 id="tokens-title" { (words.title) }
            p class="lead" { (words.lead.fill(&[("place", &desk.pages.name)])) }
            @if tokens.is_empty() {
                p { (words.none) }
            } @else {
                ul class="rows" {
                    @for token in tokens { li { (row(desk, who, token)) } }
                }
            }
        }
        section class="card" aria-labelledby="create-title" {
            h2 id="create-title" { (words.create_title) }
            (form(desk, who, draft))
        }
    }
}

fn row(desk: &Desk, who: &SignedIn, token: &PersonalToken) -> Markup {
    let (words, list) = (&desk.words().tokens, &desk.words().applications);
    let time = &desk.words().time;
    let name = token.name.as_ref().map_or("", Claim::as_str);
    html! {
        h3 { bdi { (name) } }
        dl class="facts" {
            dt { (list.access) } dd { (consent::scope_list(desk, &token.scopes)) }
            dt { (words.made) } dd { (consent::past(desk, token.created)) }
            (consent::last_used(desk, token.last_used))
            dt { (words.expires) }
            dd { time datetime=(token.expires) title=(time.moment(token.expires)) { (time.day(token.expires)) } }
        }
        form method="post" action=(desk.path(REVOKE_TOKEN)) {
            (csrf::field(desk, Purpose::RevokeToken(who.session, token.grant)))
            input type="hidden" name="grant" value=(token.grant);
            button class="danger" aria-label=(words.revoke_named.fill(&[("name", &name)])) { (list.revoke) }
        }
    }
}

fn form(desk: &Desk, who: &SignedIn, draft: &Draft) -> Markup {
    let words = &desk.words().tokens;
    let error = draft.flaw.map(|flaw| match flaw {
        Flaw::NoName => words.name_missing.render(),
        Flaw::NoScope => words.scopes_missing.render(),
        Flaw::TooMany => words.too_many.fill(&[("most", &MAX_PERSONAL_TOKENS)]),
    });
    let (no_name, no_scope) = (draft.flaw == Some(Flaw::NoName), draft.flaw == Some(Flaw::NoScope));
    html! {
        @if let Some(error) = error { p class="error" id="token-error" role="alert" { (error) } }
        form method="post" action=(desk.path(TOKENS)) {
            (csrf::field(desk, Purpose::CreateToken(who.session)))
            label for="token-name" { (words.name) }
            p class="note" id="token-name-note" { (words.name_note) }
            input id="token-name" name="name" value=(draft.name) maxlength="80" autocomplete="off" required
                aria-describedby=(if no_name { "token-error token-name-note" } else { "token-name-note" })
                aria-invalid=[no_name.then_some("true")] autofocus[no_name || draft.flaw == Some(Flaw::TooMany)];
            fieldset aria-describedby=[no_scope.then_some("token-error")] {
                legend { (words.scopes) }
                // What the user holds, then what the gateway adds.
                @for (nth, scope) in who.user.scopes.iter().chain(scope::OWN).enumerate() {
                    @let field = field_of(scope);
                    label class="choice" {
                        input type="checkbox" name=(field) value="on" checked[draft.chosen.iter().any(|chosen| chosen == scope)]
                            autofocus[no_scope && nth == 0];
                        span { (consent::scope_words(desk, scope)) }
                    }
                }
            }
            label for="days" { (words.expiry) }
            select id="days" name="days" {
                @for days in LIVES {
                    option value=(days) selected[days == draft.days] { (desk.words().time.days.of(days)) }
                }
            }
            button class="submit" { (words.create) }
        }
    }
}
