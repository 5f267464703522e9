//! Bootspring's contract: the golden files, and what needs two requests at a time or a socket of
//! its own.

mod held;

use std::collections::BTreeSet;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::golden::golden;
use crate::support::{gateway::Gateway, person::Person};

golden! {
    "bootspring":
    a_code_that_ran_out_has_expired,
    a_confidential_client_authenticates,
    a_denied_code_says_so,
    a_device_is_let_in,
    a_device_is_let_in_with_json_below_v1,
    a_life_in_days,
    a_life_in_hours,
    a_life_in_minutes,
    a_logout_ends_the_grant_of_each_token,
    a_logout_takes_any_token,
    a_refresh_gives_the_next_pair,
    a_replayed_refresh_token_ends_the_grant,
    a_request_that_says_too_little_or_too_much,
    a_store_that_is_away_is_no_answer_of_the_protocol,
    a_used_code_is_refused_and_ends_nothing,
    an_access_that_was_taken_back_before_it_was_fetched,
    an_unknown_code_is_refused,
    apps_in_browsers_fetch_tokens_and_do_not_start,
    every_slow_down_adds_five_seconds_up_to_thirty,
    five_codes_a_minute_for_an_address,
    health_and_telemetry,
    me_says_who_and_why_not,
    mounted_elsewhere,
    nobody_grants_more_than_he_holds,
    polls_keep_their_pace,
    redeeming_may_be_limited_by_address,
    scopes_are_those_asked_for_within_the_clients_own,
    ten_wrong_secrets_of_one_client,
    the_command_line_is_let_in,
    the_command_lines_client_may_also_be_named,
    the_command_lines_refresh,
    twenty_polls_a_minute_for_a_pending_code,
    what_is_decided_is_said_however_early_the_poll,
    what_one_client_was_given_is_unknown_to_another,
    with_the_dialect_off_none_of_its_paths_exist,
    without_a_default_client,
}

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

#[tokio::test(flavor = "multi_thread")]
async fn codes_have_the_form_that_clients_and_people_expect() {
    let gateway = Gateway::start().await;
    let mut seen = BTreeSet::new();
    for _ in 0..5 {
        let (status, codes) = gateway.post_form("/auth/device/code", &[("client_id", "app")]).await;
        assert_eq!(status, 200, "{codes}");
        let user_code = codes["user_code"].as_str().unwrap();
        let (left, right) = user_code.split_once('-').unwrap();
        assert!(left.len() == 4 && right.len() == 4, "{user_code}");
        assert!(format!("{left}{right}").chars().all(|letter| "BCDFGHJKLMNPQRSTVWXZ".contains(letter)), "{user_code}");
        let device_code = codes["device_code"].as_str().unwrap();
        // Base32 has five bits a letter; with names and MAC there are far more than 160.
        let secret = device_code.strip_prefix("bs_dc_").unwrap();
        assert!(secret.len() > 32 && secret.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7')), "{device_code}");
        assert!(seen.insert(user_code.to_owned()) && seen.insert(device_code.to_owned()));
    }
    gateway.end().await;
}

/// The published command line reads an answer with that word in it as the end.
#[tokio::test(flavor = "multi_thread")]
async fn the_word_expired_stands_in_expired_token_only() {
    let gateway = Gateway::start().await;
    let person = Person::signed_in(&gateway).await;
    let (_, codes) = gateway.post_json("/api/v1/auth/device", &json!({})).await;
    let code = codes["device_code"].as_str().unwrap();
    let mut seen = BTreeSet::new();
    for decided in [false, true] {
        if decided {
            assert_eq!(person.decide(codes["user_code"].as_str().unwrap(), "deny").await.status, 200);
        }
        for (client, code) in [("bootspring-cli", code), ("bootspring-cli", "bs_dc_x"), ("app", code), ("nobody", code), ("", code)] {
            for _ in 0..21 {
                let poll = [("grant_type", DEVICE_CODE), ("client_id", client), ("device_code", code)];
                let (_, by_rfc) = gateway.post_form("/auth/device/token", &poll).await;
                let (_, by_cli) = gateway.post_json("/api/v1/auth/device/token", &json!({"device_code": code})).await;
                for answer in [by_rfc, by_cli] {
                    let error = answer["error"].as_str().unwrap().to_owned();
                    assert!(error == "expired_token" || !answer.to_string().contains("expired"), "{answer}");
                    seen.insert(error);
                }
            }
        }
    }
    let words =
        ["access_denied", "authorization_pending", "expired_token", "invalid_client", "invalid_grant", "invalid_request", "slow_down"];
    assert!(seen.iter().eq(words), "{seen:?}");
    gateway.end().await;
}

/// What a socket answers to these bytes, until it is closed.
async fn answer_to(gateway: &Gateway, pieces: &[&str]) -> String {
    let mut socket = TcpStream::connect(gateway.address).await.unwrap();
    for piece in pieces {
        socket.write_all(piece.as_bytes()).await.unwrap();
        socket.flush().await.unwrap();
    }
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_read_in_chunks_of_any_size_without_a_content_length() {
    let gateway = Gateway::start().await;
    let head = "POST /api/v1/auth/device HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let body = r#"{"device":{"hostname":"laptop","platform":"linux"}}"#;
    let bytes: Vec<String> = body.chars().map(|c| format!("1\r\n{c}\r\n")).collect();
    let mut pieces = vec![head];
    pieces.extend(bytes.iter().map(String::as_str));
    pieces.push("0\r\n\r\n");
    let answer = answer_to(&gateway, &pieces).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\"device_code\":\"bs_dc_"), "{answer}");
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_with_neither_length_nor_chunks_has_no_body() {
    let gateway = Gateway::start().await;
    let head = "POST /api/v1/auth/device/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n";
    let answer = answer_to(&gateway, &[head]).await;
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n") && answer.contains("\"error\":\"invalid_request\""), "{answer}");
    gateway.end().await;
}
