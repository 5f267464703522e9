//! Every credential at every endpoint, in every place where one may stand. One use of each is right; all
//! others are refused as that endpoint says no, and change nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpSocket;

use super::{
    credentials::{COOKIE, Credential, House, Kind, State, is_signed_in, text},
    endpoints::{ENDPOINTS, Endpoint, Sends, Takes, Uses, claimed},
};
use crate::{
    support::http::{Reply, request},
    wire::bad_input::table::Says,
};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Place {
    /// The field or the segment of the path that the endpoint takes.
    Field,
    Bearer,
    /// The secret of whoever the request says that it is.
    Basic,
    SerbleAuth,
    Cookie,
}

const PLACES: [Place; 5] = [Place::Field, Place::Bearer, Place::Basic, Place::SerbleAuth, Place::Cookie];

/// What is to become of a crossing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expected {
    /// It is the right use.
    Right,
    /// A no, with this status and word.
    No(u16, &'static str),
    /// Its own dialect's no to what was good once.
    Over,
    /// A no: the credential is not where the endpoint looks for one.
    Missing,
    /// Whatever is answered to who shows nothing.
    AsToNobody,
}

/// The words of what was good once.
const OVER: [&str; 10] = [
    "invalid_grant",
    "expired_token",
    "access_denied",
    "unauthorized",
    "request_not_found",
    "request_invalidated",
    "expired",
    "not_found",
    "App is not authorized",
    "Invalid authorization code",
];
/// The words of what is not there, or in the wrong place.
const MISSING: [&str; 6] = ["invalid_request", "invalid_client", "not_found", "unauthorized", "Missing code", "Missing refresh_token"];
const MISSING_SECRET: &str = "Missing client_secret";
/// Stands in answers that give something.
const GIVES: [&str; 5] = ["access_token\":", "\"token\":", "apiKey", "client_secret\":", "clientSecret"];

struct Crossing<'a> {
    endpoint: &'a Endpoint,
    place: Place,
    credential: &'a Credential,
}

impl fmt::Display for Crossing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Endpoint { method, path, takes, .. } = self.endpoint;
        write!(f, "{} as {:?} at {method} {path} ({takes:?})", self.credential, self.place)
    }
}

