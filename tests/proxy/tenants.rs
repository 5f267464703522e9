//! What is a tenant's own, and who is told that it is there.

use std::sync::Arc;

use gatepost::oauth::{
    tenant::{Slug, Tenant, TenantId, Tenants},
    user::UserName,
};
use http::Request;
use http_body_util::Full;

use super::{
    example::{Example, machine},
    stand::Stand,
};
use crate::support::{
    gateway::CONFIG,
    http::{Reply, bearing, get},
    upstream::Upstream,
};

const ROUTES: &str = "\
[[routes]]\nprefix = \"/v1/tenants/{tenant}\"\nscopes = [\"inference\"]\nerrors = \"problem\"
[[routes]]\npath = \"/v1/images/{tenant}:draw\"\nscopes = [\"images\"]
[[routes]]\nprefix = \"/v1\"\nscopes = [\"inference\"]
[[routes]]\nprefix = \"/open/{tenant}\"\nauth = \"none\"
";

/// One tenant with everybody, one with ada, one with bob.
fn tenants() -> Tenants {
    let tenant = |slug: &str, member: Option<&str>| {
        let slug = Slug::parse(slug).unwrap();
        let members = member.map(|name| [UserName::parse(name).unwrap()].into());
        Tenant { id: TenantId::from(&slug), name: format!("The {}", slug.as_str()), slug, members }
    };
    Tenants::new(vec![tenant("default", None), tenant("adas", Some("ada")), tenant("bobs", Some("bob"))]).unwrap()
}

struct Bench {
    stand: Stand,
    upstream: Upstream,
}

impl Bench {
    async fn new(tenants: Option<Tenants>) -> Self {
        let upstream = Upstream::start().await;
        let text = format!("{CONFIG}[upstreams.model]\nurl = \"http://{}\"\n{ROUTES}", upstream.address);
        let stand = Stand::speaking(&text, vec![Arc::new(Example(tenants.map(Arc::new)))]).await;
        Self { stand, upstream }
    }

    /// The status of the answer, and the tenant that the upstream was told of if it was asked.
    async fn sent(&self, request: Request<Full<bytes::Bytes>>) -> (Reply, Option<String>) {
        let before = self.upstream.seen().len();
        let reply = self.stand.gateway.send(request).await;
        let told = self.upstream.seen().get(before).map(|seen| {
            let tenants: Vec<_> = seen.headers.get_all("x-gatepost-tenant").iter().map(|value| value.to_str().unwrap()).collect();
            tenants.join(" and ")
        });
        (reply, told)
    }
}

/// A request in which the caller says himself whose he is.
fn lying(path: &str) -> Request<Full<bytes::Bytes>> {
    let mut request = get(path);
    request.headers_mut().insert("x-gatepost-tenant", "bobs".parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_the_paths_of_its_users_tenants_and_no_others_are_there() {
    let bench = Bench::new(Some(tenants())).await;
    let token = bench.stand.token().await.access;
    let id = TenantId::from(&Slug::parse("adas").unwrap()).to_string();
    let bobs = TenantId::from(&Slug::parse("bobs").unwrap()).to_string();
    for (path, told) in [
        ("/v1/tenants/adas/agents".to_owned(), "adas"),
        ("/v1/tenants/adas".to_owned(), "adas"),
        ("/v1/tenants/default/agents".to_owned(), "default"),
        (format!("/v1/tenants/{id}/agents"), "adas"),
        ("/v1/images/adas:draw".to_owned(), "adas"),
        // No tenant is named here.
        ("/v1/agents".to_owned(), ""),
        ("/v1/tenants".to_owned(), ""),
    ] {
        let (reply, arrived) = bench.sent(bearing(lying(&path), &token)).await;
        assert_eq!((reply.status.as_u16(), arrived.as_deref()), (200, Some(told)), "{path}");
    }
    let refused = |text: String| text.split("req_").next().unwrap().to_owned();
    let mut words = Vec::new();
    for path in [
        "/v1/tenants/bobs/agents".to_owned(),
        "/v1/tenants/nobodys/agents".to_owned(),
        "/v1/tenants/bobs".to_owned(),
        format!("/v1/tenants/{bobs}/agents"),
        "/v1/tenants/a%20b/agents".to_owned(),
        "/v1/tenants/ADAS/agents".to_owned(),
        "/v1/tenants/adas;x/agents".to_owned(),
        "/v1/tenants/adas%2Cdefault/agents".to_owned(),
    ] {
        let (reply, arrived) = bench.sent(bearing(lying(&path), &token)).await;
        assert_eq!((reply.status.as_u16(), reply.json()["code"].as_str(), arrived), (404, Some("not_found"), None), "{path}");
        assert_eq!((reply.header("content-type"), reply.header("www-authenticate")), ("application/problem+json", ""));
        words.push(refused(reply.text()));
    }
    words.dedup();
    assert_eq!(words.len(), 1, "{words:?}");
    assert_eq!(bench.sent(bearing(get("/v1/images/bobs:draw"), &token)).await.0.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn want_of_scope_does_not_tell_which_tenants_there_are() {
    let bench = Bench::new(Some(tenants())).await;
    let narrow = bench.stand.token_of("ada", "bootspring-cli").await.access;
    for (path, status) in
        [("/v1/images/adas:draw", 403), ("/v1/images/bobs:draw", 404), ("/v1/images/nobodys:draw", 404), ("/v1/tenants/adas", 200)]
    {
        assert_eq!(bench.sent(bearing(get(path), &narrow)).await.0.status.as_u16(), status, "{path}");
    }
    // Without a token nobody learns anything.
    for path in ["/v1/tenants/adas", "/v1/tenants/bobs", "/v1/tenants/nobodys"] {
        assert_eq!(bench.sent(get(path)).await.0.status, 401, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_route_asks_nobody_whose_it_is() {
    let bench = Bench::new(Some(tenants())).await;
    for path in ["/open/adas/x", "/open/nobodys/x"] {
        let (reply, told) = bench.sent(lying(path)).await;
        assert_eq!((reply.status.as_u16(), told.as_deref()), (200, Some("")), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_are_no_tenants_it_is_a_segment_like_any_other() {
    let bench = Bench::new(None).await;
    let token = bench.stand.token().await.access;
    for path in ["/v1/tenants/bobs/agents", "/v1/images/anything:draw"] {
        let (reply, told) = bench.sent(bearing(lying(path), &token)).await;
        assert_eq!((reply.status.as_u16(), told.as_deref()), (200, Some("")), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asked_for_itself_is_at_home_nowhere() {
    let bench = Bench::new(Some(tenants())).await;
    let machine = machine(&bench.stand.gateway.engine, "inference").await;
    assert_eq!(bench.sent(bearing(get("/v1/x"), &machine)).await.0.status, 200);
    for path in ["/v1/tenants/default", "/v1/tenants/adas", "/v1/tenants/nobodys"] {
        assert_eq!(bench.sent(bearing(get(path), &machine)).await.0.status, 404, "{path}");
    }
}
