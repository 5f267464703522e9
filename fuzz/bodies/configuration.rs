//! The configuration file: it is accepted, or everything that is wrong is reported, and no secret is
//! told.

use gatepost::{clock::Manual, config::RouteAuth, oauth::scope::Scopes, proxy::route::Routes};
use jiff::Timestamp;

use super::world::{ROOT, SERVICE, load};

pub fn body(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match load(text) {
        Ok((config, dialects)) => {
            let told = format!("{config:?}");
            assert!(!told.contains(ROOT) && !told.contains(SERVICE), "a secret is told: {told}");
            match load(text) {
                Ok((again, more)) => assert_eq!((format!("{again:?}"), more.len()), (told, dialects.len())),
                Err(problems) => panic!("accepted once: {problems}"),
            }
            // What was accepted can be laid out, and asks for nothing that does not exist.
            Routes::new(Vec::new(), &config.routes, &Manual::starting_at(Timestamp::UNIX_EPOCH).clock()).unwrap();
            let known: Scopes = config.scopes.keys().cloned().collect();
            let asked = config.routes.iter().filter_map(|route| match &route.auth {
                RouteAuth::Bearer(scopes) => Some(scopes),
                RouteAuth::None => None,
            });
            assert!(
                asked.chain(config.clients.iter().map(|declared| &declared.client.scopes)).all(|scopes| known.cover(scopes)),
                "{known}"
            );
            assert!(config.routes.iter().all(|route| route.upstream < config.upstreams.len()));
        }
        Err(problems) => {
            let reports = [problems.to_string(), problems.render(true), format!("{problems:?}")];
            assert!(reports.iter().all(|report| !report.contains(ROOT) && !report.contains(SERVICE)), "a secret is told: {problems}");
            let lines = text.lines().count().max(1) + 1;
            assert!(problems.iter().next().is_some(), "a refusal has a reason");
            for problem in &problems {
                assert!((1..=lines).contains(&problem.line) && problem.column >= 1, "{problems}");
                assert!(!problem.message.is_empty() && !problem.remedy.is_empty(), "{problems}");
            }
        }
    }
}