impl Crossing<'_> {
    fn expected(&self, house: &House) -> Expected {
        let Self { endpoint, credential, .. } = self;
        // Nobody can say which counts.
        if endpoint.bearer.is_some_and(|beside| house.values[beside] == credential.text) {
            return Expected::No(400, "invalid_request");
        }
        match self.expected_of_its_kind() {
            Expected::Right if endpoint.is_anothers => Expected::No(endpoint.no.0, endpoint.no.1),
            expected => expected,
        }
    }

    fn expected_of_its_kind(&self) -> Expected {
        let Self { endpoint, place, credential } = self;
        let is_over = matches!(credential.state, State::Expired | State::Revoked);
        let is_of = |dialect: &str| credential.dialect == dialect;
        match (endpoint.takes, place) {
            // Who says who he is must be believed.
            (Takes::Nothing, Place::Basic) if endpoint.says() == Says::Flat && endpoint.path.contains("device") => Expected::Missing,
            (Takes::Nothing, _) => Expected::AsToNobody,
            (Takes::Cookie, Place::Cookie) if credential.kind == Kind::Cookie && credential.state == State::Live => Expected::Right,
            (Takes::Cookie, _) => Expected::AsToNobody,
            (Takes::Token(_) | Takes::Personal(_) | Takes::Scope(_), _) => self.expected_of_token(),
            // Whoever holds a token wants to be rid of it, whatever it is worth.
            (Takes::Field(..), Place::Bearer | Place::Field) if endpoint.path.ends_with("/logout") => {
                let kind = if *place == Place::Field { Kind::Refresh } else { Kind::Access };
                match is_of("bootspring") && credential.kind == kind && credential.state != State::Tampered {
                    true => Expected::Right,
                    false => Expected::No(200, endpoint.no.1),
                }
            }
            (Takes::Field(..), Place::SerbleAuth | Place::Cookie | Place::Basic) if endpoint.path.ends_with("/logout") => {
                Expected::No(200, endpoint.no.1)
            }
            (Takes::Field(Kind::Access, _), Place::Field) => match credential.state == State::Live && credential.opens() {
                true => Expected::Right,
                false => Expected::No(200, endpoint.no.1),
            },
            (Takes::Field(..), Place::Field) if endpoint.path.ends_with("/revoke") => {
                let is_token = is_of("standard") && matches!(credential.kind, Kind::Access | Kind::Refresh);
                match (is_token && credential.state != State::Tampered, credential.client) {
                    (true, "both") => Expected::Right,
                    (true, _) => Expected::No(400, "unauthorized_client"),
                    (false, _) => Expected::No(200, ""),
                }
            }
            (Takes::Field(kind, client), Place::Field) => {
                let is_own = is_of(endpoint.dialect) && (credential.kind, credential.client) == (kind, client);
                match is_own && credential.state != State::Tampered {
                    true if is_over => Expected::Over,
                    true => Expected::Right,
                    false => Expected::No(endpoint.no.0, endpoint.no.1),
                }
            }
            (Takes::Field(Kind::ClientSecret, client), Place::Basic) if client == "robot" && credential.is_secret_of(client) => {
                Expected::Right
            }
            (Takes::NoField, Place::Field) => Expected::No(endpoint.no.0, endpoint.no.1),
            (Takes::Field(..) | Takes::NoField, _) => Expected::Missing,
        }
    }

    /// At what goes by an access token.
    fn expected_of_token(&self) -> Expected {
        let Self { endpoint, place, credential } = self;
        let is_at_home = match endpoint.takes {
            Takes::Token(dialect) => credential.dialect == dialect,
            _ => true,
        };
        let holds = match (endpoint.takes, credential.kind) {
            (Takes::Personal(needed), Kind::Personal(scope)) => scope == needed,
            (Takes::Personal(_), _) => false,
            (Takes::Scope(needed), Kind::Personal(scope)) => scope == needed,
            (Takes::Scope(needed), _) => needed == "inference",
            _ => true,
        };
        let word = match (place, credential.state) {
            (Place::Cookie, _) => "missing_token",
            (Place::Basic, _) => "invalid_token",
            (_, State::Tampered | State::Pending) => "invalid_token",
            _ if !credential.opens() => "invalid_token",
            (_, State::Expired) => "token_expired",
            (_, State::Revoked) => "token_revoked",
            (Place::SerbleAuth, _) if credential.dialect != "serble" => "invalid_token",
            _ if !is_at_home => "invalid_token",
            // That it is there is told to its own alone.
            _ if endpoint.is_anothers && matches!(endpoint.takes, Takes::Scope(_)) => return Expected::Right,
            _ if !holds => return Expected::No(403, "insufficient_scope"),
            _ => return Expected::Right,
        };
        let is_shortened = endpoint.says() == Says::Nested && !word.starts_with("token_");
        Expected::No(401, if is_shortened { "unauthorized" } else { word })
    }

    /// The request; `None` where the endpoint has no such place.
    fn request(&self, house: &House) -> Option<Request<Full<Bytes>>> {
        let Self { endpoint, place, credential } = self;
        let is_taken = |(_, value): &(&str, &str)| *value == "?";
        let has_field = endpoint.fields.iter().chain(endpoint.segments).any(is_taken);
        match place {
            Place::Field if !has_field => None,
            Place::Field => Some(built(house, endpoint, Some(&credential.text))),
            // What stands beside a field is crossed where nothing stands in it.
            _ if endpoint.bearer.is_some() => None,
            _ => {
                let mut request = built(house, endpoint, None);
                let client = endpoint.fields.iter().find(|(name, _)| *name == "client_id").map_or("x", |(_, id)| id);
                let (field, value) = match place {
                    Place::Basic => {
                        ("authorization", format!("Basic {}", BASE64.encode(format!("{client}:{}", credential.text).as_bytes())))
                    }
                    Place::SerbleAuth => ("serbleauth", format!("App {}", credential.text)),
                    Place::Cookie => ("cookie", format!("{COOKIE}={}", credential.text)),
                    Place::Bearer | Place::Field => ("authorization", format!("Bearer {}", credential.text)),
                };
                request.headers_mut().insert(field, HeaderValue::from_str(&value).unwrap());
                Some(request)
            }
        }
    }

    /// Holds that a no is one, in the shape of its endpoint.
    fn check(&self, house: &House, reply: &Reply, nobody: &Reply) {
        let at = format!("{self}: {} {}", reply.status, reply.text());
        let (status, body) = (reply.status.as_u16(), reply.text());
        assert!(!GIVES.iter().any(|gift| body.contains(gift)) || self.endpoint.takes == Takes::Nothing, "{at}: something is given");
        assert!(status < 500, "{at}");
        let words = match self.expected(house) {
            Expected::Right => panic!("{at}: this is right"),
            Expected::AsToNobody => {
                assert_eq!((reply.status, reply.header("location")), (nobody.status, nobody.header("location")), "{at}");
                assert!(!is_signed_in(reply), "{at}");
                return;
            }
            Expected::No(200, body) => {
                assert_eq!((status, reply.text().as_str()), (200, body), "{at}");
                return;
            }
            Expected::No(expected, word) => {
                assert_eq!(status, expected, "{at}, and not {word}");
                vec![word]
            }
            Expected::Over => OVER.to_vec(),
            Expected::Missing => [&MISSING[..], &[MISSING_SECRET, self.endpoint.no.1]].concat(),
        };
        assert!(!body.contains(&self.credential.text), "{at}: it is said again");
        let is_challenged = !reply.header("www-authenticate").is_empty();
        assert!(is_challenged || !matches!(status, 401 | 403), "{at}: there is no challenge");
        // Too little scope is told to Fruxon's clients in a shape of its own.
        let word = match self.endpoint.says() {
            Says::Problem if status == 403 => text(&reply.json(), "error"),
            // Where an app is not let in, it is a sentence.
            Says::OpenAi if words == ["App is not authorized"] => {
                Says::Plain.word(reply, &at);
                body
            }
            says => says.word(reply, &at).unwrap_or(body),
        };
        assert!(words.contains(&word.as_str()), "{at}: none of {words:?}");
    }
}

