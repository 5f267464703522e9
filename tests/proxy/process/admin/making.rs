//! Clients that an operator makes in dialects that have such.

use std::{path::PathBuf, sync::Arc};

use data_encoding::BASE64;
use gatepost::{
    config::{Claim, Mounted},
    dialects::{Apps, Dialect, House},
    engine::{ClientIds, OwnAccess, Spelling, Style},
    message::Endpoint,
    oauth::{
        client::{Declared, GrantType},
        id::ClientId,
        scope::Scopes,
        signing::TokenFormat,
    },
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::taking_back::{is_cut, streaming, use_of};
use crate::{
    proxy::{
        process::child::Child,
        raw::RawUpstream,
        stand::{Stand, Token},
    },
    support::{
        gateway::{CONFIG, forwarding},
        http::{post_form, send},
    },
};

/// Its clients can be made, and speak to the endpoints of the dialect of that name.
struct Maker {
    dialect: &'static str,
    may_be_public: bool,
    grant_types: &'static [GrantType],
}

impl Mounted for Maker {
    fn claims(&self) -> Vec<Claim> {
        Vec::new()
    }

    fn clients(&self) -> Vec<Declared> {
        Vec::new()
    }
}

impl Dialect for Maker {
    fn endpoints(self: Arc<Self>, _: &House) -> Vec<Endpoint> {
        Vec::new()
    }

    fn apps(&self) -> Option<Apps> {
        let spelling = Spelling { dialect: self.dialect, id: ClientIds::After("app_"), secret: "secret_" };
        let scopes = Scopes::parse("inference images").unwrap();
        Some(Apps { label: "Test", spelling, scopes, grant_types: self.grant_types, may_be_public: self.may_be_public })
    }
}

const BOOTSPRING: Maker = Maker { dialect: "bootspring", may_be_public: true, grant_types: &GrantType::ALL };
const OTHER: Maker = Maker { dialect: "other", may_be_public: true, grant_types: &[GrantType::AuthorizationCode, GrantType::RefreshToken] };
/// Where every client has a secret.
const CONFIDENTIAL: Maker = Maker { dialect: "secretive", may_be_public: false, ..OTHER };

/// A gateway in which clients can be made, and its socket.
struct Workshop {
    stand: Stand,
    folder: TempDir,
}

impl Workshop {
    async fn with(config: &str, makers: Vec<Maker>) -> Self {
        let folder = TempDir::new().unwrap();
        let config = format!("{config}\n[admin]\nsocket = {:?}\n", folder.path().join("admin.sock"));
        let dialects = makers.into_iter().map(|maker| Arc::new(maker) as Arc<dyn Dialect>).collect();
        Self { stand: Stand::speaking(&config, dialects).await, folder }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("admin.sock")
    }

    async fn told(&self, arguments: &[&str]) -> Value {
        let socket = self.socket();
        let ended = Child::start(&[&["admin"], arguments, &["--json", "--socket", socket.to_str().unwrap()]].concat()).ended().await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{arguments:?} {ended:?}");
        serde_json::from_str(&ended.stdout).unwrap()
    }

    /// The words with which a command was refused.
    async fn refused(&self, arguments: &[&str]) -> String {
        let socket = self.socket();
        let ended = Child::start(&[&["admin"], arguments, &["--socket", socket.to_str().unwrap()]].concat()).ended().await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(64), ""), "{arguments:?} {ended:?}");
        ended.stderr
    }

    /// What becomes of a client that refreshes with this secret.
    async fn refresh(&self, client: &str, secret: &str, token: &Token) -> (u16, Value) {
        let mut request =
            post_form("/auth/device/token", &[("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", &token.refresh)]);
        let basic = BASE64.encode(format!("{client}:{secret}").as_bytes());
        request.headers_mut().insert("authorization", format!("Basic {basic}").parse().unwrap());
        let reply = send(self.stand.gateway.address, request).await;
        (reply.status.as_u16(), reply.json()["error"].clone())
    }
}

