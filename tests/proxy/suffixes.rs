//! Paths whose last segment ends in `:word`, and what handlers and upstreams learn of the rest of it.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use super::{example::Example, stand::Stand};
use crate::support::{
    gateway::CONFIG,
    http::{get, request},
    upstream::Upstream,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_word_at_the_end_of_a_path_is_another_endpoint_and_its_handler_reads_the_rest() {
    let upstream = Upstream::start().await;
    let routes = format!(
        "{CONFIG}[upstreams.model]\nurl = \"http://{}\"\n[[routes]]\nprefix = \"/v1\"\nauth = \"none\"\nerrors = \"problem\"\n",
        upstream.address
    );
    let stand = Stand::speaking(&routes, vec![Arc::new(Example::default())]).await;
    for (method, path, found) in [
        (Method::GET, "/v1/codes/ABC-D", json!(["code", ["", "ABC-D", ""]])),
        (Method::GET, "/v1/codes/ABC-D:lookUp", json!(["lookUp", ["", "ABC-D", ""]])),
        (Method::GET, "/v1/codes/a:b:lookUp", json!(["lookUp", ["", "a:b", ""]])),
        (Method::GET, "/v1/codes/a%20b:lookUp", json!(["lookUp", ["", "a%20b", ""]])),
        (Method::GET, "/v1/codes/a:look%55p", json!(["lookUp", ["", "a", ""]])),
        (Method::GET, "/v1/codes/:lookUp", json!(["code", ["", ":lookUp", ""]])),
        (Method::GET, "/v1/codes/a:other", json!(["code", ["", "a:other", ""]])),
        (Method::POST, "/v1/of/us/tokens/7:rotate", json!(["rotate", ["us", "", "7"]])),
        (Method::POST, "/v1/of/us/tokens/current:rotate", json!(["rotate", ["us", "", "current"]])),
        (Method::DELETE, "/v1/of/us/tokens/7", json!(["revoke", ["us", "", "7"]])),
        (Method::GET, "/v1/of/us/tokens/current", json!(["current", ["us", "", ""]])),
    ] {
        let reply = stand.gateway.send(request(method.clone(), path, "", "")).await;
        assert_eq!((reply.status.as_u16(), reply.json()), (200, found), "{method} {path}");
    }
    for (method, path, status) in [
        (Method::POST, "/v1/codes/a:lookUp", 405),
        (Method::GET, "/v1/of/us/tokens/7:rotate", 405),
        (Method::POST, "/v1/of/us/tokens/7", 405),
        // A server that decodes, or makes no difference between cases, finds the other endpoint.
        (Method::GET, "/v1/codes/a%3AlookUp", 400),
        (Method::GET, "/v1/codes/a%3alookUp", 400),
        (Method::GET, "/v1/codes/a:lookup", 400),
        (Method::GET, "/v1/codes/a:lookUp/", 400),
        (Method::GET, "/v1/codes/a:lookUp;x", 400),
        (Method::POST, "/v1/of/us/tokens/7%3Arotate", 400),
        (Method::DELETE, "/v1/of/us/tokens/7%3Arotate", 400),
    ] {
        let reply = stand.gateway.send(request(method.clone(), path, "", "")).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (status, "application/problem+json"), "{method} {path}");
    }
    assert!(upstream.seen().is_empty());
    // What nobody answers here goes on, a word at its end or not.
    assert_eq!(stand.gateway.send(get("/v1/models/a:embed")).await.status, 200);
    assert_eq!(upstream.seen()[0].target, "/v1/models/a:embed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_may_have_such_a_word_and_put_another_in_its_place() {
    let upstream = Upstream::start().await;
    let mut config = format!("{CONFIG}[upstreams.model]\nurl = \"http://{}/base\"\n", upstream.address);
    for conditions in [
        "path = \"/models/{model}:embed\"",
        "path = \"/models/{model}:generate\"\nrewrite = \"/v1/{model}/chat\"",
        "path = \"/models/{model}:count\"\nrewrite = \"/v1/tokens/{model}:sum\"",
        "path = \"/plain/{model}\"\nrewrite = \"/v1/{model}:embed\"",
        "prefix = \"/of/{team}/files\"\nrewrite = \"/files/{team}\"",
    ] {
        config += &format!("[[routes]]\nauth = \"none\"\n{conditions}\n");
    }
    let stand = Stand::with(&config).await;
    for (path, status, target) in [
        ("/models/a:embed?q", 200, Some("/base/models/a:embed?q")),
        ("/models/a:b:generate?q", 200, Some("/base/v1/a:b/chat?q")),
        ("/models/a%20b:count", 200, Some("/base/v1/tokens/a%20b:sum")),
        ("/plain/a", 200, Some("/base/v1/a:embed")),
        ("/of/us/files/a/b?q", 200, Some("/base/files/us/a/b?q")),
        ("/of/us/files", 200, Some("/base/files/us")),
        ("/of/us", 404, None),
        ("/models/a", 404, None),
        ("/models/:generate", 404, None),
        ("/models/a%3Agenerate", 404, None),
        // Without the word these would lead elsewhere.
        ("/models/..:generate", 400, None),
        ("/models/.:generate", 400, None),
        ("/models/%2e%2e:generate", 400, None),
        ("/models/..;x:generate", 400, None),
        ("/models/..:count", 200, Some("/base/v1/tokens/..:sum")),
    ] {
        let before = upstream.seen().len();
        let reply = stand.gateway.send(get(path)).await;
        let seen = upstream.seen();
        let arrived = seen.get(before).map(|seen| seen.target.as_str());
        assert_eq!((reply.status.as_u16(), arrived), (status, target), "{path}");
    }
    let reply = stand.gateway.send(get("/models/..:generate")).await;
    assert_eq!(reply.json()["error"]["code"], Value::from("invalid_request"));
}
