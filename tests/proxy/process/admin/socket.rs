//! The socket's file: whose it is, and what becomes of it.

use std::os::unix::{fs::FileTypeExt, net::UnixListener};

use crate::{
    proxy::process::{
        child::Child,
        installation::{Installation, mode},
    },
    support::gateway::CONFIG,
};

impl Installation {
    fn socket(&self) -> std::path::PathBuf {
        self.data().join("admin.sock")
    }

    /// With its socket at another one's place.
    fn at_the_socket_of(other: &Self) -> Self {
        Self::with(&format!("{CONFIG}\n[admin]\nsocket = {:?}\n", other.socket().to_str().unwrap()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_its_owners_alone_and_goes_with_the_gateway() {
    let installation = Installation::with(CONFIG);
    // Whatever the umask lets through.
    let script = format!("umask 0; exec {:?} serve --config {:?}", env!("CARGO_BIN_EXE_gatepost"), installation.config());
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &script]);
    let mut child = Child::of(shell, "");
    child.logs("\"listening\"").await;
    assert_eq!(mode(&installation.socket()), 0o600);
    assert!(std::fs::metadata(installation.socket()).unwrap().file_type().is_socket());
    assert_eq!(installation.told(&["user", "list"]).await, serde_json::json!([]));
    assert_eq!(child.end().await.code, Some(0));
    assert!(!installation.socket().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_a_dead_gateway_left_behind_is_in_nobodys_way() {
    let installation = Installation::with(CONFIG);
    let (child, _) = installation.serve().await;
    child.tell("KILL");
    child.ended().await;
    assert!(installation.socket().exists());
    // The command works on the store, and the next gateway puts its own socket there.
    installation.told_of(&["user", "add", "grace", "--password-stdin"], "a better password").await;
    let (child, _) = installation.serve().await;
    let socket = installation.socket();
    let list = Child::start(&["admin", "user", "list", "--json", "--socket", socket.to_str().unwrap()]).ended().await;
    assert!(list.code == Some(0) && list.stdout.contains("grace"), "{list:?}");
    child.end().await;
    assert!(!installation.socket().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_on_which_a_gateway_answers_is_not_taken_from_it() {
    let first = Installation::with(CONFIG);
    let (child, _) = first.serve().await;
    let second = Installation::at_the_socket_of(&first).done(&["serve"], "").await;
    assert_eq!((second.code, second.stdout.as_str()), (Some(75), ""), "{second:?}");
    assert!(second.stderr.contains("admin.sock is in use"), "{second:?}");
    first.told_of(&["user", "add", "grace", "--password-stdin"], "a better password").await;
    child.end().await;
    assert_eq!(first.told(&["user", "show", "grace"]).await["name"], "grace");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_socket_is_left_as_it_is() {
    let installation = Installation::with(CONFIG);
    std::fs::create_dir(installation.data()).unwrap();
    std::fs::write(installation.socket(), "precious").unwrap();
    let ended = installation.done(&["serve"], "").await;
    assert_eq!(ended.code, Some(69), "{ended:?}");
    assert!(ended.stderr.contains("admin.sock is there already, and is no socket"), "{ended:?}");
    assert_eq!(std::fs::read_to_string(installation.socket()).unwrap(), "precious");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_does_not_remove_a_socket_that_is_not_its_own() {
    let installation = Installation::with(CONFIG);
    let (child, _) = installation.serve().await;
    std::fs::remove_file(installation.socket()).unwrap();
    let _other = UnixListener::bind(installation.socket()).unwrap();
    assert_eq!(child.end().await.code, Some(0));
    assert!(installation.socket().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_socket_the_store_of_a_running_gateway_is_its_own() {
    let installation = Installation::with(&format!("{CONFIG}\n[admin]\nsocket = false\n"));
    let (child, _) = installation.serve().await;
    assert!(!installation.socket().exists());
    let refused = installation.done(&["admin", "user", "list"], "").await;
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(75), ""));
    assert!(refused.stderr.contains("in use: another Gatepost runs on it"), "{refused:?}");
    child.end().await;
    assert_eq!(installation.told(&["user", "list"]).await, serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_is_named_and_answers_nobody_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("admin.sock");
    let ended = Child::start(&["admin", "user", "list", "--socket", socket.to_str().unwrap()]).ended().await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(69), ""));
    assert!(ended.stderr.contains("no gateway answers there") && ended.stderr.contains("admin.sock"), "{ended:?}");
}
