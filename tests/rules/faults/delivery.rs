//! Logins that are answered with a key: every operation fails once, and others come in between. Never
//! do two secrets of one key open something.

use std::sync::Arc;

use gatepost::{
    engine::Error,
    oauth::{
        grant::{Rotation, State},
        id::GrantId,
        refusal::ErrorCode,
    },
    store::{Change, Expect, Key, Record},
    verify::OpenStream,
};

use super::{CROWD, Site, all, on_many_threads, on_one_thread, seeds};
use crate::{
    rules::logins::{Secret, approved, deliver, is_revoked, logged_in, opens, rotate},
    support::{
        faulty::{Fault, Weather},
        house::{House, Login, USER, word},
        records::{user, user_id, user_name},
    },
};

const DEVICE: Option<&str> = Some("laptop");

/// What one of many wants.
#[derive(Clone, Debug)]
enum Want {
    Deliver(Login),
    Rotate(GrantId),
    Revoke(GrantId),
    /// Everything of the user is taken back.
    RevokeUser,
}

/// What he was told, and the answer that he began to read with the secret that he got.
struct Told {
    want: Want,
    answer: Result<Option<Secret>, Error>,
    stream: Option<OpenStream>,
}

impl Told {
    fn secret(&self) -> Option<&Secret> {
        self.answer.as_ref().ok().and_then(Option::as_ref)
    }
}

async fn ask(site: Arc<Site>, want: Want) -> Told {
    let house = &site.house;
    let answer = match &want {
        Want::Deliver(login) => deliver(house, &login.device_code).await.map(Some),
        Want::Rotate(key) => rotate(house, *key, Rotation::default()).await.map(|(_, secret)| Some(secret)),
        Want::Revoke(grant) => house.revoke(*grant).await.map(|()| None),
        Want::RevokeUser => house.engine.revoke_user(&user_name(USER)).await.map(|_| None),
    };
    let stream = match &answer {
        Ok(Some(secret)) => house.show(&secret.text).await.ok().map(|(_, stream)| stream),
        _ => None,
    };
    Told { want, answer, stream }
}

/// All at once, or one a little after the other, as the seed says; then the store is in order again.
/// Answers in the order of the wants.
async fn race(site: &Arc<Site>, wants: Vec<Want>, seed: u64) -> Vec<Told> {
    let wants = Arc::new(wants);
    let told = all(wants.len(), |at| {
        let told = ask(Arc::clone(site), wants[at].clone());
        // A delivery is the longest of them: what comes late is to meet its last commit too.
        let yields = seed * (at as u64 + 1) * 7 % 48;
        async move {
            for _ in 0..yields {
                tokio::task::yield_now().await;
            }
            (at, told.await)
        }
    });
    let mut told = told.await;
    site.faulty.set(Weather::FAIR);
    told.sort_by_key(|(at, _)| *at);
    told.into_iter().map(|(_, told)| told).collect()
}

/// Asserts that nobody goes on reading with what opens nothing any more; answers what opens.
async fn what_opens<'a>(site: &Site, told: &'a [Told], case: &str) -> Vec<&'a Secret> {
    let mut open = Vec::new();
    for told in told {
        let Some(secret) = told.secret() else { continue };
        if opens(&site.house, &secret.text).await {
            open.push(secret);
        } else {
            let is_cut = told.stream.as_ref().is_none_or(|stream| stream.cut().is_cancelled());
            assert!(is_cut, "{case}: what was let in with a secret that is over goes on: {:?}", told.want);
        }
    }
    open
}

/// The key's secrets that open something, as the store knows it.
async fn good_secrets(site: &Site, key: GrantId) -> usize {
    match site.grant(key).await.state {
        State::Live { issues, .. } => issues.iter().filter(|issue| !issue.revoked).count(),
        _ => 0,
    }
}

async fn name_user(site: &Site) {
    let (key, record) = (Key::UserName(user_name(USER)), Record::ToUser(user_id(USER)));
    site.sound.commit(vec![Change::Put { key, expect: Expect::Absent, record, until: None }]).await.unwrap();
}

