//! What an operator does to a user decides wherever something of that user's is shown, and what
//! could not be ended is ended when he says it again.

use std::{net::Ipv4Addr, sync::Arc};

use gatepost::{
    clock::Manual,
    engine::{ClientIds, CreateClient, Error, OwnAccess, Spelling, Unavailable},
    oauth::{
        audience::Audience,
        claim::Claim,
        client::{GrantType, Origin},
        refusal::ErrorCode,
        user::UserName,
    },
    store::{Change, Expect, Key, Record, Store, memory::Memory},
    verify::Denied,
};
use secrecy::ExposeSecret;

use crate::support::{
    faulty::{Fault, Faulty, Weather},
    house::{DIALECT, House, STYLE, USER, put_user, word},
    records::{START, scopes, user, user_id, user_name},
};

/// The engine over a store that fails when it is told to, with the user [`USER`] in it.
async fn house() -> (House, Arc<Faulty>, UserName) {
    let time = Manual::starting_at(START);
    let sound: Arc<dyn Store> = Arc::new(Memory::new(time.clock()));
    put_user(sound.as_ref(), &user(USER)).await;
    let (key, record) = (Key::UserName(user_name(USER)), Record::ToUser(user_id(USER)));
    sound.commit(vec![Change::Put { key, expect: Expect::Absent, record, until: None }]).await.unwrap();
    let faulty = Faulty::over(sound, Weather::FAIR, 1);
    (House::over(Arc::clone(&faulty) as _, time), faulty, user_name(USER))
}

fn is_revoked<T>(shown: &Result<T, Denied>) -> bool {
    matches!(shown, Err(Denied::Revoked(_)))
}

#[tokio::test]
async fn a_disabled_users_tokens_and_codes_open_nothing_until_he_is_enabled() {
    let (house, _, name) = house().await;
    let (_, given) = house.let_in().await;
    let approved = house.start().await.unwrap();
    house.approve(approved.grant).await.unwrap();

    assert!(!house.engine.disable_user(&name).await.unwrap().unwrap().0.enabled);
    assert!(is_revoked(&house.show(&given.access).await));
    assert_eq!(word(&house.refresh(&given.refresh).await), ErrorCode::InvalidGrant);
    assert_eq!(word(&house.poll(&approved.device_code).await), ErrorCode::AccessDenied);

    assert!(house.engine.enable_user(&name).await.unwrap().unwrap().enabled);
    assert!(house.show(&given.access).await.is_ok());
    house.refresh(&given.refresh).await.unwrap();
    house.poll(&approved.device_code).await.unwrap();
}

#[tokio::test]
async fn what_was_taken_back_from_a_user_opens_nothing_again() {
    let (house, _, name) = house().await;
    let (_, given) = house.let_in().await;
    let approved = house.start().await.unwrap();
    house.approve(approved.grant).await.unwrap();
    let before = user(USER);
    assert_eq!(house.engine.live_grants(&before).await.unwrap().len(), 2);

    let (after, _) = house.engine.revoke_user(&name).await.unwrap().unwrap();
    assert!(is_revoked(&house.show(&given.access).await));
    assert_eq!(word(&house.refresh(&given.refresh).await), ErrorCode::InvalidGrant);
    assert_eq!(word(&house.poll(&approved.device_code).await), ErrorCode::AccessDenied);
    assert!(house.engine.live_grants(&after).await.unwrap().is_empty(), "nobody is shown it as his");
}

#[tokio::test]
async fn what_may_have_been_taken_back_is_cut_off_and_may_be_said_again() {
    for disables in [true, false] {
        let (house, faulty, name) = house().await;
        let change = async || if disables { house.engine.disable_user(&name).await } else { house.engine.revoke_user(&name).await };
        let (_, given) = house.let_in().await;
        let (_, stream) = house.show(&given.access).await.unwrap();
        // The name, the user, and the commit, whose answer is lost.
        faulty.plan(2, Fault::After);
        assert!(matches!(change().await, Err(Error::Unavailable(Unavailable { .. }))));
        assert!(stream.cut().is_cancelled());
        assert!(is_revoked(&house.show(&given.access).await), "it is written all the same");
        change().await.unwrap();
    }
}

#[tokio::test]
async fn every_user_who_is_made_is_on_the_list_once_in_the_order_of_names() {
    let (house, _, name) = house().await;
    for other in ["zoe", "ada"] {
        let add = gatepost::engine::AddUser {
            name: UserName::parse(other).unwrap(),
            password: "a better password".into(),
            email: None,
            avatar: None,
            scopes: user(USER).scopes,
        };
        house.engine.add_user(add).await.unwrap();
    }
    let names = async || house.engine.users().await.unwrap().into_iter().map(|user| user.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names().await, ["ada", "zoe"]);
    // Who was made before there was a list is on it from his next change on.
    for _ in 0..2 {
        house.engine.enable_user(&name).await.unwrap().unwrap();
        assert_eq!(names().await, ["ada", "user-1", "zoe"]);
    }
}

#[tokio::test]
async fn nobody_is_changed_where_nobody_has_the_name() {
    let (house, _, _) = house().await;
    let nobody = UserName::parse("nobody").unwrap();
    assert!(house.engine.disable_user(&nobody).await.unwrap().is_none());
    assert!(house.engine.revoke_user(&nobody).await.unwrap().is_none());
    assert!(house.engine.reset_password(&nobody, "a better password".into()).await.unwrap().is_none());
    assert!(house.engine.users().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_deleted_clients_streams_are_cut_though_the_answer_is_lost() {
    let (house, faulty, _) = house().await;
    let create = CreateClient {
        spelling: Spelling { dialect: DIALECT, id: ClientIds::After("app_"), secret: "secret_" },
        owner: None,
        origin: Origin::Managed,
        name: Claim::exact("An app").unwrap(),
        description: None,
        redirect_uris: Vec::new(),
        scopes: scopes(),
        grant_types: GrantType::ALL.into(),
        public: false,
        format: None,
        resource_server: None,
        verified: false,
    };
    let (client, _) = house.engine.create_client(create).await.unwrap();
    let peer = Ipv4Addr::LOCALHOST.into();
    let own = OwnAccess { style: &STYLE, client: &client, scopes: None, audience: Audience::default(), peer };
    let access = house.engine.own_access(own).await.unwrap().access;
    let (_, stream) = house.show(access.expose_secret()).await.unwrap();
    // The client, and the commit.
    faulty.plan(1, Fault::After);
    assert!(matches!(house.engine.delete_client(DIALECT, &client.id, None).await, Err(Error::Unavailable(_))));
    assert!(stream.cut().is_cancelled() && is_revoked(&house.show(access.expose_secret()).await));
    assert!(house.engine.delete_client(DIALECT, &client.id, None).await.unwrap().is_none());
}
