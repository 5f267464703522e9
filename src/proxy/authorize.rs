//! May he? The only place that makes a [`Permit`], and without a permit nothing is forwarded.

use super::{
    authenticate::{self, Caller},
    reject::Rejection,
    route::{Access, Route},
};
use crate::{config::PublicUrl, oauth::subject::Subject, verify::OpenStream};

/// Leave to pass one request on, on this route. It cannot be made, copied or kept elsewhere.
pub struct Permit<'a> {
    route: &'a Route,
    subject: Option<Box<Subject>>,
    stream: Option<OpenStream>,
}

impl<'a> Permit<'a> {
    /// Where.
    pub const fn route(&self) -> &'a Route {
        self.route
    }

    /// For whom; nobody on an open route.
    pub fn subject(&self) -> Option<&Subject> {
        self.subject.as_deref()
    }

    /// Uses it up.
    pub(super) fn into_parts(self) -> (Option<Box<Subject>>, Option<OpenStream>) {
        (self.subject, self.stream)
    }
}

/// Whether the caller may use the route, and at this path of it. Of the gateway's own endpoints a
/// token's audience says nothing: they speak for the issuer, whose token it is.
///
/// # Errors
/// 401 where nobody was recognised, or with a token that is meant for something else (RFC 8707
/// section 2); 403 with all the scopes that are needed.
pub fn authorize<'a>(route: &'a Route, caller: Caller, public_url: &PublicUrl, path: &str) -> Result<Permit<'a>, Rejection> {
    match (&route.access, caller) {
        // By name: the operator wrote `auth = "none"`, or the endpoint judges for itself.
        (Access::Open, _) => Ok(Permit { route, subject: None, stream: None }),
        (Access::Scopes(_), Caller::Known(subject, _)) if !subject.audience.covers_path(public_url.as_str(), path) => {
            let challenge = authenticate::challenge(public_url, route, Some("invalid_token"));
            let mut rejection = Rejection::unauthorized("invalid_token", "The access token is meant for another resource.", challenge);
            rejection.reason = "audience";
            Err(rejection)
        }
        (access, Caller::Known(subject, stream)) if admits(access, &subject) => {
            Ok(Permit { route, subject: Some(subject), stream: Some(stream) })
        }
        (access, Caller::Known(..)) => {
            let challenge = authenticate::challenge(public_url, route, Some("insufficient_scope"));
            let mut rejection = Rejection::insufficient_scope(challenge);
            if let Access::Personal(needed) = access {
                rejection.message = format!("This needs a personal token with the scope {needed}; an app's token is not enough.").into();
            }
            Err(rejection)
        }
        (_, Caller::Anonymous) => {
            let challenge = authenticate::challenge(public_url, route, None);
            Err(Rejection::unauthorized("missing_token", "This needs an access token.", challenge))
        }
    }
}

fn admits(access: &Access, subject: &Subject) -> bool {
    match access {
        Access::Open => true,
        Access::Scopes(needed) => subject.scopes.cover(needed),
        Access::Dialect(dialect, needed) => subject.dialect == *dialect && subject.scopes.cover(needed),
        Access::Personal(needed) => subject.is_personal() && subject.scopes.cover(needed),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use http::{Request, StatusCode};
    use jiff::Timestamp;

    use super::*;
    use crate::{
        clock::Manual,
        config::{self, Claim, ErrorShape, Paths, RouteAuth},
        message::{Endpoint, Need, endpoint, refused, reply},
        oauth::{
            audience::Audience,
            id::{ClientId, GrantId},
            scope::Scopes,
            subject::PERSONAL,
        },
        proxy::{reject::Details, route::Routes},
        verify::OpenStreams,
    };

    const HERE: &str = "https://ai.example.com";

    /// `/v1`, for which a token with `inference` is needed, and `/me`, for which one of a dialect.
    fn routes() -> Routes {
        let claim = Claim { owner: String::new(), host: None, paths: Paths::Prefix("/v1".into()), methods: Vec::new() };
        let auth = RouteAuth::Bearer(Scopes::parse("inference").unwrap());
        let route = config::Route { claim, upstream: 0, auth, errors: ErrorShape::OpenAi, limit: None, rewrite: None };
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
        Routes::new(vec![me], &[route], &Manual::starting_at(Timestamp::UNIX_EPOCH).clock()).unwrap()
    }

    /// Whether a token with this audience and these scopes opens a path, and if not, the refusal.
    fn opens(audience: &[&str], scopes: &str, path: &str) -> Result<(), Rejection> {
        let grant = GrantId::from_random([7; 16]);
        let subject = Subject {
            grant,
            dialect: "standard".into(),
            user: None,
            client: ClientId::new("app"),
            scopes: Scopes::parse(scopes).unwrap(),
            audience: audience.iter().map(|path| format!("{HERE}{path}")).collect(),
        };
        let caller = Caller::Known(Box::new(subject), OpenStreams::default().enter(grant, 1, None));
        let routes = routes();
        let request = Request::get(path).body(()).unwrap();
        authorize(routes.find(&request).unwrap().route, caller, &PublicUrl::new(HERE.parse().unwrap()).unwrap(), path).map(drop)
    }

    #[test]
    fn a_token_opens_what_it_is_meant_for() {
        for audience in [&[][..], &[""], &["/v1"], &["/v1/chat"], &["/elsewhere", "/v1/chat"]] {
            opens(audience, "inference", "/v1/chat/completions").unwrap();
        }
    }

    #[test]
    fn a_token_that_is_meant_for_something_else_is_invalid_whatever_its_scopes() {
        for (audience, scopes) in
            [("/v2", "inference"), ("/v1/images", "inference"), ("/v1/chat/completion", "inference"), ("/v2", "images")]
        {
            let refused = opens(&[audience], scopes, "/v1/chat/completions").unwrap_err();
            let Details { status, code, reason, challenge, .. } = &*refused;
            assert_eq!((*status, *code, *reason), (StatusCode::UNAUTHORIZED, "invalid_token", "audience"), "{audience}");
            let told = "Bearer realm=\"https://ai.example.com\", scope=\"inference\", error=\"invalid_token\"";
            assert_eq!(challenge.as_ref().unwrap(), told);
        }
        assert_eq!(opens(&["/v1"], "images", "/v1/x").unwrap_err().status, StatusCode::FORBIDDEN);
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
            dialect: dialect.to_owned(),
            user: None,
            client: ClientId::new("app"),
            scopes: scopes(may),
            audience: Audience::default(),
        };
        for (access, dialect, may, opens) in [
            (Access::Scopes(scopes("a b")), "one", "a b c", true),
            (Access::Scopes(scopes("a b")), "one", "a", false),
            (Access::Scopes(scopes("a")), PERSONAL, "a", true),
            (Access::Dialect("one", scopes("a")), "one", "a b", true),
            (Access::Dialect("one", scopes("a")), "one", "b", false),
            (Access::Dialect("one", scopes("a")), "two", "a", false),
            (Access::Dialect("one", Scopes::default()), "one", "", true),
            (Access::Personal(scopes("a")), PERSONAL, "a", true),
            (Access::Personal(scopes("a")), PERSONAL, "b", false),
            (Access::Personal(scopes("a")), "one", "a", false),
        ] {
            assert_eq!(admits(&access, &subject(dialect, may)), opens, "{access:?} {dialect} {may}");
        }
    }
}