/// A device that has its key and was let in another time; the answer that it is reading.
async fn two_logins(site: &Site) -> (Secret, OpenStream, Login) {
    let first = logged_in(&site.house, DEVICE).await;
    let (_, stream) = site.house.show(&first.text).await.unwrap();
    (first, stream, approved(&site.house, DEVICE).await)
}

/// A replacement of which operation `skipped` fails, and then a poll on a gateway that was started anew
/// or was not. Answers whether anything failed.
async fn replacement_breaks_off(skipped: u32, fault: Fault, restarts: bool) -> bool {
    let case = format!("operation {skipped} failing {fault:?}");
    let (site, (first, stream, login)) = Site::prepared(Weather::FAIR, 0, two_logins).await;
    site.faulty.plan(skipped, fault);
    let answer = deliver(&site.house, &login.device_code).await;
    let failed = site.faulty.failed() > 0;
    assert_eq!(matches!(answer, Err(Error::Unavailable(_))), failed, "{case}: {answer:?}");
    site.faulty.unplan();

    let is_over = matches!(site.grant(login.grant).await.state, State::Void { .. });
    let is_first_good = opens(&site.house, &first.text).await;
    assert!(good_secrets(&site, first.key).await <= 1, "{case}");
    assert!(!is_over || !is_first_good, "{case}: delivered, and the old secret still opens");
    assert!(!is_over || answer.is_ok() || fault == Fault::After, "{case}: over, and nobody was answered");

    let anew = House::over(Arc::clone(&site.sound), site.house.time.clone());
    let house = if restarts { &anew } else { &site.house };
    let again = deliver(house, &login.device_code).await;
    let last = match (&answer, &again) {
        (Ok(secret), Err(_)) => Some(secret),
        (Err(_), Ok(secret)) => Some(secret),
        (Err(_), Err(_)) => None,
        (Ok(_), Ok(_)) => panic!("{case}: delivered twice"),
    };
    assert_eq!(again.is_err(), is_over, "{case}: {again:?}");
    if is_over {
        assert_eq!(word(&again), ErrorCode::Consumed, "{case}");
    }
    if let Some(secret) = last {
        assert!(secret.key == first.key && opens(house, &secret.text).await, "{case}");
    }
    assert!(is_revoked(&house.show(&first.text).await), "{case}");
    assert!(restarts || stream.cut().is_cancelled(), "{case}: an answer is still under way");
    assert_eq!(good_secrets(&site, first.key).await, 1, "{case}");
    assert_eq!(word(&deliver(house, &login.device_code).await), ErrorCode::Consumed, "{case}");
    failed
}

#[test]
fn a_replacement_that_breaks_off_anywhere_is_finished_by_the_next_poll() {
    on_one_thread(async {
        for fault in [Fault::Before, Fault::After] {
            for restarts in [false, true] {
                let mut failures = 0;
                while replacement_breaks_off(failures, fault, restarts).await {
                    failures += 1;
                }
                // The login is read twice, and so is the key; two commits.
                assert!(failures > 6, "{failures}");
            }
        }
    });
}

#[test]
fn a_first_delivery_that_breaks_off_anywhere_is_made_by_the_next_poll_or_was_made() {
    on_one_thread(async {
        for (device, fault) in [(DEVICE, Fault::Before), (DEVICE, Fault::After), (None, Fault::Before), (None, Fault::After)] {
            for skipped in 0.. {
                let case = format!("{device:?}, operation {skipped} failing {fault:?}");
                let (site, login) = Site::prepared(Weather::FAIR, 0, async |site: &Site| approved(&site.house, device).await).await;
                site.faulty.plan(skipped, fault);
                let answer = deliver(&site.house, &login.device_code).await;
                let failed = site.faulty.failed() > 0;
                site.faulty.unplan();
                let is_over = matches!(site.grant(login.grant).await.state, State::Void { .. });
                let again = deliver(&site.house, &login.device_code).await;
                assert_eq!((answer.is_err(), again.is_err()), (failed, is_over), "{case}: {answer:?} {again:?}");
                assert!(!is_over || answer.is_ok() || fault == Fault::After, "{case}");
                if let Ok(secret) = answer.or(again) {
                    assert!(opens(&site.house, &secret.text).await, "{case}");
                }
                // Of what was made and told to nobody the device's next login is the heir.
                let keys = || async {
                    let listed = site.house.engine.applications(&user(USER)).await.unwrap();
                    listed.into_iter().map(|application| application.grant.id).collect::<Vec<_>>()
                };
                assert_eq!(keys().await.len(), 1, "{case}");
                let next = logged_in(&site.house, DEVICE).await;
                assert!(keys().await.contains(&next.key), "{case}");
                assert_eq!(keys().await.len(), if device.is_some() { 1 } else { 2 }, "{case}");
                if !failed {
                    break;
                }
            }
        }
    });
}

