//! Tallies in Redis: its script counts as the counter in memory does, to the microsecond.

use std::{
    num::NonZeroU32,
    time::{Duration, SystemTime},
};

use gatepost::{
    clock::{Clock, Manual},
    config::limits::Rate,
    store::{
        Counter,
        counter::{Counted, MemoryCounter, Step, Tally},
        redis::count::{self, SCRIPT},
    },
};
use proptest::prelude::*;
use redis::{Connection, Script, Value};

use crate::support::{records::START, redis::Server};

const NONCE: &str = "a nonce";

/// What the script answers.
fn ask(redis: &mut Connection, script: &Script, tallies: &[Tally], more: &[String]) -> redis::RedisResult<Vec<Counted>> {
    let mut call = script.prepare_invoke();
    for tally in tallies {
        call.key(name(tally));
    }
    call.arg(NONCE).arg(count::arguments(tallies)).arg(more);
    let answer: Vec<Value> = call.invoke(redis)?;
    assert_eq!(answer[0], Value::BulkString(NONCE.into()));
    Ok(count::read(&answer[1..], tallies.len()).unwrap())
}

fn name(tally: &Tally) -> String {
    format!("gatepost:{{default}}:c:{}", data_encoding::HEXLOWER.encode(&tally.name))
}

fn tally(name: u8, times: u32, per: Duration, step: Step) -> Tally {
    Tally { name: [name; 16], rate: Rate { times: NonZeroU32::new(times).unwrap(), per }, step }
}

fn take() -> Tally {
    tally(1, 3, Duration::from_secs(60), Step::Take)
}

fn in_memory(counter: &MemoryCounter, tallies: Vec<Tally>) -> Vec<Counted> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(counter.count(tallies)).unwrap()
}

/// The script with a clock that is handed in: seconds and microseconds, as its last arguments.
fn with_clock_of_ours() -> Script {
    let clock = "redis.call('TIME')";
    assert_eq!(SCRIPT.matches(clock).count(), 1);
    Script::new(&SCRIPT.replace(clock, "{ ARGV[#ARGV - 1], ARGV[#ARGV] }"))
}

fn rates() -> impl Strategy<Value = (u32, Duration)> {
    let times = prop_oneof![1..=20u32, 1..=u32::MAX];
    (times, prop_oneof![1..=100u64, 1..=86_400_000_000u64]).prop_map(|(times, per)| (times, Duration::from_micros(per)))
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![6 => Just(Step::Take), 2 => (0..50u32).prop_map(Step::Settle), 2 => Just(Step::GiveBack)]
}

/// After how many microseconds which tallies are counted.
fn calls() -> impl Strategy<Value = Vec<(u64, Vec<(usize, Step)>)>> {
    let pause = prop_oneof![Just(0), 0..30u64, 0..100_000_000u64];
    prop::collection::vec((pause, prop::collection::vec((0..3usize, steps()), 1..5)), 1..40)
}

#[test]
fn the_script_and_the_counter_in_memory_answer_alike_to_the_microsecond() {
    let Some(server) = Server::start(&["appendonly no"]) else { return };
    let script = with_clock_of_ours();
    // In ten years, so that no tally expires by the server's clock.
    let start = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + Duration::from_secs(10 * 365 * 86_400);
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(rates in prop::collection::vec(rates(), 3), calls in calls())| {
        let mut redis = server.connect();
        redis::cmd("FLUSHALL").exec(&mut redis).unwrap();
        let time = Manual::starting_at(START);
        let counter = MemoryCounter::new(time.clock());
        for (pause, steps) in calls {
            time.advance(Duration::from_micros(pause));
            let now = start + time.clock().boot_now();
            let ours = [now.as_secs().to_string(), now.subsec_micros().to_string()];
            let tallies: Vec<Tally> = steps.into_iter().map(|(of, step)| {
                let (times, per) = rates[of];
                tally(u8::try_from(of).unwrap(), times, per, step)
            }).collect();
            prop_assert_eq!(ask(&mut redis, &script, &tallies, &ours).unwrap(), in_memory(&counter, tallies));
        }
    });
}

#[test]
fn by_the_servers_clock_a_tally_is_refused_past_its_times_and_gone_once_it_is_paid_off() {
    let Some(server) = Server::start(&["appendonly no"]) else { return };
    let (mut redis, script) = (server.connect(), Script::new(SCRIPT));
    for _ in 0..3 {
        assert_eq!(ask(&mut redis, &script, &[take()], &[]).unwrap(), [Counted::Admitted]);
    }
    let refused = ask(&mut redis, &script, &[take()], &[]).unwrap();
    let [Counted::After(left)] = refused[..] else { panic!("{refused:?}") };
    assert!(left <= Duration::from_secs(20) && left > Duration::from_secs(19), "{left:?}");
    let lives: u64 = redis::cmd("PTTL").arg(name(&take())).query(&mut redis).unwrap();
    assert!((59_000..=60_001).contains(&lives), "{lives}");
}

#[test]
fn one_that_is_too_many_keeps_the_others_of_its_call_from_counting() {
    let Some(server) = Server::start(&["appendonly no"]) else { return };
    let (mut redis, script) = (server.connect(), Script::new(SCRIPT));
    let full = Tally { step: Step::Settle(3), ..take() };
    ask(&mut redis, &script, &[full], &[]).unwrap();
    let other = Tally { name: [2; 16], ..take() };
    let counted = ask(&mut redis, &script, &[other, take()], &[]).unwrap();
    assert!(matches!(counted[..], [Counted::Admitted, Counted::After(_)]), "{counted:?}");
    assert!(!redis::cmd("EXISTS").arg(name(&other)).query::<bool>(&mut redis).unwrap());
}

#[test]
fn a_tally_in_an_unknown_format_is_an_error_and_stays_as_it_is() {
    let Some(server) = Server::start(&["appendonly no"]) else { return };
    let (mut redis, script) = (server.connect(), Script::new(SCRIPT));
    redis::cmd("SET").arg(name(&take())).arg("2 1 0").exec(&mut redis).unwrap();
    let error = ask(&mut redis, &script, &[take()], &[]).unwrap_err();
    assert!(error.to_string().contains("no known format"), "{error}");
    assert_eq!(redis::cmd("GET").arg(name(&take())).query::<String>(&mut redis).unwrap(), "2 1 0");
}

#[test]
fn an_answer_to_something_else_is_no_count() {
    for answer in [&[Value::Int(0)][..], &[Value::Int(0), Value::Int(-1)], &[Value::Int(0), Value::Nil]] {
        assert!(count::read(answer, 2).is_err(), "{answer:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// However the calls fall, and whoever settles too much before he is refused.
    #[test]
    fn in_the_long_run_as_many_are_counted_as_the_rate_says(
        times in 1..=50u32, per in 1..=1000u64, pauses in prop::collection::vec(0..100_000u64, 200..400), late in 1..20u32,
    ) {
        let time = Manual::starting_at(START);
        let clock: Clock = time.clock();
        let counter = MemoryCounter::new(clock.clone());
        let per = Duration::from_millis(per);
        let begin = clock.boot_now();
        let (mut counted, mut open) = (0, true);
        for pause in pauses {
            time.advance(Duration::from_micros(pause));
            let many = if open { late } else { 0 };
            counted += many;
            open = in_memory(&counter, vec![tally(1, times, per, Step::Settle(many))]) == [Counted::Admitted];
        }
        let allowed = (clock.boot_now() - begin).as_micros() * u128::from(times) / per.as_micros();
        prop_assert!(u128::from(counted) <= allowed + u128::from(times + late), "{counted} of {allowed}");
    }
}
