//! Authorize an app that sent the browser here (RFC 6749 section 4.1): see who asks for what and
//! where the answer goes, decide, and go back to the app with the answer.
//!
//! 1. The app sends the browser to the page of its dialect. What it asks for stands in the query, and
//!    the dialect reads it: what cannot be put to a person is told here, or to the app.
//! 2. Whoever is not signed in does that first, and comes back to the same query. Nobody else is sent
//!    on to an app, not even with an error: a link to here would lead wherever an app likes (RFC 9700
//!    section 4.11.2).
//! 3. The question names the grant that a yes would make. The form counts in the session that saw
//!    it, for this grant, this query, what was shown, and for ten minutes.
//! 4. The decision reads the query anew, and takes the browser to the app. If the app has changed
//!    meanwhile, so that the question would be another one, there is no decision.

use std::{net::IpAddr, sync::Arc};

use http::{StatusCode, header::CONTENT_SECURITY_POLICY, request::Parts};
use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    Answer, Desk, House, Problem, browser,
    consent::{self, Consent},
    csrf::{self, Purpose},
    layout,
    next::Next,
};
use crate::{
    dialects::{Authorizes, Question, Unanswered},
    engine::{Authorization, Decision, Error, QUESTION_LIFE, SignedIn},
    message::{BadInput, Call, Fields, Takes, reply},
    oauth::{
        grant::{Requester, after},
        id::GrantId,
        refusal::{ErrorCode, Refusal},
        scope::Scopes,
    },
};

const RESPONSE_TYPE: &str = "response_type";
const TOO_LONG: Refusal = Refusal::new(ErrorCode::InvalidRequest, "The address is too long.");
const DENIED: Refusal = Refusal::new(ErrorCode::AccessDenied, "The user denied the request.");

/// The authorization page of a dialect, if it has one.
pub(super) fn page_of<'a>(house: &'a House, dialect: &str) -> Option<&'a Arc<dyn Authorizes>> {
    house.offered.authorizes.iter().find(|page| page.style().dialect == dialect)
}

/// The one among those that share this dialect's page that a query is for.
pub(super) fn meant_by<'a>(house: &'a House, dialect: &'a str, query: Option<&str>) -> &'a str {
    let Some(first) = page_of(house, dialect) else { return dialect };
    let (fields, _) = Fields::from_query_in_part(query);
    // One that cannot be read is none.
    let response_type = fields.text(RESPONSE_TYPE).ok().flatten();
    let mut there = house.offered.authorizes.iter().filter(|page| page.page() == first.page());
    there.find(|page| page.takes(response_type)).map_or(dialect, |page| page.style().dialect)
}

/// Sends a browser on that came to the entrance of a page: with its query as it is, but that an absent
/// `response_type` is said.
pub(super) fn enter(desk: &Desk, head: &Parts) -> Answer {
    let (page, _) = here(desk)?;
    let only = page.entrance().ok_or(Problem::NotFound)?.response_type;
    let query = head.uri.query().unwrap_or_default();
    let fields = Fields::from_query(Some(query)).map_err(|bad| Problem::Unaskable(bad.into()))?;
    let query = match fields.text(RESPONSE_TYPE).map_err(|bad| Problem::Unaskable(bad.into()))? {
        Some(response_type) if response_type == only => query.to_owned(),
        Some(_) => {
            let description = format!("The response_type is not one that is spoken here: {only}.").into();
            return Err(Problem::Unaskable(Refusal { code: ErrorCode::UnsupportedResponseType, description }));
        }
        None => {
            // An empty one is none, and two would be one too many.
            let is_empty = |part: &str| form_urlencoded::parse(part.as_bytes()).any(|(name, _)| name == RESPONSE_TYPE);
            let said = format!("{RESPONSE_TYPE}={only}");
            let parts = if query.is_empty() { Vec::new() } else { query.split('&').filter(|part| !is_empty(part)).collect() };
            parts.into_iter().chain([said.as_str()]).collect::<Vec<_>>().join("&")
        }
    };
    Ok(reply::see_other(&format!("{}?{query}", page.page().path)))
}

/// The question.
pub(super) async fn show(desk: &Desk, head: &Parts, network: IpAddr) -> Answer {
    let (page, query) = here(desk)?;
    let question = match page.read(Some(query), network).await {
        Ok(question) => question,
        // An address that a stranger registered is not one to which the gateway leads just anybody.
        Err(Unanswered::There { trusted: false, .. }) if browser::signed_in(desk, &head.headers).await?.is_none() => {
            return Ok(desk.here.sign_in_first(desk));
        }
        Err(unanswered) => return told(unanswered),
    };
    let Some(who) = browser::signed_in(desk, &head.headers).await? else {
        return Ok(desk.here.sign_in_first(desk));
    };
    let shown = Shown::of(desk, &question, &who)?;
    if consent::asks_again_for(desk, page.style().dialect, &shown.scopes, &who) {
        return Ok(desk.here.sign_in_again(desk));
    }
    let card = card(desk, &who, page.as_ref(), query, &shown, network).await?;
    let page = layout::page(desk, &desk.words().consent.title, Some(&who), &card);
    let mut answer = reply::html(StatusCode::OK, page);
    // Where the form's answer leads on to, browsers want to be told here.
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, layout::policy_towards(&question.redirect.uri));
    Ok(reply::noted(answer, None, "shown"))
}