#[test]
fn a_rotation_that_failed_was_not_made_or_left_no_secret_that_opens() {
    on_one_thread(async {
        for fault in [Fault::Before, Fault::After] {
            for skipped in 0.. {
                let case = format!("operation {skipped} failing {fault:?}");
                let (site, first) = Site::prepared(Weather::FAIR, 0, async |site: &Site| logged_in(&site.house, DEVICE).await).await;
                let (_, stream) = site.house.show(&first.text).await.unwrap();
                site.faulty.plan(skipped, fault);
                let answer = rotate(&site.house, first.key, Rotation::default()).await;
                let failed = site.faulty.failed() > 0;
                site.faulty.unplan();
                assert_eq!(answer.is_err(), failed, "{case}: {answer:?}");
                let was_made =
                    matches!(&site.grant(first.key).await.state, State::Live { issues, .. } if issues.last().unwrap().number == 2);
                assert_eq!(opens(&site.house, &first.text).await, !was_made, "{case}");
                assert!(!was_made || answer.is_ok() || fault == Fault::After, "{case}");
                assert_eq!(good_secrets(&site, first.key).await, 1, "{case}");
                let next = logged_in(&site.house, DEVICE).await;
                assert!(next.key == first.key && opens(&site.house, &next.text).await, "{case}");
                assert!(stream.cut().is_cancelled(), "{case}: an answer is still under way");
                if !failed {
                    break;
                }
            }
        }
    });
}

async fn crowd(weather: Weather, seed: u64, device: Option<&'static str>, replaces: bool) {
    let case = format!("seed {seed}, {weather:?}, {device:?}");
    let (site, (first, login)) = Site::prepared(weather, seed, async |site: &Site| {
        let first = if replaces { Some(logged_in(&site.house, device).await) } else { None };
        (first, approved(&site.house, device).await)
    })
    .await;
    let told = race(&site, vec![Want::Deliver(login.clone()); CROWD], 0).await;
    let delivered: Vec<&Secret> = told.iter().filter_map(Told::secret).collect();
    for told in &told {
        match &told.answer {
            Ok(_) => {}
            Err(Error::Unavailable(_)) => assert!(weather.before + weather.after > 0, "{case}"),
            refused => assert_eq!(word(refused), ErrorCode::Consumed, "{case}"),
        }
    }
    assert!(delivered.len() <= 1, "{case}: delivered to {}", delivered.len());
    assert!(delivered.len() == 1 || weather.after > 0, "{case}: delivered to nobody");
    let is_over = matches!(site.grant(login.grant).await.state, State::Void { .. });
    assert!(is_over || delivered.is_empty(), "{case}");
    let again = deliver(&site.house, &login.device_code).await;
    assert_eq!(again.is_err(), is_over, "{case}: {again:?}");
    if let Some(secret) = delivered.first().copied().or(again.as_ref().ok()) {
        assert!(opens(&site.house, &secret.text).await, "{case}");
        assert!(first.as_ref().is_none_or(|first| first.key == secret.key), "{case}");
    }
    if let Some(first) = first {
        assert!(is_revoked(&site.house.show(&first.text).await), "{case}");
        assert_eq!(good_secrets(&site, first.key).await, 1, "{case}");
    }
}

