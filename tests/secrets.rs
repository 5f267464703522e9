//! What lies in the store opens nothing.

use std::sync::Arc;

use gatepost::{clock::Manual, store::embedded::Embedded};

use crate::support::{
    gateway::{CONFIG, Gateway, PASSWORD},
    person::Person,
    records::START,
};

/// A credential's secret part: after the prefix, its 88 characters hold root id, record id and
/// number (22 bytes), the secret (25 bytes) and the MAC (8 bytes).
fn secret_bytes(credential: &str) -> Vec<u8> {
    let body = credential[credential.len() - 88..].to_ascii_uppercase();
    data_encoding::BASE32_NOPAD.decode(body.as_bytes()).unwrap()[22..47].to_vec()
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    let first = needle[0].to_ascii_lowercase();
    haystack
        .windows(needle.len())
        .filter(|window| window[0].to_ascii_lowercase() == first)
        .any(|window| window.eq_ignore_ascii_case(needle))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stores_file_holds_no_credential_code_or_password() {
    let folder = tempfile::tempdir().unwrap();
    let time = Manual::starting_at(START);
    let store = Arc::new(Embedded::open(folder.path(), time.clock()).unwrap());
    let gateway = Gateway::over(CONFIG, store, time).await;
    let person = Person::signed_in(&gateway).await;

    let (_, login) = gateway.post_form("/auth/device/code", &[("client_id", "app")]).await;
    let (device_code, user_code) = (login["device_code"].as_str().unwrap(), login["user_code"].as_str().unwrap());
    person.approve(user_code).await;
    let poll = [("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("client_id", "app"), ("device_code", device_code)];
    let (_, tokens) = gateway.post_form("/auth/device/token", &poll).await;
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let again = [("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", refresh)];
    let (status, next) = gateway.post_form("/auth/device/token", &again).await;
    assert_eq!(status, 200, "{next}");

    let page = person.get("/account").await.text();
    let form = page.split("action=\"/account/tokens\"").nth(1).unwrap().split("name=\"form\" value=\"").nth(1).unwrap();
    let create = [("form", form.split('"').next().unwrap()), ("name", "script"), ("scope.inference", "on"), ("days", "7")];
    let page = person.post("/account/tokens", &create).await.text();
    let personal = page.split("gpp_").nth(1).unwrap().split('<').next().unwrap();
    assert_eq!(personal.len(), 88, "{page}");

    let session = person.cookie("gatepost_session");
    let file = std::fs::read(folder.path().join("gatepost.redb")).unwrap();
    assert!(holds(&file, b"bootspring"), "the file is the one that the grant lies in");
    let (next_access, next_refresh) = (next["access_token"].as_str().unwrap(), next["refresh_token"].as_str().unwrap());
    let credentials = [device_code, access, refresh, next_access, next_refresh, &session, personal];
    for credential in credentials {
        assert!(!holds(&file, credential.as_bytes()), "a credential as it is written");
        assert!(!holds(&file, &credential.as_bytes()[credential.len() - 88..]), "a credential without its prefix");
        assert!(!holds(&file, &secret_bytes(credential)), "a credential's secret");
        assert!(!holds(&file, data_encoding::HEXLOWER.encode(&secret_bytes(credential)).as_bytes()), "a secret in hexadecimal");
    }
    assert!(!holds(&file, PASSWORD.as_bytes()), "a password");
    assert!(!holds(&file, user_code.as_bytes()) && !holds(&file, user_code.replace('-', "").as_bytes()), "a user code");
    gateway.end().await;
}
