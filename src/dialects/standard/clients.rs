//! `[[dialects.standard.clients]]`: what its clients have besides a name, scopes and a secret.

use std::collections::BTreeSet;

use crate::{
    config::Section,
    oauth::{
        audience::Audience,
        client::{Client, GrantType},
    },
};

/// Reads the rest of a client.
pub(super) fn read(section: &mut Section<'_>, client: &mut Client) {
    let redirect_uris = section.redirect_uris();
    // A list that cannot be read is there all the same: one mistake is told once.
    let redirects = section.holds("redirect_uris") && redirect_uris.as_ref().is_none_or(|uris| !uris.is_empty());
    client.redirect_uris = redirect_uris.unwrap_or_default();
    client.format = section.token_format();
    client.resource_server = resource_server(section);
    let is_resource_server = client.resource_server.is_some();
    match section.list("grant_types", grant_type) {
        Some(written) => {
            client.grant_types = written.into_iter().collect();
            check_grant_types(section, &client.grant_types, redirects, is_resource_server);
        }
        None => client.grant_types = fitting(redirects, is_resource_server),
    }
    if is_resource_server && !section.holds("secret") {
        section.problem(
            "resource_server",
            "a client without a secret may not ask what tokens are worth",
            "give it a secret, or leave `resource_server` out",
        );
    }
}

fn grant_type(text: &str) -> Result<GrantType, (String, String)> {
    let is_it = |grant_type: &&GrantType| word(**grant_type) == text || grant_type.as_str() == text;
    GrantType::ALL.iter().find(is_it).copied().ok_or_else(|| {
        let words = GrantType::ALL.map(|grant_type| format!("`{}`", word(grant_type))).join(", ");
        (format!("`{text}` is not a grant type that is spoken here"), format!("there is {words}"))
    })
}

/// A grant type as operators write it.
const fn word(grant_type: GrantType) -> &'static str {
    match grant_type {
        GrantType::DeviceCode => "device_code",
        other => other.as_str(),
    }
}

/// `true`, or a list of resources.
fn resource_server(section: &mut Section<'_>) -> Option<Audience> {
    const KEY: &str = "resource_server";
    if section.is_list(KEY) {
        let resources = section.resources(KEY)?;
        if resources.is_whole() {
            section.problem(KEY, "the list is empty", "write `true` for all resources, or leave `resource_server` out");
        }
        return Some(resources);
    }
    section.flag(KEY)?.then(Audience::default)
}

/// In which ways a client may ask that does not say: as browsers let it in where it has redirect
/// URIs, as devices are let in otherwise. Who only asks what tokens are worth wants none.
fn fitting(redirects: bool, is_resource_server: bool) -> BTreeSet<GrantType> {
    let grant_types: &[GrantType] = match (redirects, is_resource_server) {
        (true, _) => &[GrantType::AuthorizationCode, GrantType::RefreshToken],
        (false, true) => &[],
        (false, false) => &[GrantType::DeviceCode, GrantType::RefreshToken],
    };
    grant_types.iter().copied().collect()
}

fn check_grant_types(section: &mut Section<'_>, grant_types: &BTreeSet<GrantType>, redirects: bool, is_resource_server: bool) {
    let by_code = grant_types.contains(&GrantType::AuthorizationCode);
    if by_code && !redirects {
        section.problem(
            "grant_types",
            "an authorization code has nowhere to go without redirect URIs",
            "add `redirect_uris = [\"https://...\"]`, or leave `authorization_code` out",
        );
    }
    if redirects && !by_code {
        section.problem(
            "redirect_uris",
            "nothing is sent to redirect URIs without `authorization_code`",
            "add \"authorization_code\" to `grant_types`, or leave `redirect_uris` out",
        );
    }
    if grant_types.contains(&GrantType::ClientCredentials) && !section.holds("secret") {
        section.problem(
            "grant_types",
            "a client without a secret has no access of its own",
            "give it a secret, or leave `client_credentials` out",
        );
    }
    if grant_types.is_empty() && !is_resource_server {
        section.problem("grant_types", "the client may ask in no way", "leave `grant_types` out for what fits");
    }
}
