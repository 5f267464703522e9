//! Servers that die, hang, or answer what they were not asked.

use std::{
    ops::Range,
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use rustix::process::Signal;
use tokio::{task::JoinSet, time::timeout};

use super::{
    BRIEF, PATIENT,
    between::{Mode, Pretender, Proxy, pair},
    count, echo, echoed, link_to, recovered,
    server::Server,
};
use crate::store::{
    Unavailable,
    redis::link::{Link, Repeat},
};

#[tokio::test]
async fn a_server_that_comes_back_after_a_crash_is_found_without_help() {
    let mut server = Server::start(&[]);
    let link = link_to(&server.host(), PATIENT).await;
    assert_eq!(echo(&link, 1).await.unwrap(), 1);
    server.kill();
    let why = timeout(PATIENT / 2, echo(&link, 2)).await.unwrap().unwrap_err();
    assert!(why.reason.contains("refused"), "{why}");
    server.start_again();
    recovered(&link).await;
}

#[tokio::test]
async fn a_restart_while_nobody_asks_costs_nobody_anything() {
    let mut server = Server::start(&[]);
    let link = link_to(&server.host(), PATIENT).await;
    server.kill();
    server.start_again();
    recovered(&link).await;
    assert_eq!(count(&link, Repeat::OnlyIfNotDone).await.unwrap(), 1);
}

#[tokio::test]
async fn scripts_that_the_server_forgot_are_loaded_again() {
    let server = Server::start(&[]);
    let link = link_to(&server.host(), PATIENT).await;
    assert_eq!(count(&link, Repeat::OnlyIfNotDone).await.unwrap(), 1);
    server.says(&["SCRIPT", "FLUSH"]);
    assert_eq!(count(&link, Repeat::OnlyIfNotDone).await.unwrap(), 2);
}

#[tokio::test]
async fn a_black_hole_costs_one_time_out_and_then_nothing() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.port).await;
    let link = link_to(&proxy.host, BRIEF).await;
    assert_eq!(echo(&link, 1).await.unwrap(), 1);
    proxy.set(Mode::Hole);
    let why = echo(&link, 2).await.unwrap_err();
    assert!(why.reason.contains("did not answer within 300ms"), "{why}");
    for _ in 0..100 {
        let why = timeout(BRIEF / 2, echo(&link, 3)).await.unwrap().unwrap_err();
        assert!(why.reason.contains("there is no connection"), "{why}");
    }
    proxy.set(Mode::Pass);
    recovered(&link).await;
}

#[tokio::test]
async fn a_black_hole_is_found_by_callers_who_leave_early() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.port).await;
    let link = link_to(&proxy.host, BRIEF).await;
    proxy.set(Mode::Hole);
    let found = async { while timeout(BRIEF / 10, echo(&link, 2)).await.is_err() {} };
    timeout(PATIENT, found).await.unwrap();
    proxy.set(Mode::Pass);
    recovered(&link).await;
}

#[tokio::test]
async fn a_stopped_process_is_used_again_when_it_goes_on() {
    let server = Server::start(&[]);
    let link = link_to(&server.host(), BRIEF).await;
    assert_eq!(echo(&link, 1).await.unwrap(), 1);
    server.signal(Signal::STOP);
    echo(&link, 2).await.unwrap_err();
    timeout(BRIEF / 2, echo(&link, 3)).await.unwrap().unwrap_err();
    server.signal(Signal::CONT);
    recovered(&link).await;
}

#[tokio::test]
async fn a_slow_server_loses_late_calls_one_by_one_and_keeps_its_connection() {
    let slow = Pretender::new("7.0.0", BRIEF / 5, |words| pair(&words[4], &words[5])).await;
    let link = Arc::new(link_to(&slow.host, BRIEF).await);
    let calls = all_at_once(&link, 0..20).await;
    let answered = calls.iter().filter(|answer| answer.is_ok()).count();
    assert!((1..=5).contains(&answered), "{answered} of 20 came in time");
    assert_eq!(slow.connections.load(SeqCst), 1);
}

#[tokio::test]
async fn calls_under_way_are_answered_where_the_server_says_that_it_is_no_primary() {
    let demoted = Pretender::new("7.0.0", BRIEF / 5, |words| match words[5].as_slice() {
        b"0" => b"-LOADING just a moment\r\n".to_vec(),
        number => pair(&words[4], number),
    })
    .await;
    let link = link_to(&demoted.host, PATIENT).await;
    // Whichever is sent first, one is behind the one that is refused.
    let call = |number| echoed(&link, number, Repeat::OnlyIfNotDone);
    let (before, refused, behind) = tokio::join!(call(2), call(0), call(3));
    let why = refused.unwrap_err();
    assert!(why.reason.contains("just a moment"), "{why}");
    assert_eq!((before.unwrap(), behind.unwrap()), (2, 3));
    assert!(demoted.connections.load(SeqCst) > 1);
}

#[tokio::test]
async fn a_read_is_asked_again_where_the_connection_broke_in_the_middle_of_an_answer() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.port).await;
    let link = link_to(&proxy.host, PATIENT).await;
    assert_eq!(echo(&link, 1).await.unwrap(), 1);
    proxy.set(Mode::CutOnceAfter(9));
    assert_eq!(echo(&link, 2).await.unwrap(), 2);
}

#[tokio::test]
async fn a_write_is_not_sent_again_where_it_may_have_been_executed() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.port).await;
    let link = link_to(&proxy.host, PATIENT).await;
    assert_eq!(count(&link, Repeat::OnlyIfNotDone).await.unwrap(), 1);
    proxy.set(Mode::CutOnceAfter(9));
    let why = count(&link, Repeat::OnlyIfNotDone).await.unwrap_err();
    assert!(why.reason.contains("the connection to Redis broke"), "{why}");
    assert_eq!(server.says(&["GET", "gatepost:{default}:n"]).trim(), "2");
}

#[tokio::test]
async fn an_answer_to_another_question_is_no_answer_and_ends_the_connection() {
    let confused = Pretender::new("7.0.0", Duration::ZERO, |words| match words[5].as_slice() {
        b"1" => pair(b"another!", &words[5]),
        number => pair(&words[4], number),
    })
    .await;
    let link = link_to(&confused.host, PATIENT).await;
    let why = echoed(&link, 1, Repeat::Safe).await.unwrap_err();
    assert!(why.reason.contains("did not belong to the question"), "{why}");
    assert_eq!(echo(&link, 2).await.unwrap(), 2);
    assert_eq!(confused.connections.load(SeqCst), 2);
}

#[tokio::test]
async fn calls_that_nobody_waits_for_count_until_they_are_answered() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.port).await;
    let link = Arc::new(link_to(&proxy.host, PATIENT).await);
    assert_eq!(echo(&link, 1).await.unwrap(), 1);
    proxy.set(Mode::Hole);
    for number in 0..64 {
        assert!(timeout(Duration::from_millis(1), echo(&link, number)).await.is_err());
    }
    let why = echo(&link, 64).await.unwrap_err();
    assert!(why.reason.contains("64 calls to Redis are under way already"), "{why}");
    proxy.set(Mode::Pass);
    recovered(&link).await;
    for answer in all_at_once(&link, 0..64).await {
        answer.unwrap();
    }
}

async fn all_at_once(link: &Arc<Link>, numbers: Range<u64>) -> Vec<Result<u64, Unavailable>> {
    let mut calls = JoinSet::new();
    for number in numbers {
        let link = Arc::clone(link);
        calls.spawn(async move { echo(&link, number).await });
    }
    calls.join_all().await
}
