//! A user's decision about what a browser brought, where the page for it makes no difference.

use gatepost::{
    dialects::{Authorizes, Question, Unanswered},
    engine::{Authorization, Decider, Decision},
    oauth::{
        grant::Requester,
        id::GrantId,
        refusal::{ErrorCode, Refusal},
        user::{User, UserName},
    },
};
use std::{net::Ipv4Addr, sync::Arc};
use url::Url;

use super::gateway::Gateway;

/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Reads what a browser brings to an authorization endpoint, a path with a query.
pub(crate) async fn read(gateway: &Gateway, target: &str) -> Result<Question, Unanswered> {
    endpoint(gateway, target).read(query(target), std::net::Ipv4Addr::LOCALHOST.into()).await
}

/// The user of this name decides; answers where the browser goes then.
pub(crate) async fn decide(gateway: &Gateway, target: &str, name: &str, decision: Decision) -> String {
    let endpoint = endpoint(gateway, target);
    let question = match endpoint.read(query(target), std::net::Ipv4Addr::LOCALHOST.into()).await {
        Ok(question) => question,
        Err(unanswered) => panic!("nobody is asked: {unanswered:?}"),
    };
    let user = user(gateway, name).await;
    let authorization = Authorization {
        style: endpoint.style(),
        client: &question.client,
        scopes: question.scopes.as_ref(),
        audience: question.audience.clone(),
        redirect: question.redirect.clone(),
        requester: Requester { app: None, device: None, platform: None, network: Ipv4Addr::LOCALHOST.into() },
        id: GrantId::from_random(rand::random()),
        asked: gateway.time.clock().now(),
    };
    let by = Decider { user: &user, session: None };
    let authorized = gateway.engine.authorize(&authorization, endpoint.code_prefix(), by, decision).await.unwrap();
    match authorized.code {
        Some(code) => endpoint.granted(&question, &code),
        None => endpoint.refused(&question, &Refusal::new(ErrorCode::AccessDenied, "The user said no.")),
    }
}

/// The first user says yes, and the browser takes this code to the app.
pub(crate) async fn code(gateway: &Gateway, target: &str) -> String {
    let location = decide(gateway, target, super::gateway::USER, Decision::Approve).await;
    code_of(&location).unwrap_or_else(|| panic!("no code in {location}"))
}

/// The code that a browser takes along.
pub(crate) fn code_of(location: &str) -> Option<String> {
    let url = Url::parse(location).unwrap();
    url.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned())
}

fn endpoint<'a>(gateway: &'a Gateway, target: &str) -> &'a Arc<dyn Authorizes> {
    let path = target.split('?').next().unwrap();
    let response_type = super::authorize::parameter(target, "response_type");
    let mut there = gateway.authorizes.iter().filter(|endpoint| endpoint.page().path == path);
    let first = there.clone().next().unwrap_or_else(|| panic!("nobody authorizes at {path}"));
    there.find(|endpoint| endpoint.takes(response_type.as_deref())).unwrap_or(first)
}

fn query(target: &str) -> Option<&str> {
    target.split_once('?').map(|(_, query)| query)
}

async fn user(gateway: &Gateway, name: &str) -> User {
    gateway.store.user_named(&UserName::parse(name).unwrap()).await.unwrap().unwrap().record
}
