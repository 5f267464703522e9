//! Refresh: an app trades its refresh token for the next pair.

use gatepost::oauth::{
    audience::Audience,
    grant::{Grant, Issue, MAX_LIVE_ISSUES, RevokedBecause, State, Terms, Wanted},
    refusal::ErrorCode::{InvalidGrant, InvalidScope, InvalidTarget},
    scope::Scopes,
    secret::RootId,
    step::{Step, TakesBack},
    token::Kind,
};
use jiff::Timestamp;

use super::{
    FALLEN, REFRESH_LIFE, STRANGERS, TERMS, UPHELD, Who, approval, approved, as_caller, assert_refused, at, before, denied, every_state,
    issue, live, live_with, next, pending, proof, refresh, refresh_as, refreshed_twice, scopes,
};

fn issues(grant: &Grant) -> &[Issue] {
    match &grant.state {
        State::Live { issues, .. } => issues,
        other => panic!("not live: {other:?}"),
    }
}

fn numbers(grant: &Grant) -> Vec<u32> {
    issues(grant).iter().map(|issue| issue.number).collect()
}

/// Asserts that the token was taken for a replay: refused, and the end of the grant.
#[track_caller]
fn assert_ends(grant: &Grant, step: &Step<Issue>, now: Timestamp) {
    assert_eq!(step.outcome.as_ref().map_err(|refusal| refusal.code), Err(InvalidGrant));
    assert_eq!(step.takes_back, Some(TakesBack::Grant(grant.id)));
    assert_eq!(next(grant, step).state, State::Revoked { at: now, why: RevokedBecause::Replay, redeemed: true });
}

#[test]
fn the_newest_token_gets_the_next_pair() {
    let step = refresh(&live(), 1, at(500));
    assert_eq!((&step.outcome, step.takes_back), (&Ok(issue(2, at(500))), None));
    assert_eq!(issues(&next(&live(), &step)), [issue(1, at(100)), issue(2, at(500))], "the old access token lives on");
    assert_eq!(refresh(&next(&live(), &step), 2, at(700)).next, Some(refreshed_twice()));
}

#[test]
fn a_refresh_token_works_until_the_last_moment_and_its_end_ends_nothing() {
    let end = at(100) + REFRESH_LIFE;
    assert_eq!(refresh(&live(), 1, before(end)).outcome, Ok(issue(2, before(end))));
    for now in [end, at(100_000_000)] {
        assert_refused(&refresh(&live(), 1, now), InvalidGrant, now);
    }
}

#[test]
fn where_there_are_no_refresh_tokens_none_works() {
    let without = live_with(vec![Issue { refresh_until: None, ..issue(1, at(100)) }]);
    assert_refused(&refresh(&without, 1, at(101)), InvalidGrant, "none was issued");
    let terms = Terms { refresh: None, root: RootId::parse("k2").unwrap(), ..TERMS };
    let step = as_caller(Who::TheClient, |caller| {
        live().refresh(proof(Kind::Refresh, 1), caller, gatepost::oauth::grant::Wanted::default(), UPHELD, &terms, at(500))
    });
    assert_eq!(step.outcome, Ok(Issue { refresh_until: None, root: terms.root, ..issue(2, at(500)) }));
}

#[test]
fn only_a_live_grant_is_refreshed() {
    for (name, grant) in every_state().into_iter().filter(|(name, _)| *name != "live") {
        for number in [0, 1, 2] {
            let step = refresh(&grant, number, at(205));
            assert_eq!(step.outcome.map_err(|refusal| refusal.code), Err(InvalidGrant), "{name}");
            assert_eq!(step.next, None, "{name}");
        }
    }
}

#[test]
fn a_replay_that_comes_again_finds_everything_taken_back() {
    // The first time may have failed between writing that it is over and ending what ran under it.
    let over = refresh(&refreshed_twice(), 1, at(720)).next.unwrap();
    assert_eq!(refresh(&over, 1, at(721)).takes_back, Some(TakesBack::Grant(over.id)));
    for grant in [pending(), approved(), denied()] {
        assert_refused(&refresh(&grant, 1, at(205)), InvalidGrant, &grant.state);
    }
}

