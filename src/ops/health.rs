//! `GET /health`: whether the process answers. It asks nobody else, so that an orchestrator does
//! not restart a gateway whose store is away.

use http::{Method, StatusCode};
use serde_json::json;

use crate::{
    config::{Claim, Paths},
    message::{Endpoint, Need, endpoint, refused, reply},
};

const PATH: &str = "/health";
/// Load balancers ask with either.
const METHODS: [Method; 2] = [Method::GET, Method::HEAD];

/// What it claims.
pub fn claim() -> Claim {
    Claim { owner: "the health check".into(), host: None, paths: Paths::Exact(PATH.into()), methods: METHODS.to_vec(), only: None }
}

/// What it answers.
pub fn endpoint() -> Endpoint {
    Endpoint {
        name: "health",
        host: None,
        path: PATH.into(),
        methods: METHODS.to_vec(),
        need: Need::Nothing,
        shape: refused::openai,
        cors: false,
        handler: endpoint::handler(|_| async { reply::no_store(reply::json(StatusCode::OK, &json!({"status": "ok"}))) }),
    }
}
