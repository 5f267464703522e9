//! Which token opens what.

use std::sync::Arc;

use http::{Request, StatusCode};
use jiff::Timestamp;

use super::*;
use crate::{
    clock::Manual,
    config::{self, Claim, Paths, RouteAuth},
    message::{Endpoint, Need, endpoint, refused, reply},
    oauth::{
        audience::Audience,
        id::{ClientId, GrantId, UserId},
        scope::Scopes,
        subject::{PERSONAL, Person},
        tenant::{Slug, TenantId},
        user::UserName,
    },
    proxy::{reject::Details, route::Routes},
    verify::OpenStreams,
};

const HERE: &str = "https://ai.example.com";

/// `/v1` and a tenant's own, for which a token with `inference` is needed, and `/me`, for which one
/// of a dialect.
fn routes() -> Routes {
    let route = |prefix: &str| {
        let claim = Claim { owner: String::new(), host: None, paths: Paths::Prefix(prefix.into()), methods: Vec::new(), only: None };
        let auth = RouteAuth::Bearer(Scopes::parse("inference").unwrap());
        config::Route::to(0, claim, auth)
    };
    let me = Endpoint {
        name: "me",
        host: None,
        path: "/me".into(),
        methods: vec![http::Method::GET],
        need: Need::Bearer("standard"),
        shape: refused::openai,
        cors: true,
        handler: endpoint::handler(|_| async { reply::empty(StatusCode::OK) }),
    };
    let routes = [route("/v1"), route("/of/{tenant}")];
    Routes::new(vec![me], &routes, &Manual::starting_at(Timestamp::UNIX_EPOCH).clock()).unwrap()
}

/// Whether a token with this audience and these scopes opens a path, and if not, the refusal.
fn opens(audience: &[&str], scopes: &str, path: &str) -> Result<(), Rejection> {
    let grant = GrantId::from_random([7; 16]);
    let subject = Subject {
        grant,
        number: 1,
        dialect: "standard".into(),
        user: None,
        client: ClientId::new("app"),
        scopes: Scopes::parse(scopes).unwrap(),
        audience: audience.iter().map(|path| format!("{HERE}{path}")).collect(),
        tenant: None,
    };
    let caller = Caller::Known(Arc::new(subject), OpenStreams::default().enter(grant, 1, None));
    let routes = routes();
    let request = Request::get(path).body(()).unwrap();
    let here = PublicUrl::new(HERE.parse().unwrap()).unwrap();
    authorize(routes.find(&request).unwrap().route, caller, &here, &Tenants::default(), path).map(drop)
}

#[test]
fn a_token_opens_what_it_is_meant_for() {
    for audience in [&[][..], &[""], &["/v1"], &["/v1/chat"], &["/elsewhere", "/v1/chat"]] {
        opens(audience, "inference", "/v1/chat/completions").unwrap();
    }
}

#[test]
fn a_token_that_is_meant_for_something_else_is_invalid_whatever_its_scopes() {
    for (audience, scopes) in [("/v2", "inference"), ("/v1/images", "inference"), ("/v1/chat/completion", "inference"), ("/v2", "images")] {
        let refused = opens(&[audience], scopes, "/v1/chat/completions").unwrap_err();
        let Details { status, code, reason, challenge, .. } = &*refused;
        assert_eq!((*status, *code, *reason), (StatusCode::UNAUTHORIZED, "invalid_token", "audience"), "{audience}");
        let told = "Bearer realm=\"https://ai.example.com\", scope=\"inference\", error=\"invalid_token\"";
        assert_eq!(challenge.as_ref().unwrap(), told);
    }
    assert_eq!(opens(&["/v1"], "images", "/v1/x").unwrap_err().status, StatusCode::FORBIDDEN);
}

/// The status with which a token of ada's, for this tenant alone if for any, is answered, and which
/// tenant it is then.
fn at_tenants(tenants: &Tenants, of: Option<&str>, scopes: &str, path: &str) -> (u16, Option<String>) {
    let grant = GrantId::from_random([7; 16]);
    let ada = UserName::parse("ada").unwrap();
    let subject = Subject {
        grant,
        number: 1,
        dialect: "standard".into(),
        user: Some(Person { id: UserId::from_random([2; 16]), name: ada, email: None, avatar: None }),
        client: ClientId::new("app"),
        scopes: Scopes::parse(scopes).unwrap(),
        audience: Audience::default(),
        tenant: of.map(str::to_owned),
    };
    let caller = Caller::Known(Arc::new(subject), OpenStreams::default().enter(grant, 1, None));
    let (routes, here) = (routes(), PublicUrl::new(HERE.parse().unwrap()).unwrap());
    let request = Request::get(path).body(()).unwrap();
    match authorize(routes.find(&request).unwrap().route, caller, &here, tenants, path) {
        Ok(permit) => (200, permit.tenant().map(|tenant| tenant.slug.as_str().to_owned())),
        Err(rejection) => (rejection.status.as_u16(), None),
    }
}