#[test]
fn a_lost_answer_is_given_again_for_ten_seconds() {
    let refreshed = refresh(&live(), 1, at(500)).next.unwrap();
    for now in [at(500), at(505), before(at(510))] {
        let step = refresh(&refreshed, 1, now);
        assert_eq!(step.outcome, Ok(issue(2, at(500))), "{now}");
        assert!(step.next.is_none() && step.takes_back.is_none(), "a repeated answer changes nothing: {step:?}");
    }
}

#[test]
fn a_token_that_comes_again_later_ends_the_grant() {
    let refreshed = refresh(&live(), 1, at(500)).next.unwrap();
    for now in [at(510), at(600), at(5000)] {
        assert_ends(&refreshed, &refresh(&refreshed, 1, now), now);
    }
}

#[test]
fn a_token_that_comes_again_after_its_successor_was_used_ends_the_grant_at_once() {
    let second = refresh(&live(), 1, at(500)).next.unwrap();
    let third = refresh(&second, 2, at(501)).next.unwrap();
    assert_ends(&third, &refresh(&third, 1, at(502)), at(502));
    // The one before the newest may still be a retry.
    assert_eq!(refresh(&third, 2, at(502)).outcome, Ok(issue(3, at(501))));
}

#[test]
fn a_token_that_comes_again_ends_the_grant_also_when_it_has_expired_since() {
    // Its own time was over at 100 + the refresh life; the newest token still lives.
    let late = at(100) + REFRESH_LIFE;
    let grant = live_with(vec![issue(1, at(100)), issue(2, at(100_000))]);
    assert_ends(&grant, &refresh(&grant, 1, late), late);
    // Also when all of them have.
    let later = at(100_000) + REFRESH_LIFE;
    assert_ends(&grant, &refresh(&grant, 1, later), later);
}

#[test]
fn a_token_whose_issue_has_left_the_list_is_still_known_as_used() {
    let grant = live_with(vec![issue(12, at(9000))]);
    for number in [0, 1, 10] {
        assert_ends(&grant, &refresh(&grant, number, at(9001)), at(9001));
    }
}

#[test]
fn a_number_above_the_newest_is_a_lost_write_and_ends_nothing() {
    for number in [2, 3, u32::MAX] {
        assert_refused(&refresh(&live(), number, at(500)), InvalidGrant, number);
    }
}

#[test]
fn after_the_last_number_there_is_no_other() {
    let grant = live_with(vec![issue(u32::MAX, at(100))]);
    assert_refused(&refresh(&grant, u32::MAX, at(500)), InvalidGrant, "no number is left");
}

#[test]
fn other_clients_and_dialects_are_refused_and_change_nothing() {
    for (name, grant) in every_state().into_iter().chain([("refreshed", refreshed_twice())]) {
        for who in STRANGERS {
            for number in [1, 2, 3, 4] {
                assert_refused(&refresh_as(&grant, who, UPHELD, number, None, at(720)), InvalidGrant, (name, who, number));
            }
        }
    }
}

#[test]
fn nothing_is_refreshed_or_ended_for_those_whose_access_was_taken_back() {
    for (why, standing) in FALLEN {
        for number in [1, 2, 3] {
            let step = refresh_as(&refreshed_twice(), Who::TheClient, standing, number, None, at(705));
            assert_refused(&step, InvalidGrant, (why, number));
        }
    }
}

#[test]
fn a_refresh_may_narrow_the_new_access_token_and_the_next_one_has_all_again() {
    let narrow = Scopes::parse("chat").unwrap();
    let step = refresh_as(&live(), Who::TheClient, UPHELD, 1, Some(&narrow), at(500));
    let narrowed = Issue { scopes: narrow.clone(), ..issue(2, at(500)) };
    assert_eq!(step.outcome, Ok(narrowed.clone()));
    let grant = next(&live(), &step);
    assert_eq!(grant.approval(), Some(&approval()), "what was granted stays granted");
    assert_eq!(issues(&grant), [issue(1, at(100)), narrowed.clone()]);
    assert_eq!(refresh(&grant, 2, at(600)).outcome.map(|issue| issue.scopes), Ok(scopes()));
    // A retry gets the answer that was lost.
    assert_eq!(refresh_as(&grant, Who::TheClient, UPHELD, 1, Some(&narrow), at(505)).outcome, Ok(narrowed));
}

