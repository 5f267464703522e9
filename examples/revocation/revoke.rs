//! Apps log out at one replica, and the others are asked as soon as it is answered.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use http::StatusCode;
use rustix::process::Signal;
use secrecy::SecretString;
use serde_json::json;
use tokio::{task::JoinSet, time::sleep, try_join};

use crate::{Outcome, figures::Times, grants::shown, http::Connection, stand::Stand};

/// So many revocations there are while a replica is stopped.
pub(crate) const AT_A_STOP: usize = 20;
const PATH: &str = "/v1/models";

/// A connection to each replica. The first revokes, the last is stopped.
pub(crate) struct Crew {
    first: Connection,
    second: Connection,
    last: Connection,
    last_address: SocketAddr,
    /// How often a replica refused what was revoked.
    pub(crate) refused: usize,
}

/// What took how long around stops.
#[derive(Default)]
pub(crate) struct Stopped {
    /// The first revocation after a replica was stopped.
    pub(crate) first: Times,
    /// Those that follow.
    pub(crate) behind: Times,
    /// From its going on until it serves again.
    pub(crate) back: Times,
}

impl Crew {
    pub(crate) async fn at(stand: &Stand) -> Outcome<Self> {
        let [first, second, last_address] = stand.addresses()?;
        let open = (Connection::open(first).await?, Connection::open(second).await?, Connection::open(last_address).await?);
        Ok(Self { first: open.0, second: open.1, last: open.2, last_address, refused: 0 })
    }

    /// All replicas are healthy: both others refuse what was revoked.
    pub(crate) async fn revoke_all(&mut self, stand: &mut Stand, count: usize) -> Outcome<Times> {
        let mut times = Times::default();
        for _ in 0..count {
            let token = self.known(stand).await?;
            times.add(revoke(&mut self.first, &token).await?);
            let answers = try_join!(self.second.get(PATH, shown(&token)), self.last.get(PATH, shown(&token)))?;
            self.is_refused(answers.0, &[StatusCode::UNAUTHORIZED])?;
            self.is_refused(answers.1, &[StatusCode::UNAUTHORIZED])?;
        }
        Ok(times)
    }

    /// The last replica is stopped, and goes on after [`AT_A_STOP`] revocations, again and again. It finds requests
    /// that came meanwhile, with what was revoked.
    pub(crate) async fn revoke_at_stops(&mut self, stand: &mut Stand, count: usize) -> Outcome<Stopped> {
        let mut stopped = Stopped::default();
        for _ in 0..count {
            let mut tokens = Vec::new();
            for _ in 0..AT_A_STOP {
                tokens.push(self.known(stand).await?);
            }
            let live = stand.token()?;
            stand.machine.replicas[2].process.tell(Signal::STOP)?;
            let mut waiting = JoinSet::new();
            for (number, token) in tokens.into_iter().enumerate() {
                let took = revoke(&mut self.first, &token).await?;
                if number == 0 { &mut stopped.first } else { &mut stopped.behind }.add(took);
                let answer = self.second.get(PATH, shown(&token)).await?;
                self.is_refused(answer, &[StatusCode::UNAUTHORIZED])?;
                let mut connection = Connection::open(self.last_address).await?;
                waiting.spawn(async move { connection.get(PATH, shown(&token)).await });
            }
            stand.machine.replicas[2].process.tell(Signal::CONT)?;
            stopped.back.add(self.until_it_serves(&live).await?);
            while let Some(answer) = waiting.join_next().await {
                self.is_refused(answer??, &[StatusCode::UNAUTHORIZED, StatusCode::SERVICE_UNAVAILABLE])?;
            }
        }
        Ok(stopped)
    }

    /// A token that every replica has let in.
    async fn known(&mut self, stand: &mut Stand) -> Outcome<SecretString> {
        let token = stand.token()?;
        for replica in [&mut self.first, &mut self.second, &mut self.last] {
            let status = replica.get(PATH, shown(&token)).await?;
            if status != StatusCode::OK {
                return Err(format!("a live token was answered {status}").into());
            }
        }
        Ok(token)
    }

    async fn until_it_serves(&mut self, live: &SecretString) -> Outcome<Duration> {
        let began = Instant::now();
        while self.last.get(PATH, shown(live)).await? != StatusCode::OK {
            sleep(Duration::from_millis(1)).await;
        }
        Ok(began.elapsed())
    }

    fn is_refused(&mut self, answer: StatusCode, good: &[StatusCode]) -> Outcome<()> {
        self.refused += 1;
        if good.contains(&answer) { Ok(()) } else { Err(format!("it was revoked, and then answered {answer}").into()) }
    }
}

/// Answers how long it took.
pub(crate) async fn revoke(at: &mut Connection, token: &SecretString) -> Outcome<Duration> {
    let began = Instant::now();
    let (status, answer) = at.post("/api/v1/auth/logout", Some(shown(token)), &json!({})).await?;
    let took = began.elapsed();
    if status == StatusCode::OK { Ok(took) } else { Err(format!("a revocation was answered {status}: {answer}").into()) }
}
