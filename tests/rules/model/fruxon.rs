//! Fruxon's way against a model of it: logins of several devices in several tenants, and the keys that
//! they get.

use std::time::Duration;

use gatepost::{
    engine::{Decider, Decision, Error, Holder},
    oauth::{grant::Rotation, id::GrantId, refusal::ErrorCode, scope::Scopes, user::User},
    verify::Denied,
};
use proptest::{collection::vec, option, prelude::*, sample::Index};

use super::{alone, expected::Admission};
use crate::{
    rules::logins::{DAY, KEY_LIFE, KEYS, LOGIN_LIFE, Secret, begin, client, deliver, refused, tenant as named},
    support::{
        house::{CLIENT, House, Login, USER},
        records::{scopes, user},
    },
};

const TENANTS: [&str; 2] = ["default", "acme"];
const DEVICES: [&str; 2] = ["laptop", "phone"];

#[derive(Clone, Debug)]
enum Event {
    Begin(Option<usize>),
    Decide(Index, Say),
    Poll(Index),
    Rotate(Index, Turn),
    RevokeLogin(Index),
    RevokeKey(Index),
    /// With every secret there is.
    UseAll,
    Pass(Duration),
    Enable(bool),
    NextGeneration,
}

/// What the user says to a login.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Say {
    Yes(usize),
    No,
    /// Yes, but nobody knows where.
    YesNowhere,
    /// Yes, but he holds less than is asked for.
    YesToLess,
}

/// What a rotation is to change besides the secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Turn {
    Nothing,
    Narrow,
    Widen,
    Shorten,
    Lengthen,
}

fn span() -> impl Strategy<Value = Duration> {
    let edges = [LOGIN_LIFE, DAY, 30 * DAY, KEY_LIFE, 2 * DAY];
    let tick = Duration::from_nanos(1);
    prop_oneof![
        6 => (0..60_u64).prop_map(Duration::from_secs),
        2 => proptest::sample::select(edges.to_vec()),
        1 => proptest::sample::select(edges.map(|edge| edge - tick).to_vec()),
    ]
}

fn say() -> impl Strategy<Value = Say> {
    prop_oneof![
        12 => (0..TENANTS.len()).prop_map(Say::Yes),
        1 => Just(Say::No),
        1 => Just(Say::YesNowhere),
        1 => Just(Say::YesToLess),
    ]
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![4 => Just(Turn::Nothing), 1 => Just(Turn::Narrow), 1 => Just(Turn::Widen), 1 => Just(Turn::Shorten), 1 => Just(Turn::Lengthen)]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => option::of(0..DEVICES.len()).prop_map(Event::Begin),
        10 => (any::<Index>(), say()).prop_map(|(index, say)| Event::Decide(index, say)),
        12 => any::<Index>().prop_map(Event::Poll),
        5 => (any::<Index>(), turn()).prop_map(|(index, turn)| Event::Rotate(index, turn)),
        1 => any::<Index>().prop_map(Event::RevokeLogin),
        1 => any::<Index>().prop_map(Event::RevokeKey),
        4 => Just(Event::UseAll),
        6 => span().prop_map(Event::Pass),
        1 => any::<bool>().prop_map(Event::Enable),
        1 => Just(Event::NextGeneration),
    ]
}

/// What has become of a login.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Pending,
    Approved { generation: u64, tenant: usize },
    Denied(Duration),
    Delivered(Duration),
    Revoked(Duration),
}

struct Asked {
    login: Login,
    at: Duration,
    device: Option<usize>,
    fate: Fate,
}

struct Key {
    id: GrantId,
    tenant: usize,
    device: Option<usize>,
    generation: u64,
    expires: Duration,
    is_narrow: bool,
    revoked: Option<Duration>,
    secrets: Vec<String>,
}

struct Run {
    house: House,
    user: User,
    now: Duration,
    logins: Vec<Asked>,
    keys: Vec<Key>,
}

impl Asked {
    fn is_late(&self, now: Duration) -> bool {
        now >= self.at + LOGIN_LIFE
    }

    fn is_forgotten(&self, now: Duration) -> bool {
        now >= match self.fate {
            Fate::Pending | Fate::Approved { .. } => self.at + LOGIN_LIFE + DAY,
            Fate::Denied(at) | Fate::Delivered(at) => at + DAY,
            Fate::Revoked(at) => at + 30 * DAY,
        }
    }
}

impl Key {
    fn is_forgotten(&self, now: Duration) -> bool {
        now >= self.revoked.map_or(self.expires + DAY, |at| at + 30 * DAY)
    }

    fn is_upheld(&self, user: &User) -> bool {
        user.enabled && user.generation == self.generation
    }