#[test]
fn a_refresh_never_widens_what_was_granted() {
    for wanted in ["chat admin", "admin", "Chat"] {
        let wanted = Scopes::parse(wanted).unwrap();
        let step = refresh_as(&live(), Who::TheClient, UPHELD, 1, Some(&wanted), at(500));
        assert_refused(&step, InvalidScope, &wanted);
    }
    // A replay is a replay, whatever it asks for.
    let wanted = Scopes::parse("admin").unwrap();
    let step = refresh_as(&refreshed_twice(), Who::TheClient, UPHELD, 1, Some(&wanted), at(720));
    assert_ends(&refreshed_twice(), &step, at(720));
}

#[test]
fn a_refresh_may_be_for_fewer_resources_and_the_next_one_is_for_all_again() {
    let audience = |resources: &[&str]| -> Audience { resources.iter().map(|resource| (*resource).to_owned()).collect() };
    let granted = Grant { audience: audience(&["https://a.example/v1", "https://a.example/v2"]), ..live() };
    let wanting = |grant: &Grant, number, wanted: Option<&Audience>| {
        as_caller(Who::TheClient, |caller| {
            let wanted = Wanted { scopes: None, audience: wanted };
            grant.refresh(proof(Kind::Refresh, number), caller, wanted, UPHELD, &TERMS, at(500))
        })
    };
    for part in [&["https://a.example/v1"][..], &["https://a.example/v2/x"], &["https://a.example/v1", "https://a.example/v2/x"]] {
        let part = audience(part);
        let step = wanting(&granted, 1, Some(&part));
        assert_eq!(step.outcome.as_ref().map(|issue| &issue.audience), Ok(&part));
        let grant = next(&granted, &step);
        assert_eq!(wanting(&grant, 2, None).outcome.map(|issue| issue.audience), Ok(granted.audience.clone()));
    }
    for more in [&["https://a.example"][..], &["https://a.example/v1", "https://a.example/v3"], &["https://a.example/v10"]] {
        assert_refused(&wanting(&granted, 1, Some(&audience(more))), InvalidTarget, more);
    }
    // What is for everything may be for any part of it, and saying nothing is no part.
    let whole = Grant { audience: Audience::default(), ..live() };
    assert_eq!(wanting(&whole, 1, Some(&audience(&["https://b.example"]))).outcome.map(|issue| issue.audience.iter().count()), Ok(1));
    assert_eq!(wanting(&granted, 1, Some(&Audience::default())).outcome.map(|issue| issue.audience), Ok(granted.audience.clone()));
}

#[test]
fn the_ninth_live_access_token_ends_the_oldest() {
    let mut grant = live();
    for number in 2..=20 {
        grant = refresh(&grant, number - 1, at(100 + u64::from(number))).next.unwrap();
        let oldest = number.saturating_sub(7).max(1);
        assert_eq!(numbers(&grant), (oldest..=number).collect::<Vec<_>>());
        assert!(numbers(&grant).len() <= MAX_LIVE_ISSUES);
    }
}

#[test]
fn an_access_token_that_has_expired_leaves_the_list_at_the_next_refresh() {
    // 1 ends at 1000, 2 at 1400, 3 at 1600.
    for (now, kept) in [(before(at(1000)), vec![1, 2, 3, 4]), (at(1000), vec![2, 3, 4]), (at(1500), vec![3, 4]), (at(9000), vec![4])] {
        let grant = refresh(&refreshed_twice(), 3, now).next.unwrap();
        assert_eq!(numbers(&grant), kept, "{now}");
    }
}