impl Credential {
    /// Whether it is one that opens something, as long as it is good.
    fn opens(&self) -> bool {
        matches!(self.kind, Kind::Access | Kind::Personal(_))
    }

    fn is_secret_of(&self, client: &str) -> bool {
        (self.kind, self.state, self.client) == (Kind::ClientSecret, State::Live, client)
    }

    fn is_good(&self) -> bool {
        matches!(self.state, State::Live | State::Pending)
    }
}

/// A request that is right, with this in place of `?`, or without it.
fn built(house: &House, endpoint: &Endpoint, shown: Option<&str>) -> Request<Full<Bytes>> {
    let value = |value: &'static str| match value.strip_prefix('$') {
        Some(name) => Some(house.values[name].clone()),
        None if value == "?" => shown.map(str::to_owned),
        None => Some(value.to_owned()),
    };
    let path = endpoint.segments.iter().fold(endpoint.path.to_owned(), |path, (name, text)| {
        path.replace(&format!("{{{name}}}"), &value(text).unwrap_or_else(|| "x".to_owned()))
    });
    let fields: Vec<(&str, String)> = endpoint.fields.iter().filter_map(|(name, text)| Some((*name, value(text)?))).collect();
    let encoded = || form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    let method = endpoint.method.parse().unwrap();
    let mut request = match endpoint.sends {
        _ if endpoint.fields.is_empty() => request(method, &path, "", ""),
        Sends::Query => request(method, &format!("{path}?{}", encoded()), "", ""),
        Sends::Form => request(method, &path, "application/x-www-form-urlencoded", encoded()),
        Sends::Json => {
            let object: BTreeMap<&str, String> = fields.into_iter().collect();
            request(method, &path, "application/json", serde_json::to_string(&object).unwrap())
        }
    };
    if let Some(name) = endpoint.bearer {
        request.headers_mut().insert("authorization", HeaderValue::from_str(&format!("Bearer {}", house.values[name])).unwrap());
    }
    request
}

/// Sends requests from ever other addresses: wrong ones are counted by that.
struct Callers {
    gateway: SocketAddr,
    connections: u32,
    open: Option<(SendRequest<Full<Bytes>>, u32)>,
}

impl Callers {
    async fn send(&mut self, mut request: Request<Full<Bytes>>) -> Reply {
        request.headers_mut().insert("host", HeaderValue::from_static("127.0.0.1:8080"));
        let kept = match self.open.take().filter(|(_, sent)| *sent < 50) {
            Some((mut sender, sent)) => sender.ready().await.is_ok().then_some((sender, sent)),
            None => None,
        };
        let (mut sender, sent) = match kept {
            Some(kept) => kept,
            None => (self.connect().await, 0),
        };
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        self.open = Some((sender, sent + 1));
        Reply { status: head.status, headers: head.headers, body }
    }

    async fn connect(&mut self) -> SendRequest<Full<Bytes>> {
        self.connections += 1;
        let from = Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 0).to_bits() + self.connections);
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from.into(), 0)).unwrap();
        let socket = socket.connect(self.gateway).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(socket)).await.unwrap();
        tokio::spawn(connection);
        sender
    }
}

/// Whether an answer is one to a right use.
fn is_good(endpoint: &Endpoint, reply: &Reply) -> bool {
    let text = reply.text();
    match endpoint.path {
        // Of a client's secret alone it is known by the next complaint.
        _ if endpoint.no.1 == "invalid_client" && text.contains("invalid_grant") => true,
        "/oauth/introspect" => text.contains("\"active\":true"),
        "/api/v1/oauth/auth" => true,
        _ if matches!(endpoint.takes, Takes::Cookie) => is_signed_in(reply),
        _ => reply.status.is_success(),
    }
}

