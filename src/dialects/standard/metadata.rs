//! What clients discover of the server and of what it protects.

use http::Method;

use super::{AUTHORIZE, DEVICE_AUTHORIZATION, INTROSPECT, REGISTER, REVOKE, Standard, TOKEN, USERINFO};
use crate::{
    config::{Claim, Paths},
    dialects::{
        House,
        metadata::{self, AUTHORIZATION_SERVER, JWKS, Offer},
    },
    message::Endpoint,
    oauth::{resource, scope::Scopes},
};

/// The documents: about the server (RFC 8414), and about each resource (RFC 9728).
pub(super) fn endpoints(standard: &Standard, house: &House) -> Vec<Endpoint> {
    let server = metadata::authorization_server(&house.public_url, &offer(standard));
    let mut endpoints = vec![metadata::shown("standard.metadata", AUTHORIZATION_SERVER.to_owned(), server)];
    endpoints.extend(metadata::protected_resources(&house.public_url, &house.place, &house.protected));
    for endpoint in &mut endpoints {
        endpoint.host.clone_from(&standard.mount.host);
        endpoint.shape = crate::dialects::rfc::flat;
    }
    endpoints
}

/// Where they are: at the root, whatever the mount, since the issuer has no path (RFC 8414 section 3).
pub(super) fn claims(standard: &Standard) -> impl Iterator<Item = Claim> {
    let host = standard.mount.host.clone();
    let paths = [Paths::Exact(AUTHORIZATION_SERVER.to_owned()), Paths::Prefix(resource::METADATA.to_owned())];
    paths.into_iter().map(move |paths| Claim {
        owner: format!("dialect {}", super::NAME),
        host: host.clone(),
        paths,
        methods: vec![Method::GET, Method::HEAD],
        only: None,
    })
}

fn offer(standard: &Standard) -> Offer {
    let at = |path| Some(standard.mount.path(path));
    let declared = standard.clients.iter().map(|declared| &declared.client.scopes);
    let registered = standard.registration.iter().map(|registration| &registration.scopes);
    let documents = standard.documents.iter().map(|documents| &documents.scopes);
    let all = declared.chain(&standard.scopes).chain(registered).chain(documents);
    let scopes: Scopes = all.flat_map(Scopes::iter).map(str::to_owned).collect();
    Offer {
        authorize: at(AUTHORIZE),
        token: at(TOKEN),
        device_authorization: at(DEVICE_AUTHORIZATION),
        revoke: at(REVOKE),
        introspect: at(INTROSPECT),
        userinfo: at(USERINFO),
        register: standard.registration.as_ref().and_then(|_| at(REGISTER)),
        jwks: Some(JWKS.to_owned()),
        client_credentials: true,
        client_id_metadata_documents: standard.documents.is_some(),
        scopes,
    }
}
