//! Devices that log in: each asks for a code, and polls on a connection of its own until somebody says yes.

use std::{
    collections::BTreeMap,
    mem,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use gatepost::{
    engine::{Decider, Decision, Engine},
    oauth::{
        id::GrantId,
        token::{Kind, Presented},
        user::User,
    },
};
use http::StatusCode;
use serde_json::json;
use tokio::{sync::mpsc, task::JoinSet, time};

use crate::{Outcome, figures::Times, http::Connection};

/// As the gateway says by default (RFC 8628 section 3.2).
const INTERVAL: Duration = Duration::from_secs(5);
/// Within so long all of them come for the first time.
const SPREAD: Duration = INTERVAL;
/// A yes is said to a device whose poll is held for that long at least and at most.
const HELD: std::ops::Range<Duration> = Duration::from_millis(50)..Duration::from_millis(1500);

/// A device, and since when its poll is held.
struct Device {
    grant: GrantId,
    code: String,
    held: Mutex<Option<Instant>>,
}

/// All of them.
pub(crate) struct Devices {
    devices: Vec<Arc<Device>>,
    connections: Vec<Connection>,
    polls: JoinSet<()>,
    seen: Arc<Seen>,
    released: (mpsc::UnboundedSender<Instant>, mpsc::UnboundedReceiver<Instant>),
}

/// What all of them together see.
#[derive(Default)]
struct Seen {
    /// How many polls are under way.
    held: AtomicUsize,
    /// How often which answer came that was neither tokens nor `authorization_pending`.
    refused: Mutex<BTreeMap<String, usize>>,
}

impl Devices {
    /// Asks for so many codes.
    pub(crate) async fn start(count: usize, at: SocketAddr, engine: &Engine) -> Outcome<Self> {
        let mut connection = Connection::open(at).await?;
        let mut devices = Vec::with_capacity(count);
        for _ in 0..count {
            let (_, answer) = connection.post("/auth/device/code", None, &json!({"client_id": "bootspring-cli"})).await?;
            let code = answer["device_code"].as_str().ok_or_else(|| format!("no device code: {answer}"))?.to_owned();
            let grant = Presented::read(engine.keyring(), Kind::DeviceCode, &code).ok_or("not our device code")?.grant();
            devices.push(Arc::new(Device { grant, code, held: Mutex::default() }));
        }
        let released = mpsc::unbounded_channel();
        Ok(Self { devices, connections: Vec::new(), polls: JoinSet::new(), seen: Arc::default(), released })
    }

    /// Connects each.
    pub(crate) async fn connect(&mut self, at: SocketAddr) -> Outcome<()> {
        for _ in &self.devices {
            self.connections.push(Connection::open(at).await?);
        }
        Ok(())
    }

    /// Lets all of them poll that are connected, one after the other within [`SPREAD`].
    pub(crate) fn poll(&mut self) {
        let pause = SPREAD / u32::try_from(self.devices.len()).unwrap_or(u32::MAX).max(1);
        let mut starts = Duration::ZERO;
        for (device, connection) in self.devices.iter().zip(mem::take(&mut self.connections)) {
            let (device, seen, released) = (Arc::clone(device), Arc::clone(&self.seen), self.released.0.clone());
            self.polls.spawn(async move {
                time::sleep(starts).await;
                if let Err(error) = device.poll(connection, &seen, &released).await {
                    seen.refused(error.to_string());
                }
            });
            starts += pause;
        }
    }

    /// How many polls are under way.
    pub(crate) fn held(&self) -> usize {
        self.seen.held.load(Ordering::Relaxed)
    }

    /// How often which answer came that was neither tokens nor `authorization_pending`.
    pub(crate) fn refused(&self) -> String {
        format!("{:?}", locked(&self.seen.refused))
    }

    /// Says yes to so many, one after the other, in this process, which is to the replica what another replica is.
    /// Answers how long the yes took, and how long it was until the device had its tokens.
    pub(crate) async fn approve(&mut self, count: usize, engine: &Engine, users: &[User]) -> Outcome<(Times, Times)> {
        let (mut decided, mut released) = (Times::default(), Times::default());
        for user in users.iter().cycle().take(count.min(self.devices.len())) {
            let device = self.next_held().await;
            let began = Instant::now();
            engine.decide(device.grant, Decider { user, session: None }, Decision::Approve).await?;
            decided.add(began.elapsed());
            let arrived = time::timeout(2 * INTERVAL, self.released.1.recv()).await?.ok_or("nobody polls")?;
            released.add(arrived.duration_since(began));
        }
        Ok((decided, released))
    }

    async fn next_held(&self) -> Arc<Device> {
        loop {
            if let Some(device) = self.devices.iter().find(|device| device.is_held()) {
                return Arc::clone(device);
            }
            time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Seen {
    fn refused(&self, answer: String) {
        *locked(&self.refused).entry(answer).or_default() += 1;
    }
}

impl Device {
    fn is_held(&self) -> bool {
        locked(&self.held).is_some_and(|since| HELD.contains(&since.elapsed()))
    }

    fn note(&self, since: Option<Instant>) {
        *locked(&self.held) = since;
    }

    async fn poll(&self, mut connection: Connection, seen: &Seen, released: &mpsc::UnboundedSender<Instant>) -> Outcome<()> {
        let grant_type = "urn:ietf:params:oauth:grant-type:device_code";
        let ask = json!({"grant_type": grant_type, "client_id": "bootspring-cli", "device_code": self.code});
        loop {
            self.note(Some(Instant::now()));
            seen.held.fetch_add(1, Ordering::Relaxed);
            let answer = connection.post("/auth/device/token", None, &ask).await;
            seen.held.fetch_sub(1, Ordering::Relaxed);
            self.note(None);
            match answer? {
                (StatusCode::OK, _) => return Ok(released.send(Instant::now())?),
                (_, answer) if answer["error"] == "authorization_pending" => {}
                (status, answer) => seen.refused(format!("{} {}", status.as_u16(), answer["error"])),
            }
            time::sleep(INTERVAL).await;
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
