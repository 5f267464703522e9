//! `[[routes]]`: what is forwarded, and on which conditions.

use std::{num::NonZeroU32, time::Duration};

use http::Method;

use super::DAY;
use crate::config::{
    Claim, ErrorShape, Paths, Place, RevokedStreams, Rewrite, Route, RouteAuth, RouteLimit, Section, Upgrade,
    file::{instead, nearest},
    path,
    problem::Flaw,
};

/// The routes with their places. `upstreams` are the names that they may name.
pub(super) fn read(root: &mut Section<'_>, upstreams: &[String]) -> Vec<(Route, Place)> {
    root.tables("routes", |section| Some((route(section, upstreams)?, section.place().clone()))).into_iter().flatten().collect()
}

fn route(section: &mut Section<'_>, upstreams: &[String]) -> Option<Route> {
    let paths = paths(section);
    // Of a path that is wrong, nobody can say which parameters it has.
    let rewrite = match &paths {
        Some(paths) => section.parsed("rewrite", |text| Rewrite::read(text, paths)),
        None => section.parsed("rewrite", path::exact).and(None),
    };
    let host = section.parsed("host", path::host);
    let methods = methods(section);
    let upstream = upstream(section, upstreams);
    let auth = auth(section);
    let errors =
        section.choice("errors", &[("openai", ErrorShape::OpenAi), ("problem", ErrorShape::Problem)]).unwrap_or(ErrorShape::OpenAi);
    let revoked_streams = revoked_streams(section, auth.as_ref());
    let limit = section.optional_table("limit", limit).flatten();
    let serve_known = section.duration("serve_known", Duration::from_secs(1)..=DAY).unwrap_or_default();
    let upgrade = upgrade(section, &methods);
    let claim = Claim { owner: section.place().key.clone(), host, paths: paths?, methods, only: None };
    Some(Route { claim, upstream: upstream?, rewrite, auth: auth?, errors, revoked_streams, limit, serve_known, upgrade })
}

fn paths(section: &mut Section<'_>) -> Option<Paths> {
    let exact = section.holds("path");
    let prefix = section.holds("prefix");
    let path = section.parsed("path", path::exact);
    let below = section.parsed("prefix", path::prefix);
    if exact && prefix {
        section.problem("prefix", "a route has a `path` or a `prefix`, not both", "leave one of them out");
    } else if !exact && !prefix {
        section.problem(
            "path",
            "the route says nothing about paths",
            "write `path = \"/v1/models\"`, or `prefix = \"/v1\"` for all below it",
        );
    }
    path.or(below)
}

fn methods(section: &mut Section<'_>) -> Vec<Method> {
    let methods = section.list("methods", method);
    if methods.as_ref().is_some_and(Vec::is_empty) {
        section.problem("methods", "a route without a method takes no request", "leave `methods` out to take them all");
    }
    methods.unwrap_or_default()
}

/// Those that an HTTP API is made of. CONNECT has no path, and TRACE would show our credential.
fn method(text: &str) -> Result<Method, Flaw> {
    const METHODS: [Method; 7] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    let known = METHODS.iter().find(|method| method.as_str() == text).cloned();
    let upper = text.to_ascii_uppercase();
    known.ok_or_else(|| (format!("`{text}` is not a method that can be forwarded"), instead(&upper, METHODS.iter().map(Method::as_str))))
}

fn upstream(section: &mut Section<'_>, names: &[String]) -> Option<usize> {
    let written = section.holds("upstream");
    let name = section.text("upstream");
    match (name, names) {
        (Some(name), names) => {
            let index = names.iter().position(|known| *known == name);
            if index.is_none() {
                let remedy = match nearest(&name, names.iter().map(String::as_str)) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => format!("add it: [upstreams.{name}] with its `url`"),
                };
                section.problem("upstream", format!("there is no upstream `{name}`"), remedy);
            }
            index
        }
        (None, [_only]) => Some(0),
        // What is wrong with the value has been said.
        (None, _) if written => None,
        (None, []) => {
            section.problem("upstream", "there is no upstream to forward to", "add one: [upstreams.model] with its `url`");
            None
        }
        (None, [first, ..]) => {
            section.problem(
                "upstream",
                "`upstream` is missing, and there are several",
                format!("write `upstream = \"{first}\"`, or another one"),
            );
            None
        }
    }
}

fn auth(section: &mut Section<'_>) -> Option<RouteAuth> {
    let open = section.choice("auth", &[("bearer", false), ("none", true)]);
    let wrong = open.is_none() && section.holds("auth");
    let named = section.holds("scopes");
    let scopes = section.scopes("scopes");
    if wrong {
        return None;
    }
    match (open, named) {
        (Some(true), false) => Some(RouteAuth::None),
        (Some(true), true) => {
            section.problem(
                "scopes",
                "a route that asks for no token cannot ask for scopes",
                "leave `scopes` out, or write `auth = \"bearer\"`",
            );
            None
        }
        (_, true) => scopes.map(RouteAuth::Bearer),
        (_, false) => {
            section.problem(
                "scopes",
                "`scopes` is missing",
                "write `scopes = [\"inference\"]`, or `scopes = []` for a token with any scope",
            );
            None
        }
    }
}

fn revoked_streams(section: &mut Section<'_>, auth: Option<&RouteAuth>) -> RevokedStreams {
    let chosen = section.choice("revoked_streams", &[("cut", RevokedStreams::Cut), ("finish", RevokedStreams::Finish)]);
    if chosen.is_some() && auth == Some(&RouteAuth::None) {
        section.problem(
            "revoked_streams",
            "on a route that asks for no token there is no access to take back",
            "leave `revoked_streams` out",
        );
    }
    chosen.unwrap_or(RevokedStreams::Cut)
}

/// A handshake is a GET (RFC 6455 section 4.1).
fn upgrade(section: &mut Section<'_>, methods: &[Method]) -> Vec<Upgrade> {
    let upgrade = section.list("upgrade", |text| {
        let known = [Upgrade::WebSocket].into_iter().find(|upgrade| upgrade.token() == text);
        let lower = text.to_ascii_lowercase();
        known.ok_or_else(|| {
            (format!("`{text}` is nothing that a connection can become here"), instead(&lower, [Upgrade::WebSocket.token()]))
        })
    });
    let upgrade = upgrade.unwrap_or_default();
    if !upgrade.is_empty() && !methods.is_empty() && !methods.contains(&Method::GET) {
        section.problem(
            "upgrade",
            "a WebSocket begins with GET, which the route does not take",
            "add \"GET\" to `methods`, or leave `upgrade` out",
        );
    }
    upgrade
}

fn limit(section: &mut Section<'_>) -> Option<RouteLimit> {
    let requests = section.required("requests", "60", |limit, key| limit.integer(key, 1..=u32::MAX));
    let per = section.required("per", "\"1m\"", |limit, key| limit.duration(key, Duration::from_secs(1)..=DAY));
    let shared = section.flag("shared").unwrap_or(false);
    Some(RouteLimit { requests: NonZeroU32::new(requests?)?, per: per?, shared })
}
