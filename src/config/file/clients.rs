//! Clients, which every dialect declares in the same way.

use super::Section;
use crate::{
    config::problem::Flaw,
    oauth::{
        client::{Authentication, Client, Declared},
        id::ClientId,
        redirect::RedirectUri,
        signing::TokenFormat,
    },
};

impl Section<'_> {
    /// The clients of a dialect, `[[dialects.<name>.clients]]`. `more` reads what this dialect's have
    /// besides.
    pub fn clients(&mut self, dialect: &str, mut more: impl FnMut(&mut Section<'_>, &mut Client)) -> Vec<Declared> {
        let declared = self.tables("clients", |section| {
            let id = section.required("id", "\"my-cli\"", |section, key| section.parsed(key, client_id));
            let name = section.required("name", "\"My CLI\"", Section::text);
            let scopes = section.required("scopes", "[\"inference\"]", Section::scopes);
            let secret = section.secret("secret");
            let verified = section.flag("verified").unwrap_or(false);
            let mut client =
                Client::declared(dialect, id.unwrap_or(ClientId::new("")), name.unwrap_or_default(), scopes.unwrap_or_default());
            client.verified = verified;
            if secret.is_some() {
                client.authentication = Authentication::Declared;
            }
            more(section, &mut client);
            (Declared { client, secret }, section.place_of("id"))
        });
        let mut clients: Vec<Declared> = Vec::with_capacity(declared.len());
        for (declared, place) in declared {
            let id = &declared.client.id;
            // What is left of one whose id was refused.
            if !id.as_str().is_empty() && clients.iter().any(|other| other.client.id == *id) {
                self.problem_at(place, format!("the client `{id}` is there twice"), "give each client an id of its own");
            }
            clients.push(declared);
        }
        clients
    }

    /// `redirect_uris`: where answers may be sent.
    pub fn redirect_uris(&mut self) -> Option<Vec<RedirectUri>> {
        self.list("redirect_uris", redirect_uri)
    }

    /// The same for clients that get no answer without.
    pub fn required_redirect_uris(&mut self) -> Vec<RedirectUri> {
        let example = "[\"https://app.example.com/callback\"]";
        let uris = self.required("redirect_uris", example, |section, _key| section.redirect_uris());
        if uris.as_ref().is_some_and(Vec::is_empty) {
            self.problem("redirect_uris", "without a redirect URI no app gets an answer", format!("write it like {example}"));
        }
        uris.unwrap_or_default()
    }

    /// `tokens`: how access tokens are written.
    pub fn token_format(&mut self) -> Option<TokenFormat> {
        self.choice("tokens", &TokenFormat::ALL.map(|format| (format.as_str(), format)))
    }
}

fn redirect_uri(text: &str) -> Result<RedirectUri, Flaw> {
    RedirectUri::parse(text).map_err(|bad| {
        let remedy = "write it like \"https://app.example.com/callback\", \"http://127.0.0.1/callback\" or \"com.example.app:/callback\"";
        (format!("the redirect URI {bad}"), remedy.to_owned())
    })
}

/// RFC 6749 appendix A.1, without spaces.
fn client_id(text: &str) -> Result<ClientId, Flaw> {
    const LONGEST: usize = 128;
    if (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(ClientId::new(text))
    } else {
        Err((format!("a client's id has 1 to {LONGEST} visible ASCII characters"), "write it like \"my-cli\"".to_owned()))
    }
}
