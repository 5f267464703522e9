//! What may be wrong with `[dialects.serika]`.

use std::path::Path;

use gatepost::{
    config::{Problem, Written, load_text},
    dialects::DIALECTS,
};

use super::support::{environment, reserved};

fn mistakes(text: &str) -> Vec<String> {
    let text = format!("public_url = 'http://localhost'\n[scopes]\nprofile = 'See your name.'\n[dialects.serika]\n{text}");
    let written = Written { name: "gatepost.toml", text: &text, folder: Path::new("/etc/gatepost") };
    let Err(problems) = load_text(written, DIALECTS, reserved, &environment()) else { return Vec::new() };
    let told = |problem: &Problem| format!("{} {}: {}; {}", problem.line, problem.key, problem.message, problem.remedy);
    problems.iter().map(told).collect()
}

#[test]
fn the_scopes_that_clients_may_be_made_for_are_declared() {
    let expected = [
        "4 dialects.serika: the scope `generations` is not declared; declare it: `generations = \"...\"` under [scopes]",
        "4 dialects.serika: the scope `characters` is not declared; declare it: `characters = \"...\"` under [scopes]",
    ];
    assert_eq!(mistakes(""), expected);
    assert_eq!(mistakes("scopes = ['profile']"), [""; 0]);
    assert_eq!(
        mistakes("scopes = []"),
        ["5 dialects.serika.scopes: no client could be made; write the scopes that clients may be made for"]
    );
}

#[test]
fn options_have_bounds_and_clients_an_address() {
    let expected = [
        "6 dialects.serika.code: `code` is out of bounds; write a length of time from 10s to 10m, such as \"30s\", \"15m\", \"12h\" or \"7 days\"",
        "7 dialects.serika.tokens: `eddsa` is not one of the words that `tokens` knows; there is `opaque`, `EdDSA`, `ES256`",
        "8 dialects.serika.clients[0].redirect_uris: `redirect_uris` is missing; write `redirect_uris = [\"https://app.example.com/callback\"]`",
        "16 dialects.serika.clients[1].redirect_uris[1]: the redirect URI has a fragment; write it like \"https://app.example.com/callback\", \"http://127.0.0.1/callback\" or \"com.example.app:/callback\"",
        "21 dialects.serika.clients[2].redirect_uris: without a redirect URI no app gets an answer; write it like [\"https://app.example.com/callback\"]",
    ];
    let clients = ["", "redirect_uris = ['https://a.example', 'https://a.example/#x']\n", "redirect_uris = []\n"];
    let client =
        |(number, uris): (usize, &&str)| format!("[[dialects.serika.clients]]\nid = 'a{number}'\nname = 'A'\nscopes = ['profile']\n{uris}");
    let clients: String = clients.iter().enumerate().map(client).collect();
    assert_eq!(mistakes(&format!("scopes = ['profile']\ncode = '1h'\ntokens = 'eddsa'\n{clients}")), expected);
}
