//! Tallies in Redis: what the script is told, and what it says.

use std::{sync::Arc, time::Duration};

use redis::{Script, Value};

use super::{
    link::{Link, Repeat},
    names::Names,
};
use crate::store::{
    Answer, Unavailable,
    counter::{Counted, Counter, Step, Tally},
};

/// Counts in all tallies of a call. Says in its head what it takes and answers.
pub const SCRIPT: &str = include_str!("count.lua");

/// The tallies of a realm.
pub(super) struct Tallies {
    names: Names,
    script: Script,
    link: Arc<Link>,
}

impl Tallies {
    pub(super) fn new(names: Names, link: Arc<Link>) -> Self {
        Self { names, script: Script::new(SCRIPT), link }
    }
}

impl Counter for Tallies {
    fn count(&self, tallies: Vec<Tally>) -> Answer<'_, Vec<Counted>> {
        Box::pin(async move {
            let keys: Vec<Vec<u8>> = tallies.iter().map(|tally| self.names.tally(&tally.name)).collect();
            let args: Vec<Vec<u8>> = arguments(&tallies).into_iter().map(|argument| argument.to_string().into_bytes()).collect();
            let answer = self.link.run(&self.script, &keys, &args, Repeat::OnlyIfNotDone).await?;
            read(&answer, tallies.len())
        })
    }
}

/// What follows the nonce in the script's arguments. Its keys are those of the tallies' names, in
/// their order.
pub fn arguments(tallies: &[Tally]) -> Vec<i64> {
    let four = |tally: &Tally| {
        let (add, is_forced) = match tally.step {
            Step::Take => (1, 0),
            Step::Settle(many) => (i64::from(many), 1),
            Step::GiveBack => (-1, 1),
        };
        // Configured spans are days at the most.
        let per = i64::try_from(tally.rate.per.as_micros()).unwrap_or(i64::MAX);
        [i64::from(tally.rate.times.get()), per, add, is_forced]
    };
    tallies.iter().flat_map(four).collect()
}

/// What the script answers to so many tallies, after the nonce.
///
/// # Errors
/// [`Unavailable`] where it is no answer to them.
pub fn read(answer: &[Value], tallies: usize) -> Result<Vec<Counted>, Unavailable> {
    let counted = answer.iter().map(|wait| match wait {
        Value::Int(0) => Some(Counted::Admitted),
        Value::Int(micros) => u64::try_from(*micros).ok().map(|micros| Counted::After(Duration::from_micros(micros))),
        _ => None,
    });
    let counted: Option<Vec<Counted>> = counted.collect();
    counted.filter(|counted| counted.len() == tallies).ok_or_else(|| Unavailable::because("a count was answered with something else"))
}
