//! Fruxon's logins over a store: what a yes gives, to whom, and what becomes of the keys.

use std::collections::BTreeSet;

use gatepost::{
    engine::{Decider, Decision, Error, Holder, KEYS_WRITE},
    oauth::{
        claim::Claim,
        grant::{Approval, Grant, Login as Asked, Rotation, State},
        id::GrantId,
        refusal::ErrorCode,
        scope::Scopes,
        tenant::Tenant,
        user::User,
    },
    verify::Denied,
};
use tokio_util::sync::CancellationToken;

use super::logins::{
    DAY, KEY_LIFE, KEYS, LOGIN_LIFE, Secret, TENANT, approve, approved, asked, begin, begin_as, client, deliver, deliver_to, is_revoked,
    logged_in, opens, refused, rotate, tenant as tenant_named,
};
use crate::support::{
    house::{CLIENT, House, USER, put_user, word},
    records::{scopes, user, user_id},
};

async fn grant(house: &House, id: GrantId) -> Grant {
    house.engine.grant(id).await.unwrap().unwrap()
}

fn holder<'a>(key: &Secret, scopes: &'a Scopes) -> Holder<'a> {
    Holder { key: key.key, user: user_id(USER), tenant: TENANT, scopes }
}

async fn decide(house: &House, login: GrantId, by: &User, tenant: Option<&str>, decision: Decision) -> Result<Grant, Error> {
    let tenant = tenant.map(tenant_named);
    house.engine.decide_in(tenant.as_ref(), login, Decider { user: by, session: None }, decision).await
}

#[tokio::test]
async fn a_login_is_answered_once_with_a_key_that_is_another_grant() {
    let house = House::new().await;
    let login = begin(&house, None).await.unwrap();
    assert_eq!(word(&deliver(&house, &login.device_code).await), ErrorCode::AuthorizationPending);
    approve(&house, login.grant).await.unwrap();
    let key = deliver(&house, &login.device_code).await.unwrap();
    assert!(key.key != login.grant && key.text.starts_with("fx_pat_"));
    let (subject, _) = house.show(&key.text).await.unwrap();
    assert_eq!((subject.grant, subject.tenant.as_deref(), subject.scopes.clone()), (key.key, Some(TENANT), scopes()));
    for _ in 0..3 {
        assert_eq!(word(&deliver(&house, &login.device_code).await), ErrorCode::Consumed);
        house.pass(LOGIN_LIFE);
    }
    house.pass(DAY);
    assert_eq!(word(&deliver(&house, &login.device_code).await), ErrorCode::InvalidGrant, "it is forgotten");
    assert!(opens(&house, &key.text).await);
    house.pass(KEY_LIFE - DAY);
    assert!(matches!(house.show(&key.text).await, Err(Denied::Expired(_))));
}

#[tokio::test]
async fn an_app_that_has_hung_up_is_not_delivered_to() {
    let house = House::new().await;
    let login = approved(&house, None).await;
    let gone = CancellationToken::new();
    gone.cancel();
    assert_eq!(word(&deliver_to(&house, &login.device_code, &gone).await), ErrorCode::AuthorizationPending);
    let key = deliver(&house, &login.device_code).await.unwrap();
    assert!(opens(&house, &key.text).await);
}

#[tokio::test]
async fn the_next_login_of_a_device_gets_the_same_key_with_another_secret() {
    let house = House::new().await;
    let first = logged_in(&house, Some("laptop")).await;
    let (_, stream) = house.show(&first.text).await.unwrap();
    house.pass(DAY);
    let login = approved(&house, Some("laptop")).await;
    let replaced = house.engine.replaces(&grant(&house, login.grant).await, user_id(USER), TENANT).await.unwrap();
    assert_eq!(replaced.map(|key| key.id), Some(first.key));
    assert!(opens(&house, &first.text).await, "until it is delivered");
    let second = deliver(&house, &login.device_code).await.unwrap();
    assert_eq!(second.key, first.key);
    assert!(stream.cut().is_cancelled());
    assert!(is_revoked(&house.show(&first.text).await) && opens(&house, &second.text).await);
    // It lives as long as any.
    house.pass(KEY_LIFE - DAY / 2);
    assert!(opens(&house, &second.text).await);
}

