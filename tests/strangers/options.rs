//! What operators write about clients that nobody made by hand.

use std::path::Path;

use gatepost::{
    config::{Claim, DialectRow, Environment, Mount, Mounted, Section, Written, load_text},
    dialects::{Documents, registration::Registration},
    oauth::client::Declared,
};

use crate::proxy::tls::Certificate;

/// The options of a dialect that has both.
struct Options(Option<Registration>, Option<Documents>);

impl Options {
    fn read(_: Mount, section: &mut Section<'_>) -> Self {
        Self(Registration::read(section), Documents::read(section))
    }
}

impl Mounted for Options {
    fn claims(&self) -> Vec<Claim> {
        Vec::new()
    }

    fn clients(&self) -> Vec<Declared> {
        Vec::new()
    }
}

/// What these lines of `[dialects.walk]` mean, or what is wrong with them.
fn load(lines: &str) -> Result<Options, Vec<String>> {
    let text = format!("public_url = \"https://ai.example.com\"\n[scopes]\ninference = \"a\"\nimages = \"b\"\n[dialects.walk]\n{lines}\n");
    let good = Certificate::new().pem();
    let files = [
        ("/etc/ca.pem", good.as_str()),
        ("/etc/none.pem", "hello"),
        ("/etc/bad.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    ];
    let environment = Environment::given([], files);
    let written = Written { name: "gatepost.toml", text: &text, folder: Path::new("/etc") };
    let rows = [DialectRow { name: "walk", read: Options::read }];
    match load_text(written, &rows, |_| Vec::new(), &environment) {
        Ok((_, mut dialects)) => Ok(dialects.remove(0)),
        Err(problems) => Err(problems.iter().map(|problem| format!("{}: {}", problem.key, problem.message)).collect()),
    }
}

#[test]
fn both_are_off_unless_they_are_turned_on() {
    for lines in ["", "registration = false\nclient_id_metadata_documents = false"] {
        assert!(matches!(load(lines), Ok(Options(None, None))), "{lines}");
    }
    let Ok(Options(Some(registration), Some(documents))) = load("registration = true\nclient_id_metadata_documents = true") else {
        panic!()
    };
    assert_eq!((registration.scopes.to_string(), documents.scopes.to_string()), ("inference".into(), "inference".into()));
    assert!(documents.networks.is_empty() && documents.roots.is_empty());
}

#[test]
fn a_table_says_more() {
    let lines = "registration = { scopes = [\"images\", \"inference\"] }\n[dialects.walk.client_id_metadata_documents]\nscopes = [\"images\"]\n\
                 networks = [\"10.0.0.0/8\", \"192.0.2.7\"]\nca_file = \"ca.pem\"";
    let Ok(Options(Some(registration), Some(documents))) = load(lines) else { panic!() };
    assert_eq!((registration.scopes.to_string(), documents.scopes.to_string()), ("images inference".into(), "images".into()));
    assert_eq!((documents.networks.len(), documents.roots.len()), (2, 1));
}

#[test]
fn each_mistake_is_told_where_it_is() {
    for (lines, told) in [
        ("registration = 1", "dialects.walk.registration: `dialects.walk.registration` cannot be a whole number"),
        ("registration = { scope = [] }", "dialects.walk.registration.scope: there is no key `scope`"),
        (
            "client_id_metadata_documents = { ca_file = \"none.pem\" }",
            "dialects.walk.client_id_metadata_documents.ca_file: there is no certificate in the file",
        ),
        (
            "client_id_metadata_documents = { ca_file = \"bad.pem\" }",
            "dialects.walk.client_id_metadata_documents.ca_file: a certificate in the file cannot be used: ",
        ),
        (
            "client_id_metadata_documents = { ca_file = \"gone.pem\" }",
            "dialects.walk.client_id_metadata_documents.ca_file: the file /etc/gone.pem cannot be read: ",
        ),
        (
            "client_id_metadata_documents = { networks = [\"10.0.0.1/8\"] }",
            "dialects.walk.client_id_metadata_documents.networks[0]: 10.0.0.1/8 has bits beyond its prefix",
        ),
        (
            "client_id_metadata_documents = { networks = [\"::/0\"] }",
            "dialects.walk.client_id_metadata_documents.networks[0]: this is every network",
        ),
    ] {
        let Err(problems) = load(lines) else { panic!("{lines}") };
        assert!(matches!(problems.as_slice(), [one] if one.starts_with(told)), "{lines}: {problems:#?}");
    }
}

#[test]
fn a_scope_that_nobody_declared_is_a_mistake_here_too() {
    let Err(problems) = load("registration = { scopes = [\"admin\"] }") else { panic!() };
    assert!(matches!(problems.as_slice(), [one] if one.starts_with("dialects.walk.registration.scopes[0]:")), "{problems:#?}");
}