const ADD: [&str; 6] = ["client", "add", "--name", "My app", "--scopes", "inference"];

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_made_its_secret_is_shown_once_and_a_reset_makes_another() {
    let upstream = RawUpstream::start().await;
    let workshop = Workshop::with(&forwarding(upstream.address), vec![BOOTSPRING]).await;
    let address = workshop.stand.gateway.address;
    let made = workshop.told(&ADD).await;
    let (id, secret) = (text(&made, "id"), text(&made, "secret"));
    assert!(id.starts_with("app_") && secret.starts_with("secret_"));
    let device_flow = "refresh_token urn:ietf:params:oauth:grant-type:device_code client_credentials";
    assert_eq!((&made["grant_types"], &made["public"], &made["verified"]), (&device_flow.into(), &false.into(), &false.into()));
    for shown in [workshop.told(&["client", "show", id]).await, workshop.told(&["client", "list"]).await] {
        assert!(shown.to_string().contains(id) && !shown.to_string().contains("secret_"), "{shown}");
    }
    let token = workshop.stand.token_of("ada", id).await;
    assert_eq!(workshop.refresh(id, "wrong", &token).await, (401, "invalid_client".into()));
    let mut stream = streaming(address, &upstream, &token.access).await;

    let reset = workshop.told(&["client", "reset", id]).await;
    let next = text(&reset, "secret");
    assert_eq!(workshop.refresh(id, secret, &token).await, (401, "invalid_client".into()));
    assert_eq!(workshop.refresh(id, next, &token).await, (200, Value::Null));
    // Tokens stay, and what is on its way goes on.
    stream.1.send_chunk("data: 2\n\n").await;
    assert_eq!(stream.0.chunk().await.as_deref(), Some("data: 2\n\n"));

    workshop.told(&["client", "delete", id]).await;
    is_cut(stream).await;
    assert_eq!(use_of(address, &token.access).await, (401, "token_revoked".into()));
    assert_eq!(workshop.refresh(id, next, &token).await, (401, "invalid_client".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_made_as_it_was_said() {
    let workshop = Workshop::with(CONFIG, vec![BOOTSPRING, OTHER]).await;
    let uris = "https://app.example/cb http://127.0.0.1/cb https://app.example/cb";
    let more = ["--dialect", "other", "--user", "Ada", "--redirect-uris", uris, "--tokens", "ES256", "--public", "--verified"];
    let mut made = workshop.told(&[&ADD[..], &more, &["--description", " Draws. "]].concat()).await;
    let id = text(&made, "id").to_owned();
    for differs in ["id", "created"] {
        made.as_object_mut().unwrap().remove(differs);
    }
    let expected = json!({
        "dialect": "other", "name": "My app", "description": "Draws.", "origin": "managed", "user": "ada", "enabled": true,
        "verified": true, "public": true, "scopes": "inference", "grant_types": "authorization_code refresh_token",
        "redirect_uris": "https://app.example/cb http://127.0.0.1/cb", "tokens": "ES256", "resource_server": false, "expires": null,
        "secret": null,
    });
    assert_eq!(made, expected);
    let server = workshop.told(&[&ADD[..], &["--dialect", "bootspring", "--resource-server"]].concat()).await;
    assert_eq!((&server["resource_server"], &server["grant_types"], &server["user"]), (&true.into(), &"".into(), &Value::Null));
    assert!(server["secret"].is_string());

    let ids = |list: Value| list.as_array().unwrap().iter().map(|client| text(client, "id").to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(workshop.told(&["client", "list", "--user", "ada"]).await), [id.as_str()]);
    assert_eq!(ids(workshop.told(&["client", "list", "--dialect", "other"]).await), [id.as_str()]);
    let all = ["app", "bootspring-cli", text(&server, "id"), &id];
    assert_eq!(ids(workshop.told(&["client", "list"]).await), all);
    assert_eq!(workshop.told(&["client", "list", "--user", "ada", "--dialect", "bootspring"]).await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_could_not_be_is_refused_with_a_reason() {
    let workshop = Workshop::with(CONFIG, vec![BOOTSPRING, OTHER]).await;
    let of = |dialect| [&ADD[..], &["--dialect", dialect]].concat();
    let (in_bootspring, in_other) = (of("bootspring"), of("other"));
    let long = "x".repeat(501);
    for (so_far, more, words) in [
        (&ADD[..], &[][..], "name one as `dialect`: bootspring other"),
        (&ADD, &["--dialect", "serika"], "`dialect` names one that is on and has clients that are made: bootspring other"),
        (&in_bootspring, &["--user", "no body"], "user name has"),
        (&in_bootspring, &["--public", "--resource-server"], "a public client has none"),
        (&in_bootspring, &["--redirect-uris", "https://a.example/cb http://b.example/cb"], "redirect URI 2 is http"),
        (&in_bootspring, &["--redirect-uris", "https://u:hunter2@a.example/cb"], "redirect URI 1 has a user name or a password"),
        (&in_bootspring, &["--redirect-uris", "https://a.example/cb", "--grant-types", "client_credentials"], "of use with"),
        (&in_bootspring, &["--grant-types", "authorization_code"], "authorization_code needs `redirect_uris`"),
        (&in_bootspring, &["--grant-types", "client_credentials", "--public"], "for clients with a secret"),
        (&in_bootspring, &["--grant-types", "password"], "some of these grant types: authorization_code refresh_token urn:"),
        (&in_bootspring, &["--grant-types", ""], "no way in which it could ask"),
        (&in_bootspring, &["--tokens", "RS256"], "opaque, EdDSA or ES256"),
        (&in_bootspring, &["--description", &long], "at most 500 characters"),
        (&in_bootspring, &["--description", "a\nb"], "one line"),
        (&in_other, &["--grant-types", "client_credentials"], "of the dialect other may have some of these grant types"),
        (&in_other, &[], "no way in which it could ask"),
        (&["client", "add", "--dialect", "other", "--name", "x", "--scopes", "root"], &[], "some of these scopes: images inference"),
        (&["client", "add", "--dialect", "other", "--name", "a\u{202e}b", "--scopes", ""], &[], "the name holds a control"),
    ] {
        let said = workshop.refused(&[so_far, more].concat()).await;
        assert!(said.starts_with("gatepost: ") && said.contains(words) && !said.contains("hunter2"), "{more:?} {said}");
    }
    let list = workshop.told(&["client", "list"]).await;
    assert!(list.as_array().unwrap().iter().all(|client| client["origin"] == "declared"), "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_clients_with_one_id_in_several_dialects_one_has_to_be_named() {
    let namesake = "[[dialects.bootspring.clients]]\nid = \"serechat\"\nname = \"Namesake\"\nscopes = [\"images\"]\n[dialects.serechat]";
    let workshop = Workshop::with(&format!("{CONFIG}\n{namesake}"), Vec::new()).await;
    let said = workshop.refused(&["client", "disable", "serechat"]).await;
    assert!(said.contains("there is a client of that id in bootspring and serechat; name one of these as `dialect`"), "{said}");
    let disabled = workshop.told(&["client", "disable", "serechat", "--dialect", "serechat"]).await;
    assert_eq!((&disabled["dialect"], &disabled["enabled"]), (&"serechat".into(), &false.into()));
    assert_eq!(workshop.told(&["client", "show", "serechat", "--dialect", "bootspring"]).await["enabled"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_was_given_for_itself_is_listed_and_ends_with_it() {
    const STYLE: Style = Style {
        dialect: "bootspring",
        access: "bs_at_",
        access_life: std::time::Duration::from_secs(900),
        format: TokenFormat::Opaque,
        refresh: None,
    };
    let upstream = RawUpstream::start().await;
    let workshop = Workshop::with(&forwarding(upstream.address), vec![BOOTSPRING]).await;
    let (address, engine) = (workshop.stand.gateway.address, &workshop.stand.gateway.engine);
    let made = workshop.told(&ADD).await;
    let id = text(&made, "id");
    let client = engine.client("bootspring", &ClientId::new(id)).await.unwrap().unwrap();
    let peer = std::net::Ipv4Addr::LOCALHOST.into();
    let own = OwnAccess { style: &STYLE, client: &client, scopes: None, audience: Default::default(), peer };
    let access = engine.own_access(own).await.unwrap().access.expose_secret().to_owned();
    workshop.stand.token_of("ada", "app").await;

    let own = workshop.told(&["grant", "list", "--client", id]).await;
    assert_eq!((own.as_array().unwrap().len(), &own[0]["user"], &own[0]["state"]), (1, &Value::Null, &"live".into()));
    assert_eq!(workshop.told(&["grant", "show", text(&own[0], "id")]).await, own[0]);
    let all = workshop.told(&["grant", "list"]).await;
    assert_eq!((&all[0]["user"], &all[1]), (&"ada".into(), &own[0]));
    assert_eq!(workshop.told(&["grant", "list", "--user", "ada"]).await.as_array().unwrap().len(), 1);

    let stream = streaming(address, &upstream, &access).await;
    workshop.told(&["client", "disable", id]).await;
    is_cut(stream).await;
    assert_eq!(use_of(address, &access).await, (401, "token_revoked".into()));
    assert_eq!(workshop.told(&["grant", "list", "--client", id]).await[0]["state"], "suspended");
    workshop.told(&["client", "revoke", id]).await;
    workshop.told(&["client", "enable", id]).await;
    assert_eq!(workshop.told(&["grant", "list", "--client", id]).await, json!([]));
    assert_eq!(use_of(address, &access).await, (401, "token_revoked".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_every_client_has_a_secret_none_is_made_without() {
    let workshop = Workshop::with(CONFIG, vec![CONFIDENTIAL]).await;
    let redirects = [&ADD[..], &["--redirect-uris", "https://app.example.com/cb"]].concat();
    let refused = workshop.refused(&[&redirects[..], &["--public"]].concat()).await;
    assert!(refused.contains("a client of the dialect secretive always has a secret; leave `public` out"), "{refused}");
    assert!(text(&workshop.told(&redirects).await, "secret").starts_with("secret_"));
    workshop.stand.gateway.end().await;
}
