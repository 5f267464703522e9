//! The command line: what it takes, what it refuses, how it reads.

use gatepost::ops::admin::NOUNS;

use super::ADD;
use crate::{
    proxy::process::{child::Child, installation::Installation},
    support::gateway::CONFIG,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_said_and_nothing_is_changed() {
    let installation = Installation::with(CONFIG);
    for running in [false, true] {
        let child = if running { Some(installation.serve().await.0) } else { None };
        for (arguments, input, words) in [
            (&ADD[..], "short", "8 to 512 bytes"),
            (&ADD, "", "8 to 512 bytes"),
            (&["admin", "user", "add", "grace hopper", "--password-stdin"], "a better password", "name"),
            (
                &["admin", "user", "add", "grace", "--scopes", "inference root", "--password-stdin"],
                "a better password",
                "no scope \"root\"",
            ),
            (&["admin", "user", "add", "grace", "--email", "grace", "--password-stdin"], "a better password", "no e-mail address"),
            (&["admin", "user", "add", "grace", "--avatar", "http://a.example/x", "--password-stdin"], "a better password", "https URL"),
            (&["admin", "user", "add", "grace", "--avatar", "x.png", "--password-stdin"], "a better password", "no absolute URL"),
            (&["admin", "grant", "show", "1"], "", "32 hexadecimal digits"),
            (&["admin", "key", "revoke", "1"], "", "32 hexadecimal digits"),
            (&["admin", "key", "rotate", "RS256"], "", "EdDSA or ES256"),
        ] {
            let ended = installation.done(arguments, input).await;
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(64), ""), "{ended:?}");
            assert!(ended.stderr.starts_with("gatepost: ") && ended.stderr.contains(words), "{ended:?}");
        }
        let list = installation.done(&["admin", "user", "list"], "").await;
        assert_eq!((list.code, list.stdout.as_str()), (Some(0), "There are no users.\n"));
        if let Some(child) = child {
            child.end().await;
        }
    }
    let added = installation.done(&[&ADD[..], &["--scopes", "images"]].concat(), "a better password\r\n").await;
    assert!(added.code == Some(0) && added.stdout.contains("images") && !added.stdout.contains("inference"), "{added:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_are_told_in_json_what_went_wrong() {
    let installation = Installation::with(CONFIG);
    let nobody = "0".repeat(32);
    for running in [false, true] {
        let child = if running { Some(installation.serve().await.0) } else { None };
        for verb in ["show", "disable", "enable", "revoke"] {
            let (code, exit, message) = installation.refused(&["user", verb, "nobody"], "").await;
            assert_eq!((code.as_str(), exit, message.as_str()), ("not_found", 67, "there is no user \"nobody\""), "{verb}");
        }
        for (arguments, input, code, exit) in [
            (&["user", "reset", "nobody", "--password-stdin"][..], "a better password", "not_found", 67),
            (&["user", "scopes", "nobody", ""], "", "not_found", 67),
            (&["token", "list", "--user", "nobody"], "", "not_found", 67),
            (&["grant", "list", "--user", "nobody"], "", "not_found", 67),
            (&["grant", "show", &nobody], "", "not_found", 67),
            (&["grant", "revoke", &nobody], "", "not_found", 67),
            (&["key", "retire", &nobody], "", "not_found", 67),
            (&["key", "revoke", &nobody], "", "not_found", 67),
            (&["client", "list", "--user", "nobody"], "", "not_found", 67),
            (&["client", "show", "nobody"], "", "not_found", 67),
            (&["client", "revoke", "app", "--dialect", "serika"], "", "not_found", 67),
            // It stands for users' personal tokens, and is no app.
            (&["client", "disable", "personal"], "", "not_found", 67),
            (&["token", "revoke", &nobody], "", "not_found", 67),
            (&["user", "show", "no body"], "", "invalid_request", 64),
            (&["user", "show"], "", "invalid_request", 64),
            (&["user", "frobnicate"], "", "invalid_request", 64),
        ] {
            let refused = installation.refused(arguments, input).await;
            assert_eq!((refused.0.as_str(), refused.1), (code, exit), "{arguments:?} {refused:?}");
        }
        if let Some(child) = child {
            child.end().await;
        }
    }
    let (code, exit, message) = Installation::with("listen = 1").refused(&["user", "list"], "").await;
    assert_eq!((code.as_str(), exit), ("configuration", 78));
    assert!(message.contains("public_url"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_shown_aligned_lines() {
    let installation = Installation::with(CONFIG);
    for (name, scopes) in [("grace", "images"), ("bo", "")] {
        installation.told_of(&["user", "add", name, "--scopes", scopes, "--password-stdin"], "a better password").await;
    }
    let created = installation.told(&["user", "show", "bo"]).await["created"].as_str().unwrap().to_owned();
    let list = installation.done(&["admin", "user", "list"], "").await.stdout;
    let lines: Vec<&str> = list.lines().collect();
    let columns = format!("bo     yes      -       {created}");
    assert_eq!(lines[..2], ["NAME   ENABLED  SCOPES  CREATED", &columns]);
    let show = installation.done(&["admin", "user", "show", "grace"], "").await.stdout;
    assert!(
        show.starts_with("name     grace\nid       ") && show.contains("\nemail    -\navatar   -\nscopes   images\nenabled  yes\n"),
        "{show}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_has_a_help_that_says_what_it_does() {
    let overview = Child::start(&["admin", "--help"]).ended().await;
    assert_eq!((overview.code, overview.stderr.as_str()), (Some(0), ""));
    assert!(overview.stdout.contains("Examples:") && overview.stdout.contains("Exit codes"), "{}", overview.stdout);
    for noun in NOUNS {
        assert!(overview.stdout.contains(&format!("  {} ", noun.name)) && overview.stdout.contains(noun.about), "{}", overview.stdout);
        let verbs = Child::start(&["admin", noun.name, "--help"]).ended().await.stdout;
        for verb in noun.verbs {
            let summary = verb.about.split(". ").next().unwrap();
            assert!(verbs.contains(&format!("  {} ", verb.verb)) && verbs.contains(summary), "{verbs}");
            let help = Child::start(&["admin", noun.name, verb.verb, "--help"]).ended().await;
            assert_eq!(help.code, Some(0));
            for words in ["--config <FILE>", "--socket <PATH>", "--json"].into_iter().chain(verb.arguments.iter().map(|a| a.name)) {
                assert!(
                    help.stdout.to_lowercase().replace('_', "-").contains(&words.to_lowercase().replace('_', "-")),
                    "{words} is not in {}",
                    help.stdout
                );
            }
        }
    }
    // Nothing is guessed: which gateway must be said.
    let ended = Child::start(&["admin", "user", "list"]).ended().await;
    assert!(ended.code == Some(64) && ended.stderr.contains("--config <FILE>"), "{ended:?}");
}