#[test]
fn of_sixty_four_polls_of_a_login_one_is_answered_with_the_key() {
    on_many_threads(async {
        for seed in seeds(3) {
            crowd(Weather::CROWDED, seed, None, false).await;
            crowd(Weather::CROWDED, seed, DEVICE, true).await;
            crowd(Weather::STORMY, seed, DEVICE, true).await;
        }
    });
    for seed in seeds(6) {
        for (device, replaces) in [(None, false), (DEVICE, false), (DEVICE, true)] {
            on_one_thread(crowd(Weather::CROWDED, seed, device, replaces));
            on_one_thread(crowd(Weather::STORMY, seed, device, replaces));
        }
    }
}

/// The key's secrets after a race in which its device logged in and others rotated it.
async fn delivered_and_rotated(weather: Weather, seed: u64) {
    let case = format!("seed {seed}, {weather:?}");
    let (site, (first, stream, login)) = Site::prepared(weather, seed, two_logins).await;
    let mut wants = vec![Want::Rotate(first.key); 4];
    wants.insert(seed as usize % 5, Want::Deliver(login));
    let told = race(&site, wants, seed).await;
    let open = what_opens(&site, &told, &case).await;
    assert!(open.len() <= 1, "{case}: {open:?}");
    assert!(good_secrets(&site, first.key).await <= 1, "{case}");
    for told in &told {
        match (&told.want, &told.answer) {
            (_, Err(Error::Unavailable(_))) if weather.after > 0 => {}
            (Want::Rotate(_), Err(_)) => assert_eq!(word(&told.answer), ErrorCode::InvalidGrant, "{case}"),
            (_, answer) => assert!(answer.is_ok(), "{case}: {answer:?}"),
        }
        assert!(told.secret().is_none_or(|secret| secret.key == first.key), "{case}");
    }
    if weather.after == 0 {
        assert_eq!(open.len(), 1, "{case}");
        assert!(stream.cut().is_cancelled(), "{case}: an answer is still under way");
        assert!(is_revoked(&site.house.show(&first.text).await), "{case}");
    }
}

#[test]
fn a_login_and_rotations_of_its_key_at_once_leave_one_secret_that_opens() {
    on_many_threads(async {
        for seed in seeds(5) {
            delivered_and_rotated(Weather::CROWDED, seed).await;
        }
    });
    for seed in seeds(60) {
        on_one_thread(delivered_and_rotated(Weather::CROWDED, seed));
        on_one_thread(delivered_and_rotated(Weather::STORMY, seed));
    }
}

/// Several logins of one device, all approved, are delivered at once.
async fn delivered_side_by_side(seed: u64, replaces: bool) {
    let case = format!("seed {seed}, {replaces}");
    let (site, (first, logins)) = Site::prepared(Weather::CROWDED, seed, async |site: &Site| {
        let first = if replaces { Some(logged_in(&site.house, DEVICE).await) } else { None };
        let mut logins = Vec::new();
        for _ in 0..2 + seed % 3 {
            logins.push(approved(&site.house, DEVICE).await);
        }
        (first, logins)
    })
    .await;
    let told = race(&site, logins.iter().cloned().map(Want::Deliver).collect(), seed).await;
    let open = what_opens(&site, &told, &case).await;
    assert_eq!(open.len(), 1, "{case}");
    let key = open[0].key;
    for (told, login) in told.iter().zip(&logins) {
        assert_eq!(told.secret().map(|secret| secret.key), Some(key), "{case}: {:?}", told.answer);
        assert_eq!(word(&deliver(&site.house, &login.device_code).await), ErrorCode::Consumed, "{case}");
    }
    assert!(first.is_none_or(|first| first.key == key), "{case}");
    assert_eq!(site.house.engine.applications(&user(USER)).await.unwrap().len(), 1, "{case}");
}

#[test]
fn several_logins_of_one_device_at_once_end_with_one_key_and_its_last_secret() {
    on_many_threads(async {
        for seed in seeds(5) {
            delivered_side_by_side(seed, seed.is_multiple_of(2)).await;
        }
    });
    for seed in seeds(60) {
        on_one_thread(delivered_side_by_side(seed, false));
        on_one_thread(delivered_side_by_side(seed, true));
    }
}

