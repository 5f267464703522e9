//! Serble's way against a model of it: a code without a verifier, one refresh token, any number of
//! access tokens.

use std::time::Duration;

use gatepost::{
    engine::Error,
    oauth::{id::GrantId, refusal::ErrorCode, signing::Algorithm, user::User},
    verify::Denied,
};
use proptest::{collection::vec, prelude::*, sample::Index};

use super::{alone, expected::Admission};
use crate::{
    rules::logins::{CODE_LIFE, DAY, HOUR, Jwts, TEN_YEARS, authorized, client, redeem, refused, renew, renew_as, signing},
    support::{
        house::{CLIENT, House, STRANGER, USER},
        records::user,
    },
};

const RETRY: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
enum Event {
    /// With a verifier that nobody asked for, or without.
    Redeem(bool),
    Renew,
    /// Another client shows what is this one's.
    Stranger,
    /// With every access token there is.
    UseAll,
    /// An access token alone is given back.
    RevokeAccess(Index),
    Revoke,
    Pass(Duration),
    Enable(bool),
    NextGeneration,
    /// Another key signs from now on.
    RotateKey,
    /// And what the old one signed is worth nothing.
    RevokeKey,
}

fn span() -> impl Strategy<Value = Duration> {
    let edges = [RETRY, CODE_LIFE, HOUR / 2, HOUR, DAY, 29 * DAY, 30 * DAY, TEN_YEARS];
    let tick = Duration::from_nanos(1);
    prop_oneof![
        4 => (0..3_u64).prop_map(Duration::from_secs),
        3 => (3..2500_u64).prop_map(Duration::from_secs),
        2 => proptest::sample::select(edges[..4].to_vec()),
        1 => proptest::sample::select(edges.to_vec()),
        1 => proptest::sample::select(edges.map(|edge| edge - tick).to_vec()),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => Just(Event::Redeem(false)),
        1 => Just(Event::Redeem(true)),
        16 => Just(Event::Renew),
        1 => Just(Event::Stranger),
        4 => Just(Event::UseAll),
        2 => any::<Index>().prop_map(Event::RevokeAccess),
        1 => Just(Event::Revoke),
        10 => span().prop_map(Event::Pass),
        2 => any::<bool>().prop_map(Event::Enable),
        1 => Just(Event::NextGeneration),
        2 => Just(Event::RotateKey),
        1 => Just(Event::RevokeKey),
    ]
}

/// The expected answer to a code or a refresh token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    New,
    /// The newest access token once more.
    Again,
    Refused(ErrorCode),
}

const NO: Answer = Answer::Refused(ErrorCode::InvalidGrant);
const TAKEN: Answer = Answer::Refused(ErrorCode::TakenBack);

struct Issue {
    at: Duration,
    key: usize,
    access: String,
    is_revoked: bool,
    /// Until so many others live beside it, or it has ended by the time of the next.
    is_listed: bool,
}

/// What should be true, worked out from what was answered before.
struct Model {
    now: Duration,
    enabled: bool,
    /// Since the yes so many.
    generations: u64,
    /// A wrong verifier was shown.
    is_void: bool,
    over: Option<Duration>,
    /// Which keys were revoked; the last one signs.
    keys: Vec<bool>,
    issues: Vec<Issue>,
    refresh: Option<(String, usize)>,
}

impl Model {
    fn is_forgotten(&self) -> bool {
        let end = match (self.over, self.issues.first(), self.issues.last()) {
            (Some(over), ..) => over + 30 * DAY,
            (None, Some(first), Some(newest)) => (first.at + TEN_YEARS).max(newest.at + HOUR) + DAY,
            _ => CODE_LIFE + DAY,
        };
        self.now >= end
    }

    fn lacks(&self) -> Option<Answer> {
        match (self.enabled, self.generations) {
            (false, _) => Some(Answer::Refused(ErrorCode::UserGone)),
            (true, 0) => None,
            (true, _) => Some(TAKEN),
        }
    }

    fn redeem(&mut self, verifier: bool) -> Answer {
        if self.is_forgotten() || self.is_void {
            return NO;
        }
        if self.over.is_some() {
            return if self.issues.is_empty() { TAKEN } else { NO };
        }
        match self.issues.as_slice() {
            [] if self.now >= CODE_LIFE => NO,
            [] => match self.lacks() {
                Some(refused) => refused,
                None if verifier => {
                    self.is_void = true;
                    NO
                }
                None => Answer::New,
            },
            _ if verifier => NO,
            [only] if self.now < only.at + RETRY => NO,
            _ => {
                self.over = Some(self.now);
                NO
            }
        }
    }

    fn renew(&self) -> Answer {
        let (Some((_, key)), Some(first), Some(newest)) = (&self.refresh, self.issues.first(), self.issues.last()) else { return NO };
        if self.keys[*key] || self.is_forgotten() {
            NO
        } else if self.over.is_some() {
            TAKEN
        } else if self.now >= first.at + TEN_YEARS {
            NO
        } else if let Some(refused) = self.lacks() {
            refused
        } else if self.now < newest.at + HOUR / 2 && !newest.is_revoked && newest.key + 1 == self.keys.len() {
            Answer::Again
        } else {
            Answer::New
        }
    }

    fn issued(&mut self, access: String) {
        let now = self.now;
        for issue in &mut self.issues {
            issue.is_listed &= now < issue.at + HOUR;
        }
        let excess = (self.issues.iter().filter(|issue| issue.is_listed).count() + 1).saturating_sub(8);
        self.issues.iter_mut().filter(|issue| issue.is_listed).take(excess).for_each(|issue| issue.is_listed = false);
        self.issues.push(Issue { at: now, key: self.keys.len() - 1, access, is_revoked: false, is_listed: true });
    }

