//! Clients, which every dialect declares in the same way.

use super::Section;
use crate::{
    config::problem::{Flaw, Place},
    oauth::{client::Client, id::ClientId},
};

impl Section<'_> {
    /// The clients of a dialect, `[[dialects.<name>.clients]]`.
    pub fn clients(&mut self, dialect: &'static str) -> Vec<Client> {
        let declared = self.tables("clients", |section| {
            let id = section.required("id", "\"my-cli\"", |section, key| section.parsed(key, client_id));
            let name = section.required("name", "\"My CLI\"", Section::text);
            let scopes = section.required("scopes", "[\"inference\"]", Section::scopes);
            let secret = section.secret("secret");
            Some((Client { id: id?, dialect, name: name?, scopes: scopes?, secret, generation: 0 }, section.place_of("id")))
        });
        let mut clients: Vec<Client> = Vec::with_capacity(declared.len());
        for (client, place) in declared.into_iter().flatten() {
            if clients.iter().any(|other| other.id == client.id) {
                self.twice(place, &client);
            }
            clients.push(client);
        }
        clients
    }

    fn twice(&mut self, place: Place, client: &Client) {
        self.problem_at(place, format!("the client `{}` is there twice", client.id), "give each client an id of its own");
    }
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