    fn admit(&self, secret: usize, user: &User, now: Duration) -> Admission {
        if self.is_forgotten(now) {
            Admission::Unknown
        } else if self.revoked.is_some() || !self.is_upheld(user) || secret + 1 < self.secrets.len() {
            Admission::Revoked
        } else if now >= self.expires {
            Admission::Expired
        } else {
            Admission::Open
        }
    }
}

impl Run {
    async fn begin() -> Self {
        Self { house: House::new().await, user: user(USER), now: Duration::ZERO, logins: Vec::new(), keys: Vec::new() }
    }

    async fn happens(&mut self, event: &Event) {
        match event {
            Event::Begin(device) => {
                let login = begin(&self.house, device.map(|device| DEVICES[device])).await.unwrap();
                self.logins.push(Asked { login, at: self.now, device: *device, fate: Fate::Pending });
            }
            // A user who is disabled has no session to decide in.
            Event::Decide(index, say) => {
                if let Some(at) = choose(index, self.logins.len()).filter(|_| self.user.enabled) {
                    self.decide(at, *say).await;
                }
            }
            Event::Poll(index) => {
                if let Some(at) = choose(index, self.logins.len()) {
                    self.poll(at).await;
                }
            }
            Event::Rotate(index, turn) => {
                if let Some(at) = choose(index, self.keys.len()) {
                    self.rotate(at, *turn).await;
                }
            }
            Event::RevokeLogin(index) => {
                if let Some(at) = choose(index, self.logins.len()) {
                    let asked = &mut self.logins[at];
                    let answer = self.house.revoke(asked.login.grant).await;
                    let ends = matches!(asked.fate, Fate::Approved { .. });
                    let is_there = !asked.is_forgotten(self.now) && (ends || matches!(asked.fate, Fate::Revoked(_)));
                    assert_eq!(refused(&answer), (!is_there).then_some(ErrorCode::InvalidGrant));
                    if is_there && ends {
                        asked.fate = Fate::Revoked(self.now);
                    }
                }
            }
            Event::RevokeKey(index) => {
                if let Some(at) = choose(index, self.keys.len()) {
                    let key = &mut self.keys[at];
                    let answer = self.house.revoke(key.id).await;
                    let is_there = !key.is_forgotten(self.now);
                    assert_eq!(refused(&answer), (!is_there).then_some(ErrorCode::InvalidGrant));
                    if is_there {
                        key.revoked.get_or_insert(self.now);
                    }
                }
            }
            Event::UseAll => self.use_all().await,
            Event::Pass(span) => {
                self.house.pass(*span);
                self.now += *span;
            }
            Event::Enable(enabled) => {
                self.user.enabled = *enabled;
                self.house.change_user(&self.user).await;
            }
            Event::NextGeneration => {
                self.user.generation += 1;
                self.house.change_user(&self.user).await;
            }
        }
    }

    async fn decide(&mut self, at: usize, say: Say) {
        let little = User { scopes: Scopes::parse("chat").unwrap(), ..self.user.clone() };
        let (by, tenant, decision) = match say {
            Say::Yes(tenant) => (&self.user, Some(TENANTS[tenant]), Decision::Approve),
            Say::No => (&self.user, None, Decision::Deny),
            Say::YesNowhere => (&self.user, None, Decision::Approve),
            Say::YesToLess => (&little, Some(TENANTS[0]), Decision::Approve),
        };
        let asked = &mut self.logins[at];
        let tenant = tenant.map(named);
        let answer = self.house.engine.decide_in(tenant.as_ref(), asked.login.grant, Decider { user: by, session: None }, decision).await;
        let is_open = asked.fate == Fate::Pending && !asked.is_late(self.now);
        let expected = match say {
            _ if asked.is_forgotten(self.now) => Some(ErrorCode::InvalidGrant),
            Say::YesNowhere | Say::YesToLess => Some(ErrorCode::AccessDenied),
            Say::Yes(_) | Say::No => (!is_open).then_some(ErrorCode::InvalidGrant),
        };
        assert_eq!(refused(&answer), expected);
        match say {
            Say::Yes(tenant) if is_open => asked.fate = Fate::Approved { generation: self.user.generation, tenant },
            Say::No if is_open => asked.fate = Fate::Denied(self.now),
            _ => {}
        }
    }

    async fn poll(&mut self, at: usize) {
        let answer = deliver(&self.house, &self.logins[at].login.device_code).await;
        let asked = &self.logins[at];
        let expected = match asked.fate {
            _ if asked.is_forgotten(self.now) => ErrorCode::InvalidGrant,
            Fate::Pending | Fate::Approved { .. } if asked.is_late(self.now) => ErrorCode::ExpiredToken,
            // How fast a pending login may be polled is another matter.
            Fate::Pending if matches!(answer, Err(Error::Limited(_))) => return,
            Fate::Pending => ErrorCode::AuthorizationPending,
            Fate::Approved { generation, tenant } if self.user.enabled && generation == self.user.generation => {
                return self.delivered(at, tenant, answer.unwrap());
            }
            Fate::Approved { .. } | Fate::Denied(_) | Fate::Revoked(_) => ErrorCode::AccessDenied,
            Fate::Delivered(_) => ErrorCode::Consumed,
        };
        assert_eq!(refused(&answer), Some(expected));
    }