#[tokio::test]
async fn another_device_tenant_kind_or_user_and_no_device_have_keys_of_their_own() {
    let house = House::new().await;
    let ada = User { id: user_id(2), ..user(USER) };
    put_user(house.store.as_ref(), &ada).await;
    let bob = user(USER);
    let of = |client_type: &str, device: Option<&str>| Asked { client_type: client_type.to_owned(), ..asked(device) };
    let mut keys = Vec::new();
    for (asked, by, tenant) in [
        (of("CLI", Some("laptop")), &bob, TENANT),
        (of("CLI", Some("phone")), &bob, TENANT),
        (of("IDE", Some("laptop")), &bob, TENANT),
        (of("CLI", Some("laptop")), &bob, "acme"),
        (of("CLI", Some("laptop")), &ada, TENANT),
        (of("CLI", None), &bob, TENANT),
        (of("CLI", None), &bob, TENANT),
        // Nothing runs together with its neighbour.
        (of("CLIl", Some("aptop")), &bob, TENANT),
    ] {
        let login = begin_as(&house, asked).await.unwrap();
        decide(&house, login.grant, by, Some(tenant), Decision::Approve).await.unwrap();
        keys.push(deliver(&house, &login.device_code).await.unwrap());
    }
    for (at, key) in keys.iter().enumerate() {
        assert!(opens(&house, &key.text).await, "{at}");
        assert!(keys[..at].iter().all(|other| other.key != key.key), "{at}");
    }
}

#[tokio::test]
async fn what_says_only_how_it_looks_does_not_say_which_device_it_is() {
    let house = House::new().await;
    let first = logged_in(&house, Some("laptop")).await;
    let other = Asked { preset: "observer".to_owned(), tenant: Some("acme".to_owned()), ..asked(Some("laptop")) };
    let login = begin_as(&house, other).await.unwrap();
    approve(&house, login.grant).await.unwrap();
    assert_eq!(deliver(&house, &login.device_code).await.unwrap().key, first.key);
}

#[tokio::test]
async fn a_device_whose_key_was_taken_back_or_forgotten_gets_another() {
    for is_forgotten in [false, true] {
        let house = House::new().await;
        let first = logged_in(&house, Some("laptop")).await;
        if is_forgotten {
            house.pass(KEY_LIFE + DAY);
        } else {
            house.revoke(first.key).await.unwrap();
        }
        let second = logged_in(&house, Some("laptop")).await;
        assert_ne!(second.key, first.key);
        assert!(!opens(&house, &first.text).await && opens(&house, &second.text).await);
        // From then on that is the device's.
        let third = logged_in(&house, Some("laptop")).await;
        assert_eq!(third.key, second.key);
        assert!(!opens(&house, &second.text).await && opens(&house, &third.text).await);
    }
}

#[tokio::test]
async fn a_key_that_expired_yesterday_or_fell_with_all_of_its_user_is_the_devices_still() {
    let house = House::new().await;
    let first = logged_in(&house, Some("laptop")).await;
    house.pass(KEY_LIFE + DAY / 2);
    let second = logged_in(&house, Some("laptop")).await;
    assert_eq!(second.key, first.key);
    assert!(is_revoked(&house.show(&first.text).await) && opens(&house, &second.text).await);

    let later = User { generation: user(USER).generation + 1, ..user(USER) };
    house.change_user(&later).await;
    assert!(is_revoked(&house.show(&second.text).await));
    let login = begin(&house, Some("laptop")).await.unwrap();
    decide(&house, login.grant, &later, Some(TENANT), Decision::Approve).await.unwrap();
    let third = deliver(&house, &login.device_code).await.unwrap();
    assert_eq!(third.key, first.key);
    assert!(is_revoked(&house.show(&second.text).await) && opens(&house, &third.text).await);
}