    fn admit(&self, issue: &Issue) -> Admission {
        if self.keys[issue.key] || self.is_forgotten() {
            Admission::Unknown
        } else if self.over.is_some() || self.lacks().is_some() || (issue.is_revoked && issue.is_listed) {
            Admission::Revoked
        } else if !issue.is_listed || self.now >= issue.at + HOUR {
            Admission::Expired
        } else {
            Admission::Open
        }
    }

    /// Whether there is anything to give back.
    fn revoke_access(&mut self, at: usize) -> bool {
        let (now, over, forgotten) = (self.now, self.over.is_some(), self.is_forgotten());
        let issue = &mut self.issues[at];
        if self.keys[issue.key] || forgotten {
            return false;
        }
        issue.is_revoked |= !over && issue.is_listed && now < issue.at + HOUR;
        true
    }
}

struct Run {
    house: House,
    user: User,
    grant: GrantId,
    code: String,
    model: Model,
}

impl Run {
    async fn begin() -> Self {
        let house = signing(House::new().await).await;
        let user = user(USER);
        let (grant, code) = authorized(&house, &user).await;
        let model = Model {
            now: Duration::ZERO,
            enabled: true,
            generations: 0,
            is_void: false,
            over: None,
            keys: vec![false],
            issues: Vec::new(),
            refresh: None,
        };
        Self { house, user, grant, code, model }
    }

    async fn happens(&mut self, event: &Event) {
        match event {
            Event::Redeem(verifier) => {
                let verifier = verifier.then_some(crate::support::redirect::VERIFIER);
                let answer = redeem(&self.house, &self.code, verifier).await;
                let expected = self.model.redeem(verifier.is_some());
                if let Some(refresh) = self.expect(expected, answer) {
                    self.model.refresh = Some((refresh, self.model.keys.len() - 1));
                }
            }
            Event::Renew => {
                if let Some((refresh, _)) = &self.model.refresh {
                    let answer = renew(&self.house, refresh).await;
                    let expected = self.model.renew();
                    assert_eq!(self.expect(expected, answer), None, "the refresh token is the one that there is");
                }
            }
            Event::Stranger => {
                if let Some((refresh, _)) = &self.model.refresh {
                    assert_eq!(refused(&renew_as(&self.house, STRANGER, refresh).await), Some(ErrorCode::InvalidGrant));
                }
            }
            Event::UseAll => self.use_all().await,
            Event::RevokeAccess(index) => {
                if !self.model.issues.is_empty() {
                    let at = index.index(self.model.issues.len());
                    let answer = self.house.engine.revoke_token(&client(CLIENT), &self.model.issues[at].access).await.unwrap();
                    assert_eq!(answer.is_some(), self.model.revoke_access(at));
                }
            }
            Event::Revoke => {
                let is_there = !self.model.is_void && !self.model.is_forgotten();
                assert_eq!(self.house.revoke(self.grant).await.is_ok(), is_there);
                if is_there {
                    self.model.over.get_or_insert(self.model.now);
                }
            }
            Event::Pass(span) => {
                self.house.pass(*span);
                self.model.now += *span;
            }
            Event::Enable(enabled) => {
                self.user.enabled = *enabled;
                self.model.enabled = *enabled;
                self.house.change_user(&self.user).await;
            }
            Event::NextGeneration => {
                self.user.generation += 1;
                self.model.generations += 1;
                self.house.change_user(&self.user).await;
            }
            Event::RotateKey => {
                self.house.engine.rotate_key(Algorithm::EdDsa).await.unwrap();
                self.model.keys.push(false);
            }
            Event::RevokeKey => {
                let kid = self.house.verifier.signing().load().current(Algorithm::EdDsa).unwrap();
                self.house.engine.revoke_key(kid).await.unwrap();
                *self.model.keys.last_mut().unwrap() = true;
                self.model.keys.push(false);
            }
        }
    }

    /// Compares an answer with the expected one, and tells the model what is new; answers the refresh
    /// token that came along.
    fn expect(&mut self, expected: Answer, answer: Result<Jwts, Error>) -> Option<String> {
        match (expected, answer) {
            (Answer::New, Ok(given)) => {
                assert!(self.model.issues.iter().all(|issue| issue.access != given.access), "an old token was issued as a new one");
                assert_eq!(given.expires_in, 3600);
                self.model.issued(given.access);
                given.refresh
            }
            (Answer::Again, Ok(given)) => {
                let newest = self.model.issues.last().unwrap();
                let left = (newest.at + HOUR - self.model.now).as_secs();
                assert_eq!((&given.access, given.expires_in), (&newest.access, left));
                given.refresh
            }
            (Answer::Refused(code), answer) => {
                assert_eq!(refused(&answer), Some(code));
                None
            }
            (expected, answer) => panic!("expected {expected:?}, and got {answer:?}"),
        }
    }

    async fn use_all(&self) {
        for (at, issue) in self.model.issues.iter().enumerate() {
            match (self.model.admit(issue), self.house.show(&issue.access).await.map(|(subject, _)| subject.grant)) {
                (Admission::Open, Ok(grant)) => assert_eq!(grant, self.grant),
                (Admission::Unknown, Err(Denied::Unknown))
                | (Admission::Expired, Err(Denied::Expired(_)))
                | (Admission::Revoked, Err(Denied::Revoked(_))) => {}
                (expected, answer) => panic!("{at}: expected {expected:?}, and got {answer:?}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_happens_to_an_app_with_a_lasting_token_the_model_knows_it(events in vec(event(), 1..80)) {
        alone(async {
            let mut run = Run::begin().await;
            for event in &events {
                run.happens(event).await;
            }
            run.use_all().await;
        });
    }
}