#[test]
fn what_is_a_tenants_own_is_there_for_its_own_alone() {
    let tenant = |slug: &str, members: &[&str]| {
        let slug = Slug::parse(slug).unwrap();
        let members = members.iter().map(|name| UserName::parse(name).unwrap()).collect();
        Tenant { id: TenantId::from(&slug), name: String::new(), slug, members: Some(members) }
    };
    let tenants = Tenants::new(vec![tenant("home", &["ada"]), tenant("work", &["ada", "bob"]), tenant("else", &["bob"])]).unwrap();
    let id = TenantId::from(&Slug::parse("home").unwrap());
    for (of, scopes, path, status, named) in [
        (None, "inference", "/of/home/x".to_owned(), 200, Some("home")),
        (None, "inference", "/of/work".to_owned(), 200, Some("work")),
        (None, "inference", format!("/of/{id}/x"), 200, Some("home")),
        (Some("home"), "inference", "/of/home/x".to_owned(), 200, Some("home")),
        (Some("home"), "inference", format!("/of/{id}"), 200, Some("home")),
        (Some("home"), "inference", "/of/work/x".to_owned(), 404, None),
        (Some("gone"), "inference", "/of/home/x".to_owned(), 404, None),
        (Some("else"), "inference", "/of/else/x".to_owned(), 404, None),
        (None, "inference", "/of/else/x".to_owned(), 404, None),
        (None, "inference", "/of/nothing/x".to_owned(), 404, None),
        (None, "inference", "/of/home;x/x".to_owned(), 404, None),
        // Whether it is there is not told for want of scope, either.
        (None, "images", "/of/else/x".to_owned(), 404, None),
        (None, "images", "/of/nothing/x".to_owned(), 404, None),
        (None, "images", "/of/home/x".to_owned(), 403, None),
        (None, "inference", "/v1/x".to_owned(), 200, None),
        (Some("home"), "inference", "/v1/x".to_owned(), 200, Some("home")),
        // Nobody comes in the name of a tenant that he has left, wherever he goes.
        (Some("else"), "inference", "/v1/x".to_owned(), 401, None),
        (Some("gone"), "inference", "/v1/x".to_owned(), 401, None),
    ] {
        let opened = at_tenants(&tenants, of, scopes, &path);
        assert_eq!((opened.0, opened.1.as_deref()), (status, named), "{of:?} {scopes} {path}");
    }
    assert_eq!(at_tenants(&Tenants::default(), None, "inference", "/of/anything/x"), (200, None));
}

#[test]
fn the_issuers_own_endpoints_take_a_token_whatever_it_is_meant_for() {
    opens(&["/v1"], "", "/me").unwrap();
}

#[test]
fn a_token_opens_what_is_for_its_kind_and_its_scopes() {
    let scopes = |text: &str| Scopes::parse(text).unwrap();
    let subject = |dialect: &str, may: &str| Subject {
        grant: GrantId::from_random([1; 16]),
        number: 1,
        dialect: dialect.to_owned(),
        user: None,
        client: ClientId::new("app"),
        scopes: scopes(may),
        audience: Audience::default(),
        tenant: None,
    };
    for (access, dialect, may, opens) in [
        (Access::Scopes(scopes("a b")), "one", "a b c", true),
        (Access::Scopes(scopes("a b")), "one", "a", false),
        (Access::Scopes(scopes("a")), PERSONAL, "a", true),
        (Access::Dialect("one", Some(&["a"])), "one", "a b", true),
        (Access::Dialect("one", Some(&["a"])), "one", "b", false),
        (Access::Dialect("one", Some(&["a"])), "two", "a", false),
        (Access::Dialect("one", Some(&["a", "all"])), "one", "all", true),
        (Access::Dialect("one", Some(&["a", "all"])), "one", "b al", false),
        (Access::Dialect("one", Some(&["a", "all"])), "two", "all", false),
        (Access::Dialect("one", None), "one", "", true),
        // A list with nothing in it is no list that was forgotten.
        (Access::Dialect("one", Some(&[])), "one", "a", false),
        (Access::Dialect("one", None), "two", "", false),
        (Access::Personal(scopes("a")), PERSONAL, "a", true),
        (Access::Personal(scopes("a")), PERSONAL, "b", false),
        (Access::Personal(scopes("a")), "one", "a", false),
    ] {
        assert_eq!(admits(&access, &subject(dialect, may)), opens, "{access:?} {dialect} {may}");
    }
}
