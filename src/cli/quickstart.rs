//! `gatepost quickstart`: everything that `serve` does, with a configuration made on the spot, a
//! sample model server where none is named, and a first user.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    num::NonZeroUsize,
    path::Path,
};

use http::{Request, Response};
use http_body_util::BodyExt;
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{Failure, Quickstart, sample, say, serve};
use crate::{
    app::{Interior, Plan},
    clock::Clock,
    config::{Connections, Written},
    engine::{AddUser, AddUserError},
    message::{Body, Call, Handler, Peer, RequestId},
    net::{
        Ceiling, Drain, RequestBody, Service,
        peer::Proxies,
        runtime::{Listeners, Threads},
    },
    oauth::user::UserName,
};

const USER: &str = "demo";
const CLIENT: &str = "my-app";

/// Runs until SIGTERM or SIGINT.
pub(super) fn run(arguments: &Quickstart) -> Result<(), Failure> {
    let clock = Clock::system();
    let sample = match arguments.upstream {
        Some(_) => None,
        None => Some(Sample::start(&clock)?),
    };
    let upstream = match (&arguments.upstream, &sample) {
        (Some(url), _) => url.clone(),
        (None, Some(sample)) => format!("http://{}", sample.address),
        (None, None) => String::new(),
    };
    let listen = settled(arguments.listen).map_err(|cause| Failure::Io { what: "cannot find a free port", cause })?;
    let text = configuration(arguments, listen, &upstream);
    let plan = Plan::read(Written { name: "quickstart", text: &text, folder: Path::new("") })?;
    serve::start_log(&plan)?;
    serve::to_its_end(async {
        let interior = Interior::open(plan, clock).await?;
        let password = first_user(&interior).await?;
        let gateway = interior.serve(&Handle::current())?;
        say(&welcome(&format!("http://{}", reachable(gateway.address)), arguments, password.as_ref()))?;
        Ok(gateway)
    })?;
    if let Some(sample) = sample {
        sample.end();
    }
    Ok(())
}

/// What an operator would have written.
fn configuration(arguments: &Quickstart, listen: SocketAddr, upstream: &str) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    format!(
        r#"
public_url = {public_url}
listen = {listen}
drain = "3s"
[store]
path = {data}
[scopes]
inference = "Use the AI models on your behalf."
[users]
default_scopes = ["inference"]
[upstreams.model]
url = {upstream}
[[routes]]
prefix = "/v1"
scopes = ["inference"]
[dialects.bootspring]
[[dialects.bootspring.clients]]
id = "bootspring-cli"
name = "Bootspring CLI"
scopes = ["inference"]
[[dialects.bootspring.clients]]
id = "{CLIENT}"
name = "My app"
scopes = ["inference"]
[dialects.fruxon]
[dialects.serble]
scopes = ["inference"]
[dialects.serechat]
[dialects.serika]
scopes = ["inference"]
[dialects.standard]
scopes = ["inference"]
registration = true
"#,
        public_url = quoted(&format!("http://{}", reachable(listen))),
        listen = quoted(&listen.to_string()),
        data = quoted(&arguments.data.display().to_string()),
        upstream = quoted(upstream),
    )
}

/// Where to listen. A free port is found before anything is said of it: links are made of it.
fn settled(listen: SocketAddr) -> io::Result<SocketAddr> {
    if listen.port() == 0 { TcpListener::bind(listen)?.local_addr() } else { Ok(listen) }
}

/// The address at which this machine reaches what listens on all of its addresses.
fn reachable(listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], listen.port())) } else { listen }
}

/// Makes the first user; `None` where there is one from an earlier start.
async fn first_user(interior: &Interior) -> Result<Option<SecretString>, Failure> {
    let name = UserName::parse(USER).map_err(|error| Failure::Usage(error.to_string()))?;
    let password = SecretString::from(random_password());
    let add = AddUser {
        name,
        password: password.clone(),
        email: Some(format!("{USER}@localhost")),
        avatar: None,
        scopes: interior.config().default_scopes.clone(),
    };
    match interior.engine().add_user(add).await {
        Ok(_) => Ok(Some(password)),
        Err(AddUserError::NameTaken) => Ok(None),
        Err(AddUserError::Unavailable(unavailable)) => Err(crate::app::StartError::Store(unavailable).into()),
    }
}