/// The decision. Only the session that saw the question can send it.
pub(super) async fn decide(desk: &Desk, call: Call) -> Answer {
    let (page, query) = here(desk)?;
    let Some(who) = browser::signed_in(desk, &call.head.headers).await? else {
        return Ok(desk.here.sign_in_first(desk));
    };
    let fields = Fields::read(&call.head.headers, call.body, Takes::Form).await?;
    let grant = fields.text("grant")?.and_then(GrantId::parse).ok_or(Problem::Forged)?;
    let asked = fields.text("asked")?.unwrap_or_default();
    let question = match page.read(Some(query), call.peer.ip).await {
        Ok(question) => question,
        Err(unanswered) => return told(unanswered),
    };
    let shown = Shown::of(desk, &question, &who)?;
    csrf::check(desk, Purpose::Authorize(who.session, grant, [page.style().dialect, asked, query, &shown.text()]), &fields)?;
    if consent::asks_again_for(desk, page.style().dialect, &shown.scopes, &who) {
        return Ok(desk.here.sign_in_again(desk));
    }
    let asked = asked.parse().map_err(|_no_moment: jiff::Error| Problem::Forged)?;
    let decision = match fields.text("decision")? {
        Some("approve") => Decision::Approve,
        Some("deny") => Decision::Deny,
        _ => return Err(BadInput::Malformed("There is no decision in the form.".into()).into()),
    };
    let authorization = Authorization {
        style: page.style(),
        client: &question.client,
        // As it was shown, also where the app may ask for more by now.
        scopes: Some(&shown.requested),
        audience: question.audience.clone(),
        redirect: question.redirect.clone(),
        requester: Requester { app: None, device: None, platform: None, network: call.peer.ip },
        id: grant,
        asked,
    };
    let decided = desk.engine.authorize(&authorization, page.code_prefix(), who.decider(), decision).await.map_err(refused)?;
    let (location, outcome) = match (decision, decided.code) {
        (Decision::Approve, Some(code)) => (page.granted(&question, &code), "approved"),
        (Decision::Approve, None) => return Err(Error::Contended.into()),
        (Decision::Deny, _) => (page.refused(&question, &DENIED), "denied"),
    };
    Ok(reply::noted(reply::see_other(&location), Some(grant), outcome))
}

/// The page that the browser is on, and the query that it came with.
fn here(desk: &Desk) -> Result<(&Arc<dyn Authorizes>, &str), Problem> {
    let Next::Authorize { dialect, query } = &desk.here else { return Err(Problem::Unaskable(TOO_LONG)) };
    Ok((page_of(desk, dialect).ok_or(Problem::NotFound)?, query))
}

/// What comes of a query in which there is nothing to ask.
fn told(unanswered: Unanswered) -> Answer {
    match unanswered {
        Unanswered::Here(refusal) => Err(Problem::Unaskable(refusal)),
        Unanswered::There { location, .. } => Ok(reply::noted(reply::see_other(&location), None, "refused")),
        Unanswered::Engine(error) => Err(error.into()),
    }
}

/// What is over, or more than the user has, the user is told of; the rest is the app's mistake.
fn refused(error: Error) -> Problem {
    match error {
        Error::Refused(refusal) if !matches!(refusal.code, ErrorCode::InvalidGrant | ErrorCode::AccessDenied) => {
            Problem::Unaskable(refusal)
        }
        error => error.into(),
    }
}

/// What a question says of what an app gets, and where.
struct Shown<'a> {
    question: &'a Question,
    /// What the app asks for, of what it may ask for.
    requested: Scopes,
    /// As much of it as the user can give.
    scopes: Scopes,
}

impl<'a> Shown<'a> {
    fn of(desk: &Desk, question: &'a Question, who: &SignedIn) -> Result<Self, Problem> {
        let requested = desk.engine.requestable(&question.client, question.scopes.as_ref()).map_err(Problem::Unaskable)?;
        let scopes = requested.narrowed_to(&who.user.scopes);
        Ok(Self { question, requested, scopes })
    }

    /// All of it that does not follow from the query: none of these holds a line feed.
    fn text(&self) -> String {
        let Question { client, redirect, .. } = self.question;
        format!("{}\n{}\n{}\n{}", client.name, redirect.uri, self.requested, self.scopes)
    }
}

async fn card(
    desk: &Desk,
    who: &SignedIn,
    page: &dyn Authorizes,
    query: &str,
    shown: &Shown<'_>,
    network: IpAddr,
) -> Result<Markup, Problem> {
    let question = shown.question;
    let client = &question.client;
    let owner = match client.owner {
        Some(owner) => desk.engine.user_name(owner).await?,
        None => None,
    };
    let words = &desk.words().consent;
    let (grant, asked) = (GrantId::from_random(rand::random()), desk.clock.now());
    let moment = asked.to_string();
    let facts = html! {
        @if let Some(owner) = owner { dt { (words.owner) } dd { (owner) } }
        (consent::destination(desk, &question.redirect.uri))
        (consent::resources(desk, &question.audience))
        dt { (words.network) } dd { (network) }
        (times(desk, asked))
    };
    let consent = Consent {
        app: &html! { bdi { (client.name) } },
        verified: client.verified,
        scopes: &shown.scopes,
        narrowed: !shown.scopes.cover(&shown.requested),
        login: None,
        facts: &facts,
        action: &desk.here.path(desk),
        purpose: Purpose::Authorize(who.session, grant, [page.style().dialect, &moment, query, &shown.text()]),
        hidden: &[("grant", &grant.to_string()), ("asked", &moment)],
    };
    Ok(consent::card(desk, who, &consent))
}

fn times(desk: &Desk, asked: Timestamp) -> Markup {
    let words = &desk.words().consent;
    html! {
        dt { (words.sent) } dd { (consent::past(desk, asked)) }
        dt { (words.expires) } dd { (consent::deadline(desk, after(asked, QUESTION_LIFE))) }
    }
}