/// All crossings of these endpoints.
fn crossings<'a>(house: &'a House, endpoints: &'a [Endpoint]) -> impl Iterator<Item = Crossing<'a>> {
    let all = endpoints.iter().flat_map(|endpoint| PLACES.map(|place| (endpoint, place)));
    all.flat_map(|(endpoint, place)| house.credentials.iter().map(move |credential| Crossing { endpoint, place, credential }))
}

#[test]
fn every_endpoint_of_every_dialect_is_crossed() {
    let is_dialects = |endpoint: &&Endpoint| !endpoint.dialect.ends_with("route") && endpoint.dialect != "pages";
    let crossed = ENDPOINTS.iter().filter(is_dialects).map(|endpoint| (endpoint.method.to_owned(), endpoint.path.to_owned()));
    assert_eq!(crossed.collect::<BTreeSet<_>>(), claimed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_good_for_one_thing_is_good_for_no_other() {
    let house = House::start().await;
    let mut callers = Callers { gateway: house.gateway.address, connections: 0, open: None };
    let is_whole = std::env::var_os("GATEPOST_TEST_ALL").is_some();
    let (mut refused, mut left_out) = (0, 0);
    for (number, endpoint) in ENDPOINTS.iter().enumerate() {
        let nobody = callers.send(built(&house, endpoint, None)).await;
        let guesses = matches!(endpoint.takes, Takes::Field(Kind::UserCode, _));
        if guesses {
            house.gateway.time.advance(Duration::from_secs(60));
        }
        for (at, crossing) in crossings(&house, std::slice::from_ref(endpoint)).enumerate() {
            let Some(request) = crossing.request(&house) else { continue };
            let expected = crossing.expected(&house);
            let is_much_the_same = matches!(expected, Expected::AsToNobody | Expected::Missing) && (number + at) % 8 != 0;
            if expected == Expected::Right || is_much_the_same && !is_whole {
                left_out += u32::from(is_much_the_same);
                continue;
            }
            if guesses {
                house.gateway.time.advance(Duration::from_millis(200));
            }
            let before = house.store.counts().writes;
            let reply = callers.send(request).await;
            crossing.check(&house, &reply, &nobody);
            let is_changed = house.store.counts().writes != before;
            assert!(!is_changed || endpoint.takes == Takes::Nothing, "{crossing}: something was changed");
            refused += 1;
        }
    }
    assert!(house.upstream.seen().is_empty(), "{:?}", house.upstream.seen());
    let right = rightful(house, callers).await;
    println!("{refused} crossings were refused, {left_out} more left out; {right} right ones were good afterwards");
}

/// Holds that each credential is still good for what it is for; answers the number of uses.
async fn rightful(mut house: House, mut callers: Callers) -> usize {
    let (mut used, mut uses) = (BTreeSet::new(), 0);
    for crossing in crossings(&house, ENDPOINTS).filter(|crossing| crossing.endpoint.uses == Uses::Keeps) {
        let Some(request) = crossing.request(&house).filter(|_| crossing.expected(&house) == Expected::Right) else { continue };
        let reply = callers.send(request).await;
        assert!(is_good(crossing.endpoint, &reply), "{crossing}: {} {}", reply.status, reply.text());
        used.insert(crossing.credential.text.clone());
        uses += 1;
    }
    let mut good: Vec<Credential> = house.credentials.iter().filter(|credential| credential.is_good()).cloned().collect();
    good.sort_by_key(|credential| (credential.kind, credential.state));
    for credential in &good {
        match (credential.dialect, credential.kind, credential.state) {
            ("bootspring" | "standard", Kind::UserCode, _) => {
                house.ada.approve(&credential.text).await;
                used.insert(credential.text.clone());
                uses += 1;
            }
            (_, Kind::Request, State::Pending) => {
                let typed = house.ada.authorize(&credential.text).await;
                house.values.insert("typed", typed);
            }
            _ => {}
        }
        let is_spent_at = |endpoint: &&Endpoint| {
            let crossing = Crossing { endpoint, place: Place::Field, credential };
            endpoint.uses == Uses::Spends && crossing.expected(&house) == Expected::Right
        };
        let Some(endpoint) = ENDPOINTS.iter().find(is_spent_at) else { continue };
        let reply = callers.send(built(&house, endpoint, Some(&credential.text))).await;
        assert!(is_good(endpoint, &reply), "{credential} at {}: {} {}", endpoint.path, reply.status, reply.text());
        used.insert(credential.text.clone());
        uses += 1;
    }
    // The digits went with their request.
    let unused: Vec<_> =
        good.iter().filter(|one| one.kind != Kind::Typed && !used.contains(&one.text)).map(Credential::to_string).collect();
    assert!(unused.is_empty(), "{unused:?}");
    house.gateway.end().await;
    uses
}
