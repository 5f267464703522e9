//! What is secret is told to nobody but who has to know it.

use crate::{proxy::process::installation::Installation, support::gateway::CONFIG};

#[tokio::test(flavor = "multi_thread")]
async fn no_password_and_no_token_of_an_operator_is_in_the_log() {
    let installation = Installation::with(&format!("{CONFIG}\n[log]\nlevel = \"trace\"\n"));
    let (child, _) = installation.serve().await;
    let (first, second) = ("correct-horse-battery", "staple-battery-horse");
    let mut said = String::new();
    let mut run = async |arguments: &[&str], input: &str| {
        let ended = installation.admin(arguments, input).await;
        said += &ended.stderr;
        ended
    };
    run(&["user", "add", "grace", "--password-stdin"], first).await;
    // Refused, since it is there.
    assert_eq!(run(&["user", "add", "grace", "--password-stdin"], first).await.code, Some(64));
    run(&["user", "reset", "grace", "--password-stdin"], second).await;
    let made = run(&["token", "create", "--user", "grace", "--name", "script", "--scopes", "images"], "").await;
    let token = serde_json::from_str::<serde_json::Value>(&made.stdout).unwrap()["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("gpp_"), "{made:?}");
    run(&["token", "list", "--user", "grace"], "").await;
    let log = child.end().await.stderr;
    assert_eq!(log.matches("\"administered\"").count(), 4, "{log}");
    for secret in [first, second, token.as_str(), "$argon2"] {
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!said.contains(secret), "{secret} is on standard error");
    }
}