/// Eighty bits, in groups that a person can copy.
fn random_password() -> String {
    let text = data_encoding::BASE32_NOPAD.encode(&rand::random::<[u8; 10]>()).to_lowercase();
    format!("{}-{}-{}-{}", &text[..4], &text[4..8], &text[8..12], &text[12..])
}

fn welcome(url: &str, arguments: &Quickstart, password: Option<&SecretString>) -> String {
    let behind = match &arguments.upstream {
        Some(upstream) => upstream.clone(),
        None => "a built-in sample model server (--upstream URL puts yours there)".to_owned(),
    };
    let sign_in = match password {
        Some(password) => format!("{USER}, with the password {} (shown this once)", password.expose_secret()),
        None => format!("{USER}, with the password that the first start showed"),
    };
    let data = arguments.data.display();
    format!(
        r#"
Gatepost is running at {url}
  in front of   {behind}
  sign in as    {sign_in}
  libraries     any OAuth or MCP client finds its way: {url}/.well-known/oauth-authorization-server
  apps          of your own, in Serble's or Serika's way: {url}/apps
  fruxon        fruxon login --base-url {url} --no-browser --preset operator
                (open {url}/device-auth: the address that it prints has another host)
  data          {data} (delete the folder to start over)

Try it, in another terminal:

  # 1. Log in: ask for a code, open the address that this prints, and approve.
  LOGIN=$(curl -s {url}/auth/device/code -d client_id={CLIENT})
  echo "$LOGIN" | sed 's/.*"verification_uri_complete":"\([^"]*\)".*/Open: \1/'

  # 2. Fetch the token.
  CODE=$(echo "$LOGIN" | sed 's/.*"device_code":"\([^"]*\)".*/\1/')
  TOKEN=$(curl -s {url}/auth/device/token -d client_id={CLIENT} -d device_code="$CODE" \
    -d grant_type=urn:ietf:params:oauth:grant-type:device_code | sed 's/.*"access_token":"\([^"]*\)".*/\1/')

  # 3. Call.
  curl {url}/v1/chat/completions -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -d '{{"model":"sample","messages":[{{"role":"user","content":"Hello!"}}]}}'

  # 4. Stream.
  curl -N {url}/v1/chat/completions -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -d '{{"model":"sample","stream":true,"messages":[{{"role":"user","content":"Tell me a story."}}]}}'

  # 5. Take the access back, here or at {url}/applications, and call again: 401.
  curl -X POST {url}/api/v1/auth/logout -H "Authorization: Bearer $TOKEN"

Ctrl-C ends it.
"#
    )
}

/// The sample model server, on a port and a thread of its own.
struct Sample {
    address: SocketAddr,
    drain: Drain,
    threads: Threads,
}

impl Sample {
    fn start(clock: &Clock) -> Result<Self, Failure> {
        let failed = |cause| Failure::Io { what: "cannot start the sample model server", cause };
        let listeners = Listeners::bind(SocketAddr::from(([127, 0, 0, 1], 0)), NonZeroUsize::MIN).map_err(failed)?;
        let address = listeners.address;
        let drain = Drain::new(std::time::Duration::from_secs(1));
        let connections = Connections::default();
        let ceiling = Ceiling::new(&connections, Proxies::default(), clock.clone());
        let answers = vec![Answers(sample::handler(clock.clone()))];
        let threads = listeners.serve(answers, &connections, &ceiling, &drain).map_err(failed)?;
        Ok(Self { address, drain, threads })
    }

    fn end(self) {
        self.drain.begin();
        self.threads.join();
    }
}

/// A handler with nothing in front of it.
struct Answers(Handler);

impl Service for Answers {
    async fn answer(&self, request: Request<RequestBody>, peer: Peer) -> Response<Body> {
        let (head, body) = request.into_parts();
        let gone = CancellationToken::new();
        let call = Call {
            head,
            body: body.boxed_unsync(),
            pattern: "".into(),
            peer,
            id: RequestId::from_random(rand::random()),
            subject: None,
            gone: gone.clone(),
        };
        let _tells = gone.drop_guard();
        (self.0)(call).await
    }
}