    /// Into the key of that device, if it has one that is remembered, or into another.
    fn delivered(&mut self, at: usize, tenant: usize, secret: Secret) {
        let asked = &mut self.logins[at];
        asked.fate = Fate::Delivered(self.now);
        assert!(self.keys.iter().all(|key| !key.secrets.contains(&secret.text)), "an old secret was given as a new one");
        let (device, now, generation) = (asked.device, self.now, self.user.generation);
        let is_same = |key: &&mut Key| (key.tenant, key.device) == (tenant, device) && key.revoked.is_none() && !key.is_forgotten(now);
        match self.keys.iter_mut().filter(|key| key.device.is_some()).find(is_same) {
            Some(key) => {
                assert_eq!(secret.key, key.id, "the device has another key");
                (key.generation, key.expires, key.is_narrow) = (generation, now + KEY_LIFE, false);
                key.secrets.push(secret.text);
            }
            None => {
                assert!(self.keys.iter().all(|key| key.id != secret.key), "the key is another device's");
                let (id, expires, secrets) = (secret.key, now + KEY_LIFE, vec![secret.text]);
                self.keys.push(Key { id, tenant, device, generation, expires, is_narrow: false, revoked: None, secrets });
            }
        }
    }

    async fn rotate(&mut self, at: usize, turn: Turn) {
        let (narrow, wide) = (Scopes::parse("chat").unwrap(), Scopes::parse("chat models:read admin").unwrap());
        let (key, now) = (&mut self.keys[at], self.now);
        let left = key.expires.saturating_sub(now);
        let rotation = match turn {
            Turn::Nothing => Rotation::default(),
            Turn::Narrow => Rotation { scopes: Some(&narrow), ..Rotation::default() },
            Turn::Widen => Rotation { scopes: Some(&wide), ..Rotation::default() },
            Turn::Shorten => Rotation { life: Some(left / 2), ..Rotation::default() },
            Turn::Lengthen => Rotation { life: Some(left + Duration::from_nanos(1)), ..Rotation::default() },
        };
        let may = scopes();
        let holder = Holder { key: key.id, user: self.user.id, tenant: TENANTS[key.tenant], scopes: &may };
        let answer = self.house.engine.rotate_device_key(&KEYS, &client(CLIENT), holder, key.id, rotation).await;
        let lives = key.admit(key.secrets.len() - 1, &self.user, now) == Admission::Open;
        let expected = match turn {
            _ if !lives => Some(ErrorCode::InvalidGrant),
            Turn::Widen => Some(ErrorCode::InvalidScope),
            Turn::Lengthen => Some(ErrorCode::AccessDenied),
            Turn::Nothing | Turn::Narrow | Turn::Shorten => None,
        };
        assert_eq!(refused(&answer), expected);
        if let Ok((_, secret)) = answer {
            use secrecy::ExposeSecret;
            let text = secret.expose_secret().to_owned();
            assert!(!key.secrets.contains(&text), "an old secret was given as a new one");
            key.secrets.push(text);
            key.is_narrow |= turn == Turn::Narrow;
            if turn == Turn::Shorten {
                key.expires = now + left / 2;
            }
        }
    }

    async fn use_all(&self) {
        for key in &self.keys {
            let mut open = 0;
            for (at, secret) in key.secrets.iter().enumerate() {
                match (key.admit(at, &self.user, self.now), self.house.show(secret).await.map(|(subject, _)| subject)) {
                    (Admission::Open, Ok(subject)) => {
                        open += 1;
                        let narrow = if key.is_narrow { "chat" } else { "chat models:read" };
                        let expected = (key.id, Some(TENANTS[key.tenant]), narrow.to_owned());
                        assert_eq!((subject.grant, subject.tenant.as_deref(), subject.scopes.to_string()), expected);
                    }
                    (Admission::Unknown, Err(Denied::Unknown))
                    | (Admission::Expired, Err(Denied::Expired(_)))
                    | (Admission::Revoked, Err(Denied::Revoked(_))) => {}
                    (expected, answer) => panic!("secret {at} of {}: expected {expected:?}, and got {answer:?}", key.secrets.len()),
                }
            }
            assert!(open <= 1, "{open} secrets of one key open something");
        }
    }
}

fn choose(index: &Index, among: usize) -> Option<usize> {
    (among > 0).then(|| index.index(among))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_happens_to_devices_and_their_keys_the_model_knows_it(events in vec(event(), 1..80)) {
        alone(async {
            let mut run = Run::begin().await;
            for event in &events {
                run.happens(event).await;
            }
            run.use_all().await;
        });
    }
}
