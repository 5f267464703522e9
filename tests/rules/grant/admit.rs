//! Admit: an access token is shown.

use gatepost::oauth::{
    grant::{Grant, Issue, NotAdmitted, Standing},
    scope::Scopes,
    token::Kind,
};
use jiff::Timestamp;

use super::{
    FALLEN, UPHELD, approval, approved, at, before, denied, issue, key, live, live_with, pending, proof, refresh, refreshed_twice, revoked,
};

/// The number of the issue that was admitted.
fn admit(grant: &Grant, number: u32, standing: Standing, now: Timestamp) -> Result<u32, NotAdmitted> {
    let (by, issue) = grant.admit(proof(Kind::Access, number), None, standing, now)?;
    assert_eq!(*by, approval());
    Ok(issue.number)
}

#[test]
fn an_access_token_opens_until_the_last_moment() {
    for now in [at(100), at(500), before(at(1000))] {
        assert_eq!(admit(&live(), 1, UPHELD, now), Ok(1), "{now}");
    }
    for now in [at(1000), at(100_000)] {
        assert_eq!(admit(&live(), 1, UPHELD, now), Err(NotAdmitted::Expired), "{now}");
    }
}

#[test]
fn an_old_access_token_lives_to_its_own_end_after_a_refresh() {
    // 1 ends at 1000, 2 at 1400, 3 at 1600.
    for (now, open) in [(before(at(1000)), vec![1, 2, 3]), (at(1000), vec![2, 3]), (at(1400), vec![3]), (at(1600), vec![])] {
        let admitted: Vec<u32> = (1..=3).filter(|number| admit(&refreshed_twice(), *number, UPHELD, now) == Ok(*number)).collect();
        assert_eq!(admitted, open, "{now}");
    }
}

#[test]
fn each_access_token_may_do_what_its_own_issue_says() {
    let narrow = Scopes::parse("chat").unwrap();
    let grant = live_with(vec![issue(1, at(100)), Issue { scopes: narrow.clone(), ..issue(2, at(200)) }]);
    assert_eq!(grant.admit(proof(Kind::Access, 1), None, UPHELD, at(300)).unwrap().1.scopes, approval().scopes);
    assert_eq!(grant.admit(proof(Kind::Access, 2), None, UPHELD, at(300)).unwrap().1.scopes, narrow);
}

#[test]
fn the_oldest_of_nine_opens_nothing_and_the_eight_others_do() {
    let mut grant = live();
    for number in 2..=9 {
        grant = refresh(&grant, number - 1, at(100 + u64::from(number))).next.unwrap();
    }
    assert_eq!(admit(&grant, 1, UPHELD, at(110)), Err(NotAdmitted::Expired));
    for number in 2..=9 {
        assert_eq!(admit(&grant, number, UPHELD, at(110)), Ok(number));
    }
}

#[test]
fn a_number_above_the_newest_is_unknown() {
    for number in [2, 3, u32::MAX] {
        assert_eq!(admit(&live(), number, UPHELD, at(101)), Err(NotAdmitted::Unknown), "{number}");
    }
}

#[test]
fn what_is_not_live_opens_nothing() {
    for now in [at(60), at(201), at(100_000)] {
        for grant in [pending(), approved(), denied()] {
            assert_eq!(admit(&grant, 1, UPHELD, now), Err(NotAdmitted::Unknown), "{grant:?}");
        }
        for redeemed in [true, false] {
            assert_eq!(admit(&revoked(redeemed), 1, UPHELD, now), Err(NotAdmitted::Revoked));
        }
    }
}

#[test]
fn nothing_opens_once_user_or_client_took_it_back() {
    for (why, standing) in FALLEN {
        for number in [1, 2, 3] {
            assert_eq!(admit(&refreshed_twice(), number, standing, at(701)), Err(NotAdmitted::Revoked), "{why}");
        }
    }
    // A user who is enabled again, and took nothing back, has his grants again.
    assert_eq!(admit(&refreshed_twice(), 3, UPHELD, at(701)), Ok(3));
}

#[test]
fn a_key_opens_what_it_was_asked_to_sign_and_nothing_else() {
    let signed = |number, issued| Issue { key: Some(key(1)), ..issue(number, issued) };
    let grant = live_with(vec![issue(1, at(100)), signed(2, at(200))]);
    let number = |number, by: Option<u64>| {
        let key = by.map(key);
        grant.admit(proof(Kind::Access, number), key, UPHELD, at(300)).map(|(_, issue)| issue.number)
    };
    assert_eq!((number(1, None), number(2, Some(1))), (Ok(1), Ok(2)));
    for (issue, by) in [(1, Some(1)), (2, None), (2, Some(2)), (3, Some(1))] {
        assert_eq!(number(issue, by), Err(NotAdmitted::Unknown), "{issue} {by:?}");
    }
}

#[test]
fn what_was_taken_back_is_revoked_also_to_the_last_moment_and_the_others_open() {
    let taken = Issue { revoked: true, ..issue(2, at(500)) };
    let grant = live_with(vec![issue(1, at(100)), taken, issue(3, at(700))]);
    for (number, expected) in [(1, Ok(1)), (2, Err(NotAdmitted::Revoked)), (3, Ok(3))] {
        assert_eq!(admit(&grant, number, UPHELD, at(705)), expected);
    }
    // Whether it has expired since makes no difference to who shows it.
    assert_eq!(admit(&grant, 2, UPHELD, at(5000)), Err(NotAdmitted::Revoked));
}