#[tokio::test]
async fn a_login_is_approved_in_a_tenant_and_whole_or_not_at_all() {
    let house = House::new().await;
    let login = begin(&house, None).await.unwrap();
    let little = User { scopes: Scopes::parse("chat").unwrap(), ..user(USER) };
    let nothing = User { scopes: Scopes::default(), ..user(USER) };
    for (by, tenant) in [(&user(USER), None), (&little, Some(TENANT)), (&nothing, Some(TENANT)), (&little, None)] {
        assert_eq!(word(&decide(&house, login.grant, by, tenant, Decision::Approve).await), ErrorCode::AccessDenied);
        assert_eq!(word(&deliver(&house, &login.device_code).await), ErrorCode::AuthorizationPending, "nothing was decided");
    }
    assert_eq!(word(&house.approve(login.grant).await), ErrorCode::AccessDenied, "on a page that knows of no tenants");
    let yes = decide(&house, login.grant, &user(USER), Some("acme"), Decision::Approve).await.unwrap();
    assert_eq!(yes.approval().unwrap().tenant.as_deref(), Some("acme"));
    let key = deliver(&house, &login.device_code).await.unwrap();
    assert_eq!(house.show(&key.text).await.unwrap().0.tenant.as_deref(), Some("acme"));
    for decision in [Decision::Approve, Decision::Deny] {
        assert_eq!(word(&decide(&house, login.grant, &user(USER), Some(TENANT), decision).await), ErrorCode::InvalidGrant);
    }
}

#[tokio::test]
async fn whoever_denies_needs_no_tenant_and_no_permission() {
    let house = House::new().await;
    let login = begin(&house, None).await.unwrap();
    let nothing = User { scopes: Scopes::default(), ..user(USER) };
    decide(&house, login.grant, &nothing, None, Decision::Deny).await.unwrap();
    assert_eq!(word(&deliver(&house, &login.device_code).await), ErrorCode::AccessDenied);
}

#[tokio::test]
async fn what_is_no_login_is_narrowed_as_ever_and_in_no_tenant() {
    let house = House::new().await;
    let login = house.start().await.unwrap();
    let little = User { scopes: Scopes::parse("chat").unwrap(), ..user(USER) };
    let yes = decide(&house, login.grant, &little, Some("acme"), Decision::Approve).await.unwrap();
    let Approval { scopes, tenant, .. } = yes.approval().unwrap();
    assert_eq!((scopes, tenant), (&little.scopes, &None));
    let given = house.poll(&login.device_code).await.unwrap();
    assert_eq!(house.show(&given.access).await.unwrap().0.tenant, None);
}

#[tokio::test]
async fn each_way_answers_its_own_codes_only() {
    let house = House::new().await;
    let (login, polled) = (approved(&house, None).await, house.start().await.unwrap());
    house.approve(polled.grant).await.unwrap();
    assert_eq!(word(&deliver(&house, &polled.device_code).await), ErrorCode::InvalidGrant);
    for (at, _) in login.device_code.char_indices().step_by(7) {
        let mut changed = login.device_code.clone();
        changed.replace_range(at..=at, "0");
        assert_eq!(word(&deliver(&house, &changed).await), ErrorCode::InvalidGrant);
    }
    deliver(&house, &login.device_code).await.unwrap();
    house.poll(&polled.device_code).await.unwrap();
}

#[tokio::test]
async fn a_login_that_is_taken_back_before_it_is_delivered_is_not_delivered() {
    let house = House::new().await;
    let first = logged_in(&house, Some("laptop")).await;
    let login = approved(&house, Some("laptop")).await;
    house.revoke(login.grant).await.unwrap();
    house.revoke(login.grant).await.unwrap();
    assert_eq!(word(&deliver(&house, &login.device_code).await), ErrorCode::AccessDenied);
    assert!(opens(&house, &first.text).await, "it has replaced nothing");
}