/// The user takes a login back in the moment in which it is delivered.
async fn delivered_and_taken_back(weather: Weather, seed: u64) -> bool {
    let case = format!("seed {seed}, {weather:?}");
    let device = if seed.is_multiple_of(2) { DEVICE } else { None };
    let (site, login) = Site::prepared(weather, seed, async |site: &Site| approved(&site.house, device).await).await;
    let told = race(&site, vec![Want::Deliver(login.clone()), Want::Revoke(login.grant)], seed).await;
    let [delivery, revocation] = told.as_slice() else { panic!("{case}") };
    assert!(delivery.answer.is_err() || revocation.answer.is_err(), "{case}: told that it is over, and given a key");
    if revocation.answer.is_ok() {
        assert!(site.house.engine.applications(&user(USER)).await.unwrap().is_empty(), "{case}: a key that nobody was told of");
        assert_eq!(word(&deliver(&site.house, &login.device_code).await), ErrorCode::AccessDenied, "{case}");
    }
    if weather.after == 0 {
        let won = delivery.answer.is_ok();
        assert_eq!(revocation.answer.is_ok(), !won, "{case}: {:?} {:?}", delivery.answer, revocation.answer);
        let (loser, code) = if won { (&revocation.answer, ErrorCode::InvalidGrant) } else { (&delivery.answer, ErrorCode::AccessDenied) };
        assert_eq!(word(loser), code, "{case}");
        assert_eq!(what_opens(&site, &told, &case).await.len(), usize::from(won), "{case}");
    }
    delivery.answer.is_ok()
}

#[test]
fn a_login_is_delivered_or_taken_back_and_never_both() {
    let won: Vec<bool> = seeds(100)
        .map(|seed| {
            let mut won = false;
            on_one_thread(async { won = delivered_and_taken_back(Weather::CROWDED, seed).await });
            on_one_thread(async { _ = delivered_and_taken_back(Weather::STORMY, seed).await });
            won
        })
        .collect();
    assert!(won.contains(&true) && won.contains(&false), "each comes first now and then");
}

/// The user takes a key back in the moment in which its device gets another secret for it.
async fn replaced_and_taken_back(seed: u64, of_all: bool) {
    let case = format!("seed {seed}, {of_all}");
    let (site, (first, stream, login)) = Site::prepared(Weather::CROWDED, seed, async |site: &Site| {
        name_user(site).await;
        two_logins(site).await
    })
    .await;
    let end = if of_all { Want::RevokeUser } else { Want::Revoke(first.key) };
    let mut wants = vec![end, Want::Rotate(first.key)];
    wants.insert(seed as usize % 3, Want::Deliver(login));
    let told = race(&site, wants, seed).await;
    let open = what_opens(&site, &told, &case).await;
    assert!(told.iter().all(|told| matches!(told.want, Want::Deliver(_) | Want::Rotate(_)) || told.answer.is_ok()), "{case}");
    assert!(is_revoked(&site.house.show(&first.text).await) && stream.cut().is_cancelled(), "{case}");
    if of_all {
        assert!(open.is_empty(), "{case}: {open:?}");
    } else {
        // What opens is another key: the yes to that login was not taken back.
        assert!(open.iter().all(|secret| secret.key != first.key), "{case}: {open:?}");
        assert!(matches!(site.grant(first.key).await.state, State::Revoked { .. }), "{case}");
        let delivered = told.iter().find(|told| matches!(told.want, Want::Deliver(_))).and_then(Told::secret).unwrap();
        assert_eq!(opens(&site.house, &delivered.text).await, delivered.key != first.key, "{case}");
    }
}

#[test]
fn a_key_that_is_taken_back_stays_so_whatever_its_device_gets_meanwhile() {
    for seed in seeds(60) {
        on_one_thread(replaced_and_taken_back(seed, false));
        on_one_thread(replaced_and_taken_back(seed, true));
    }
}
