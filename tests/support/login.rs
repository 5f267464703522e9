//! A dialect of the tests' own, whose devices log in to tenants, and a device that speaks it.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use gatepost::{
    config::{Claim as Claimed, Mounted},
    dialects::{Dialect, House, LoginPage, PageAt},
    engine::{ClientIds, CreateClient, Deliver, Delivered, Error, Spelling, Start, Style, Wide},
    message::Endpoint,
    oauth::{
        audience::Audience,
        claim::Claim,
        client::{Client, Declared, GrantType, Origin},
        grant::{Channel, Login, Requester},
        scope::Scopes,
        signing::TokenFormat,
        tenant::{Slug, Tenant, TenantId, Tenants},
        user::UserName,
    },
};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;

use super::gateway::Gateway;

/// Where its page is.
pub(crate) const PAGE: &str = "/device-auth";
const NAME: &str = "logins";
const KEY_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);
const STYLE: Style = Style { dialect: NAME, access: "key_", access_life: KEY_LIFE, format: TokenFormat::Opaque, refresh: None };

/// The dialect.
#[derive(Default)]
pub(crate) struct Logins {
    pub(crate) tenants: Vec<Tenant>,
    /// The presets for which people sign in again.
    pub(crate) sign_in_again: Vec<String>,
    /// The scope that stands for others, if there is one.
    pub(crate) wide: Option<&'static str>,
}

impl Logins {
    /// One with these tenants: slug, name, and who is in it; nobody named is everybody.
    pub(crate) fn to(tenants: &[(&str, &str, &[&str])]) -> Self {
        let tenant = |(slug, name, members): &(&str, &str, &[&str])| {
            let slug = Slug::parse(slug).unwrap();
            let members = members.iter().map(|name| UserName::parse(name).unwrap()).collect();
            let members = Some(members).filter(|members: &std::collections::BTreeSet<_>| !members.is_empty());
            Tenant { id: TenantId::from(&slug), slug, name: (*name).to_owned(), members }
        };
        Self { tenants: tenants.iter().map(tenant).collect(), ..Self::default() }
    }
}

impl Mounted for Logins {
    fn claims(&self) -> Vec<Claimed> {
        Vec::new()
    }

    fn clients(&self) -> Vec<Declared> {
        Vec::new()
    }
}

impl Dialect for Logins {
    fn endpoints(self: Arc<Self>, _: &House) -> Vec<Endpoint> {
        Vec::new()
    }

    fn login_page(&self) -> Option<LoginPage> {
        Some(LoginPage { at: PageAt { host: None, path: PAGE.to_owned() }, sign_in_again: self.sign_in_again.clone() })
    }

    fn tenants(&self) -> Option<Arc<Tenants>> {
        Some(Arc::new(Tenants::new(self.tenants.clone()).unwrap()))
    }

    fn wide(&self) -> Vec<Wide> {
        self.wide.map(|scope| Wide { dialect: NAME, scope, implies: Scopes::default() }).into_iter().collect()
    }
}

/// A program that logs in.
#[derive(Clone)]
pub(crate) struct Device {
    client: Client,
    /// What it calls itself.
    pub(crate) app: Option<Claim>,
    /// What it calls the machine.
    pub(crate) label: Option<Claim>,
    /// What it wants.
    pub(crate) login: Login,
    /// What the preset stands for.
    pub(crate) scopes: Scopes,
}

/// Its codes.
pub(crate) struct Codes {
    device_code: SecretString,
    pub(crate) user_code: String,
}

impl Codes {
    /// The page's address with the code, as the device shows it.
    pub(crate) fn link(&self) -> String {
        format!("{PAGE}?user_code={}", self.user_code)
    }
}

impl Device {
    /// An editor on a laptop, which wants to use the models and to draw.
    pub(crate) async fn at(gateway: &Gateway) -> Self {
        let create = CreateClient {
            spelling: Spelling { dialect: NAME, id: ClientIds::After("login_"), secret: "secret_" },
            owner: None,
            origin: Origin::Managed,
            name: Claim::exact("A login").unwrap(),
            description: None,
            redirect_uris: Vec::new(),
            scopes: Scopes::parse("inference images").unwrap(),
            grant_types: [GrantType::DeviceCode].into(),
            public: true,
            format: None,
            resource_server: None,
            verified: false,
        };
        let client = gateway.engine.create_client(create).await.unwrap().0;
        let login = Login { preset: "operator".into(), client_type: "IDE".into(), device: Some("device-1".into()), tenant: None };
        let scopes = Scopes::parse("inference images").unwrap();
        Self { client, app: Claim::cleaned("VS Code"), label: Claim::cleaned("adas-laptop"), login, scopes }
    }

    /// The same, called so, on a machine that is called so.
    pub(crate) fn named(&self, name: &str) -> Self {
        Self { app: Claim::cleaned(name), label: Claim::cleaned(name), ..self.clone() }
    }

    /// The same with another wish.
    pub(crate) fn wanting(&self, change: impl FnOnce(&mut Login)) -> Self {
        let mut other = self.clone();
        change(&mut other.login);
        other
    }

    /// Asks.
    pub(crate) async fn ask(&self, gateway: &Gateway) -> Codes {
        // At most five a minute.
        gateway.time.advance(Duration::from_secs(12));
        let start = Start {
            style: &STYLE,
            prefix: "key_dc_",
            client: &self.client,
            scopes: Some(self.scopes.clone()),
            audience: Audience::default(),
            requester: Requester {
                app: self.app.clone(),
                device: self.label.clone(),
                // As a dialect would say it for those who know nothing of presets.
                platform: Claim::cleaned("a kind of program"),
                network: Ipv4Addr::LOCALHOST.into(),
            },
            channel: Channel::Delivered(self.login.clone()),
            life: Duration::from_secs(600),
        };
        let started = gateway.engine.start(start).await.unwrap();
        Codes { device_code: started.device_code, user_code: started.user_code.letters() }
    }

    /// Asks whether it was let in: its key, and in which tenant.
    pub(crate) async fn poll(&self, gateway: &Gateway, codes: &Codes) -> Result<(String, String), String> {
        let deliver = Deliver {
            style: &STYLE,
            client: &self.client,
            device_code: codes.device_code.expose_secret(),
            hold: Duration::ZERO,
            peer: Ipv4Addr::LOCALHOST.into(),
            gone: &CancellationToken::new(),
        };
        match gateway.engine.deliver(deliver).await {
            Ok(Delivered { secret, tenant, .. }) => Ok((secret.expose_secret().to_owned(), tenant)),
            Err(Error::Refused(refusal)) => Err(format!("{:?}", refusal.code)),
            Err(error) => panic!("{error}"),
        }
    }
}