#[tokio::test]
async fn a_login_that_was_delivered_is_not_the_users_to_take_back_but_its_key_is() {
    let house = House::new().await;
    let login = approved(&house, None).await;
    let key = deliver(&house, &login.device_code).await.unwrap();
    assert_eq!(word(&house.revoke(login.grant).await), ErrorCode::InvalidGrant);
    let listed: Vec<_> = house.engine.applications(&user(USER)).await.unwrap().into_iter().map(|app| app.grant.id).collect();
    assert_eq!(listed, [key.key]);
    house.revoke(key.key).await.unwrap();
    assert!(is_revoked(&house.show(&key.text).await));
    assert!(house.engine.applications(&user(USER)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_disabled_users_keys_and_logins_wait_for_him() {
    let house = House::new().await;
    let (key, login) = (logged_in(&house, None).await, approved(&house, None).await);
    put_user(house.store.as_ref(), &User { enabled: false, ..user(USER) }).await;
    assert!(is_revoked(&house.show(&key.text).await));
    assert_eq!(word(&deliver(&house, &login.device_code).await), ErrorCode::AccessDenied);
    assert_eq!(refused(&rotate(&house, key.key, Rotation::default()).await), Some(ErrorCode::InvalidGrant));
    put_user(house.store.as_ref(), &user(USER)).await;
    assert!(opens(&house, &key.text).await);
    deliver(&house, &login.device_code).await.unwrap();
}

#[tokio::test]
async fn a_rotation_is_in_force_with_its_answer() {
    let house = House::new().await;
    let mut newest = logged_in(&house, Some("laptop")).await;
    let (name, mut all) = (Claim::cleaned("Build server").unwrap(), Vec::new());
    // More often than a grant has live tokens.
    for _ in 0..12 {
        let (_, stream) = house.show(&newest.text).await.unwrap();
        let (info, next) = rotate(&house, newest.key, Rotation { name: Some(&name), ..Rotation::default() }).await.unwrap();
        assert!(stream.cut().is_cancelled() && opens(&house, &next.text).await);
        assert_eq!((info.grant.id, info.grant.requester.app), (newest.key, Some(name.clone())));
        all.push(std::mem::replace(&mut newest, next));
        for old in &all {
            assert!(is_revoked(&house.show(&old.text).await));
        }
    }
    // The device's next login finds it under the same name.
    assert_eq!(logged_in(&house, Some("laptop")).await.key, newest.key);
    assert!(is_revoked(&house.show(&newest.text).await));
}

#[tokio::test]
async fn what_a_rotation_may_not_do_changes_nothing() {
    let house = House::new().await;
    let key = logged_in(&house, None).await;
    house.pass(DAY);
    let wider = Scopes::parse("chat models:read models:write").unwrap();
    for (rotation, code) in [
        (Rotation { scopes: Some(&wider), ..Rotation::default() }, ErrorCode::InvalidScope),
        (Rotation { life: Some(KEY_LIFE), ..Rotation::default() }, ErrorCode::AccessDenied),
    ] {
        let before = grant(&house, key.key).await;
        assert_eq!(refused(&rotate(&house, key.key, rotation).await), Some(code));
        assert_eq!(grant(&house, key.key).await, before);
    }
    assert!(opens(&house, &key.text).await);
}

#[tokio::test]
async fn a_key_that_is_shortened_ends_and_is_forgotten_accordingly() {
    let house = House::new().await;
    let key = logged_in(&house, Some("laptop")).await;
    let (_, short) = rotate(&house, key.key, Rotation { life: Some(DAY), ..Rotation::default() }).await.unwrap();
    house.pass(DAY);
    assert!(matches!(house.show(&short.text).await, Err(Denied::Expired(_))));
    house.pass(DAY);
    assert!(house.engine.grant(key.key).await.unwrap().is_none());
    assert_ne!(logged_in(&house, Some("laptop")).await.key, key.key);
}

#[tokio::test]
async fn a_key_sees_itself_and_others_only_as_far_as_it_may() {
    let house = House::new().await;
    let (one, other) = (logged_in(&house, Some("laptop")).await, logged_in(&house, Some("phone")).await);
    let (none, write) = (scopes(), Scopes::parse(&format!("chat models:read {KEYS_WRITE}")).unwrap());
    let less = Scopes::parse(&format!("chat {KEYS_WRITE}")).unwrap();
    let engine = &house.engine;
    for (may, sees) in [(&none, false), (&less, false), (&write, true)] {
        let me = holder(&one, may);
        let listed: Vec<_> = engine.device_keys(KEYS.dialect, me).await.unwrap().into_iter().map(|key| key.grant.id).collect();
        assert_eq!((listed.contains(&one.key), listed.contains(&other.key), listed.len()), (true, sees, 1 + usize::from(sees)));
        engine.device_key(KEYS.dialect, me, one.key).await.unwrap();
        let code = (!sees).then_some(ErrorCode::AccessDenied);
        assert_eq!(refused(&engine.device_key(KEYS.dialect, me, other.key).await), code);
        assert_eq!(refused(&engine.rotate_device_key(&KEYS, &client(CLIENT), me, other.key, Rotation::default()).await), code);
        assert_eq!(is_revoked(&house.show(&other.text).await), sees);
    }
    assert_eq!(refused(&engine.revoke_device_key(KEYS.dialect, holder(&one, &none), other.key).await), Some(ErrorCode::AccessDenied));
    engine.revoke_device_key(KEYS.dialect, holder(&one, &write), other.key).await.unwrap();
    engine.revoke_device_key(KEYS.dialect, holder(&one, &write), other.key).await.unwrap();
    assert!(matches!(grant(&house, other.key).await.state, State::Revoked { .. }));
    assert!(opens(&house, &one.text).await);
    let listed = engine.device_keys(KEYS.dialect, holder(&one, &write)).await.unwrap();
    assert_eq!(listed.len(), 2, "what was taken back is remembered");
    house.pass(30 * DAY);
    assert_eq!(engine.device_keys(KEYS.dialect, holder(&one, &write)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_that_fell_with_all_of_its_user_is_not_listed() {
    let house = House::new().await;
    let fallen = logged_in(&house, Some("laptop")).await;
    let later = User { generation: user(USER).generation + 1, ..user(USER) };
    put_user(house.store.as_ref(), &later).await;
    let login = begin(&house, Some("phone")).await.unwrap();
    decide(&house, login.grant, &later, Some(TENANT), Decision::Approve).await.unwrap();
    let key = deliver(&house, &login.device_code).await.unwrap();
    let write = Scopes::parse(&format!("chat models:read {KEYS_WRITE}")).unwrap();
    let listed = house.engine.device_keys(KEYS.dialect, holder(&key, &write)).await.unwrap();
    assert_eq!(listed.iter().map(|key| key.grant.id).collect::<Vec<_>>(), [key.key]);
    assert!(is_revoked(&house.show(&fallen.text).await));
}

#[tokio::test]
async fn keys_of_other_users_tenants_and_dialects_and_what_is_no_key_are_unknown() {
    let house = House::new().await;
    let key = logged_in(&house, None).await;
    let (login, given) = house.let_in().await;
    let write = Scopes::parse(&format!("chat models:read {KEYS_WRITE}")).unwrap();
    let me = holder(&key, &write);
    let engine = &house.engine;
    for (dialect, who, id) in [
        (KEYS.dialect, Holder { user: user_id(2), ..me }, key.key),
        (KEYS.dialect, Holder { tenant: "acme", ..me }, key.key),
        (KEYS.dialect, Holder { tenant: "", ..me }, key.key),
        ("serika", me, key.key),
        (KEYS.dialect, me, login.grant),
        (KEYS.dialect, me, GrantId::from_random([1; 16])),
    ] {
        let style = gatepost::engine::Style { dialect, ..KEYS };
        assert_eq!(refused(&engine.device_key(dialect, who, id).await), Some(ErrorCode::InvalidGrant));
        assert_eq!(refused(&engine.revoke_device_key(dialect, who, id).await), Some(ErrorCode::InvalidGrant));
        let rotated = engine.rotate_device_key(&style, &client(CLIENT), who, id, Rotation::default()).await;
        assert_eq!(refused(&rotated), Some(ErrorCode::InvalidGrant));
        assert!(engine.device_keys(dialect, who).await.unwrap().iter().all(|key| key.grant.id != id));
    }
    assert!(opens(&house, &key.text).await && opens(&house, &given.access).await);
}

#[tokio::test]
async fn who_is_not_in_a_tenant_says_no_yes_for_it() {
    let house = House::new().await;
    let login = begin(&house, Some("laptop")).await.unwrap();
    let others = Tenant { members: Some(BTreeSet::new()), ..tenant_named(TENANT) };
    let by = Decider { user: &user(USER), session: None };
    let said = house.engine.decide_in(Some(&others), login.grant, by, Decision::Approve).await;
    assert_eq!(refused(&said), Some(ErrorCode::AccessDenied));
    assert!(matches!(grant(&house, login.grant).await.state, State::Pending { .. }));
}
