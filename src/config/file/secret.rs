//! Secrets. The file says where they are, never what they are.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use toml::de::DeValue;

use super::Section;
use crate::config::problem::{Flaw, Place};

/// Where a secret is.
enum Reference<'a> {
    /// In this environment variable.
    Env(&'a str),
    /// In this file.
    File(&'a str),
}

impl<'a> Reference<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        // What could not be a variable's name may be a secret that somebody put `env:` before.
        let is_name = |name: &&str| {
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && name.starts_with(|first: char| !first.is_ascii_digit())
        };
        match text.split_once(':')? {
            ("env", name) => Some(name).filter(is_name).map(Self::Env),
            ("file", path) if !path.is_empty() => Some(Self::File(path)),
            _ => None,
        }
    }
}

impl Section<'_> {
    /// A secret, which is given as `env:NAME` or `file:PATH`.
    pub fn secret(&mut self, key: &'static str) -> Option<SecretString> {
        let value = self.look_up(key)?;
        let reference = match value.get_ref() {
            DeValue::String(text) => Reference::parse(text),
            _ => None,
        };
        let Some(reference) = reference else {
            // Of what stands there not even the length is told.
            let span = self.table.get_key_value(key).map_or_else(|| value.span(), |(key, _)| key.span());
            let place = Place { span, ..self.place_of(key) };
            self.problem_at(
                place,
                "secrets are given as env:NAME or file:PATH",
                format!("put the secret into a file that only the gateway can read, and write `{key} = \"file:PATH\"`"),
            );
            return None;
        };
        self.report.open(value.span());
        match self.fetch(&reference) {
            Ok(secret) => Some(secret),
            Err((message, remedy)) => {
                self.problem(key, message, remedy);
                None
            }
        }
    }

    /// Text that is no secret: as it is, or where it is, as `env:NAME` or `file:PATH`.
    pub(in crate::config) fn text_or_reference(&mut self, key: &'static str) -> Option<String> {
        let text = self.discreet(key, |text| match text.split_once(':') {
            Some(("env" | "file", _)) if Reference::parse(text).is_none() => {
                Err(("this is neither env:NAME nor file:PATH".to_owned(), "write one of them, or the text itself".to_owned()))
            }
            _ if text.trim().is_empty() => Err(("the text is empty".to_owned(), "write something, or leave the key out".to_owned())),
            _ => Ok(text.to_owned()),
        })?;
        let Some(reference) = Reference::parse(&text) else { return Some(text) };
        match self.fetch(&reference) {
            Ok(fetched) => Some(fetched.expose_secret().to_owned()),
            Err((message, remedy)) => {
                self.problem(key, message, remedy);
                None
            }
        }
    }

    fn fetch(&self, reference: &Reference<'_>) -> Result<SecretString, Flaw> {
        let (mut secret, source, remedy) = match reference {
            Reference::Env(name) => {
                let remedy = format!("set {name} before the gateway starts");
                let secret = self.context.environment.variable(name);
                let source = format!("the environment variable {name}");
                (secret.map_err(|error| (format!("{source} {error}"), remedy.clone()))?, source, remedy)
            }
            Reference::File(path) => {
                let path = self.context.folder.join(Path::new(path));
                let remedy = format!("put the secret into {} and let the gateway read it", path.display());
                let secret = self.context.environment.read(&path);
                let source = format!("the file {}", path.display());
                (secret.map_err(|error| (format!("{source} cannot be read: {error}"), remedy.clone()))?, source, remedy)
            }
        };
        // Editors and `echo` end a file with a newline that is no part of the secret.
        secret.truncate(secret.trim_end_matches(['\r', '\n']).len());
        if secret.is_empty() { Err((format!("{source} is empty"), remedy)) } else { Ok(SecretString::from(secret)) }
    }
}
