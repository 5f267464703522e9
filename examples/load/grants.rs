//! Grants by the hundred thousand, as their users and an app would have made them.

use std::{net::Ipv4Addr, time::Duration};

use gatepost::{
    engine::Engine,
    oauth::{
        audience::Audience,
        client::{Client, ClientKey},
        grant::{App, Approval, Channel, Grant, Requester, State, Terms},
        id::{ClientId, GrantId, UserId},
        scope::Scopes,
        secret::Salt,
        token::{self, Kind},
        user::{User, UserName},
    },
    store::{Entry, Key, List, Record, Store},
};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::Outcome;

/// So many grants a user has.
const GRANTS_OF_A_USER: usize = 100;
const DIALECT: &str = "bootspring";

/// Makes users with their grants; answers with the users and the access tokens.
pub(crate) async fn make(count: usize, engine: &Engine, store: &dyn Store) -> Outcome<(Vec<User>, Vec<SecretString>)> {
    let client = engine.client(DIALECT, &ClientId::new("bootspring-cli")).await?.ok_or("no client")?;
    let (mut users, mut tokens) = (Vec::new(), Vec::with_capacity(count));
    while tokens.len() < count {
        let user = user(users.len())?;
        let mut entries = vec![
            Entry::Record { key: Key::UserName(user.name.clone()), record: Record::ToUser(user.id), until: None },
            Entry::Record { key: Key::User(user.id), record: Record::User(Box::new(user.clone())), until: None },
            Entry::Member { list: List::Users, member: *user.id.as_bytes(), until: Timestamp::MAX },
        ];
        for _ in 0..GRANTS_OF_A_USER.min(count - tokens.len()) {
            let grant = grant(&client, &user, engine);
            let (id, keyring) = (grant.id.as_bytes(), engine.keyring());
            let token = token::mint(keyring, grant.root, "bs_at_", Kind::Access, id, 1, &grant.salt);
            tokens.push(token.ok_or("no root secret")?);
            let (member, until) = (*id, grant.keep_until());
            for list in [List::GrantsOf(user.id), List::GrantsOfClient(ClientKey::of(DIALECT, &grant.client))] {
                entries.push(Entry::Member { list, member, until });
            }
            entries.push(Entry::Record { key: Key::Grant(grant.id), record: Record::Grant(Box::new(grant)), until: Some(until) });
        }
        store.restore(entries).await?;
        users.push(user);
    }
    Ok((users, tokens))
}

fn user(number: usize) -> Outcome<User> {
    Ok(User {
        id: UserId::from_random(rand::random()),
        name: UserName::parse(&format!("user{number}"))?,
        password: None,
        email: Some(format!("user{number}@example.com")),
        avatar: None,
        scopes: inference(),
        enabled: true,
        generation: 0,
        session_generation: 0,
        created: Timestamp::now(),
    })
}

fn grant(client: &Client, user: &User, engine: &Engine) -> Grant {
    let (root, now) = (engine.keyring().minting(), Timestamp::now());
    let approval = Approval {
        user: Some(user.id),
        user_generation: user.generation,
        client_generation: client.generation,
        scopes: inference(),
        at: now,
        session: None,
        tenant: None,
    };
    let hour = Duration::from_secs(3600);
    let terms = Terms { access: hour, refresh: Some(720 * hour), root, key: None, lasting: None };
    Grant {
        id: GrantId::from_random(rand::random()),
        dialect: DIALECT.to_owned(),
        client: client.id.clone(),
        app: App { name: client.name.clone(), verified: client.verified },
        requested: inference(),
        audience: Audience::default(),
        requester: Requester { app: None, device: None, platform: None, network: Ipv4Addr::LOCALHOST.into() },
        channel: Channel::Polled,
        salt: Salt::from_random(rand::random()),
        root,
        key: None,
        created: now,
        state: State::born_live(approval, Audience::default(), &terms, now),
    }
}

fn inference() -> Scopes {
    ["inference".to_owned()].into_iter().collect()
}

/// The text that a caller shows.
pub(crate) fn shown(token: &SecretString) -> &str {
    token.expose_secret()
}
