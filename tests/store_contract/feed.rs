//! What replicas say to each other through the store that they share: the feed, and how far each of them has come.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use gatepost::{
    oauth::{client::ClientKey, id::KeyId, step::TakesBack},
    store::{Change, CommitError, Expect, Key, Member, News, Notice, Position, ReadError, Replicas, Sent},
};

use crate::support::{
    records::{grant_id, put_user, user_id},
    stores::{Stand, on_every_store},
};

on_every_store!(of_replicas:
    a_feed_begins_with_an_entry_that_takes_nothing_back,
    what_is_taken_back_stands_in_the_feed_in_the_order_of_the_commits,
    a_commit_that_conflicts_enters_nothing,
    whoever_is_behind_gets_what_he_lacks_and_no_more,
    a_position_of_another_history_is_told_from_this_one,
    a_long_feed_comes_in_parts,
    entries_that_many_commit_at_once_have_numbers_of_their_own,
    every_kind_of_taking_back_is_read_as_it_was_written,
    taking_back_gives_notice,
    whoever_takes_something_back_hears_who_was_there,
    an_acknowledgement_counts_in_its_own_history_only,
    an_acknowledgement_gives_notice,
    taking_back_again_enters_nothing_and_hears_who_is_there,
    a_member_is_removed_unless_it_has_renewed_since,
    whoever_leaves_is_no_member,
    nothing_is_taken_back_in_another_history,
    a_read_is_answered_by_a_store_that_has_what_was_applied,
);

const NO_SERVICE: Duration = Duration::ZERO;

fn replicas(on: &Stand) -> Arc<dyn Replicas> {
    on.store.replicas().unwrap()
}

async fn take_back(on: &Stand, n: u64) -> Sent {
    replicas(on).take_back(vec![put_user(n, n, Expect::Any), Change::TakeBack(TakesBack::Grant(grant_id(n)))], None).await.unwrap().unwrap()
}

/// Where the feed ends now.
async fn end(on: &Stand) -> Position {
    match replicas(on).renew(Position::default(), NO_SERVICE).await.unwrap().news {
        News::OtherHistory(end) => end,
        news => panic!("nothing was applied: {news:?}"),
    }
}

/// What was taken back since then, and where that ends.
async fn since(on: &Stand, mut after: Position) -> (Vec<TakesBack>, Position) {
    let mut all = Vec::new();
    loop {
        match replicas(on).renew(after, NO_SERVICE).await.unwrap().news {
            News::Since { entries, more } => {
                for entry in entries {
                    assert_eq!(entry.position.sequence, after.sequence + 1);
                    all.extend(entry.takes_back);
                    after = entry.position;
                }
                if !more {
                    return (all, after);
                }
            }
            news => panic!("{news:?} after {after:?}"),
        }
    }
}

async fn me(on: &Stand, at: Position) -> Option<Member> {
    let members = replicas(on).members(at).await.unwrap().unwrap();
    members.into_iter().find(|member| member.name == replicas(on).name())
}

async fn a_feed_begins_with_an_entry_that_takes_nothing_back(on: &Stand) {
    let first = end(on).await;
    assert_eq!(first.sequence, 1);
    assert_eq!(since(on, first).await, (Vec::new(), first));
    assert_eq!(end(on).await, first, "it begins once");
}

async fn what_is_taken_back_stands_in_the_feed_in_the_order_of_the_commits(on: &Stand) {
    let first = end(on).await;
    for n in 1..=3 {
        take_back(on, n).await;
    }
    let (all, last) = since(on, first).await;
    assert_eq!(all, [1, 2, 3].map(|n| TakesBack::Grant(grant_id(n))));
    assert_eq!(end(on).await, last);
}

async fn a_commit_that_conflicts_enters_nothing(on: &Stand) {
    let last = take_back(on, 1).await.at;
    let again = vec![put_user(1, 1, Expect::Absent), Change::TakeBack(TakesBack::User(user_id(1)))];
    assert!(matches!(replicas(on).take_back(again, None).await, Err(CommitError::Conflict)));
    assert_eq!(end(on).await, last);
}

async fn whoever_is_behind_gets_what_he_lacks_and_no_more(on: &Stand) {
    let position = take_back(on, 1).await.at;
    take_back(on, 2).await;
    let (all, last) = since(on, position).await;
    assert_eq!(all, [TakesBack::Grant(grant_id(2))]);
    assert_eq!(since(on, last).await.0, []);
}

async fn a_position_of_another_history_is_told_from_this_one(on: &Stand) {
    take_back(on, 1).await;
    let last = take_back(on, 2).await.at;
    for position in [
        Position { id: [7; 16], ..last },
        Position { sequence: 1, ..last },
        Position { sequence: 3, ..last },
        Position { sequence: 9, id: [7; 16] },
    ] {
        assert_eq!(replicas(on).renew(position, NO_SERVICE).await.unwrap().news, News::OtherHistory(last), "{position:?}");
        assert_eq!(me(on, last).await.unwrap().applied, 0, "of this history it has applied nothing");
    }
}

async fn a_long_feed_comes_in_parts(on: &Stand) {
    let first = end(on).await;
    for ten in 0..210 {
        on.store.commit((0..10).map(|n| Change::TakeBack(TakesBack::Issue(grant_id(ten), n))).collect()).await.unwrap();
    }
    let part = replicas(on).renew(first, NO_SERVICE).await.unwrap().news;
    assert!(matches!(part, News::Since { entries, more: true } if entries.len() < 2100));
    assert_eq!(since(on, first).await.0.len(), 2100);
}

async fn entries_that_many_commit_at_once_have_numbers_of_their_own(on: &Stand) {
    let first = end(on).await;
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let store = on.store.clone();
            tokio::spawn(async move { store.commit(vec![Change::TakeBack(TakesBack::Grant(grant_id(n)))]).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let all: BTreeSet<String> = since(on, first).await.0.iter().map(|what| format!("{what:?}")).collect();
    assert_eq!(all.len(), 64);
}

async fn every_kind_of_taking_back_is_read_as_it_was_written(on: &Stand) {
    let first = end(on).await;
    let all = [
        TakesBack::Grant(grant_id(1)),
        TakesBack::Issue(grant_id(2), 7),
        TakesBack::Through(grant_id(3), u32::MAX),
        TakesBack::Key(KeyId::from_random([9; 16])),
        TakesBack::User(user_id(5)),
        TakesBack::UserBefore(user_id(5), u64::MAX),
        TakesBack::Client(ClientKey::from_bytes([6; 16])),
        TakesBack::ClientBefore(ClientKey::from_bytes([6; 16]), 7),
    ];
    on.store.commit(all.map(Change::TakeBack).to_vec()).await.unwrap();
    assert_eq!(since(on, first).await.0, all);
}

async fn taking_back_gives_notice(on: &Stand) {
    let mut notices = super::notices::listen(on).await;
    take_back(on, 1).await;
    assert_eq!(super::notices::next(&mut notices).await, Notice::Feed);
}

async fn whoever_takes_something_back_hears_who_was_there(on: &Stand) {
    assert_eq!(take_back(on, 1).await.members, []);
    let applied = end(on).await;
    replicas(on).renew(applied, Duration::from_secs(60)).await.unwrap();
    let Sent { at, members } = take_back(on, 2).await;
    let [Member { name, applied: so_far, serve_known, .. }] = members.as_slice() else { panic!("{members:?}") };
    assert_eq!((name.as_str(), *so_far, *serve_known), (replicas(on).name(), applied.sequence, Duration::from_secs(60)));
    assert_eq!(at.sequence, applied.sequence + 1);
}

async fn an_acknowledgement_counts_in_its_own_history_only(on: &Stand) {
    let first = end(on).await;
    replicas(on).renew(first, NO_SERVICE).await.unwrap();
    let at = take_back(on, 1).await.at;
    replicas(on).acknowledge(Position { id: [7; 16], ..at }).await.unwrap();
    assert_eq!(me(on, at).await.unwrap().applied, first.sequence);
    replicas(on).acknowledge(at).await.unwrap();
    replicas(on).acknowledge(first).await.unwrap();
    assert_eq!(me(on, at).await.unwrap().applied, at.sequence, "it never goes back");
    assert_eq!(replicas(on).members(Position { id: [7; 16], ..at }).await.unwrap(), None);
}

async fn an_acknowledgement_gives_notice(on: &Stand) {
    let first = end(on).await;
    replicas(on).renew(first, NO_SERVICE).await.unwrap();
    let mut notices = super::notices::listen(on).await;
    let at = take_back(on, 1).await.at;
    assert_eq!(super::notices::next(&mut notices).await, Notice::Feed);
    replicas(on).acknowledge(at).await.unwrap();
    assert_eq!(super::notices::next(&mut notices).await, Notice::Heard);
}

async fn taking_back_again_enters_nothing_and_hears_who_is_there(on: &Stand) {
    let first = take_back(on, 1).await.at;
    replicas(on).renew(first, NO_SERVICE).await.unwrap();
    let version = on.store.load(&Key::User(user_id(1))).await.unwrap().unwrap().version;
    let again = |expect| vec![Change::Compare { key: Key::User(user_id(1)), expect }, Change::TakeBackAgain(TakesBack::Grant(grant_id(1)))];
    let Sent { at, members } = replicas(on).take_back(again(Expect::Version(version)), None).await.unwrap().unwrap();
    assert_eq!((at, members.len()), (first, 1));
    assert!(matches!(replicas(on).take_back(again(Expect::Absent), None).await, Err(CommitError::Conflict)));
}

async fn a_member_is_removed_unless_it_has_renewed_since(on: &Stand) {
    let first = end(on).await;
    replicas(on).renew(first, NO_SERVICE).await.unwrap();
    let was = take_back(on, 1).await;
    replicas(on).renew(first, NO_SERVICE).await.unwrap();
    replicas(on).remove(was.at, was.members.clone()).await.unwrap();
    let now = me(on, was.at).await.unwrap();
    assert!(now.renewal > was.members[0].renewal);
    replicas(on).remove(Position { id: [7; 16], ..was.at }, vec![now.clone()]).await.unwrap();
    assert_eq!(me(on, was.at).await, Some(now.clone()), "in another history that number says nothing");
    replicas(on).remove(was.at, vec![now.clone()]).await.unwrap();
    assert_eq!(me(on, was.at).await, None);
    replicas(on).acknowledge(was.at).await.unwrap();
    assert_eq!(me(on, was.at).await, None, "whoever is no member acknowledges nothing");
    replicas(on).renew(first, NO_SERVICE).await.unwrap();
    assert!(me(on, was.at).await.unwrap().renewal > now.renewal, "no number comes again");
}

async fn whoever_leaves_is_no_member(on: &Stand) {
    let first = end(on).await;
    replicas(on).renew(first, NO_SERVICE).await.unwrap();
    replicas(on).leave().await.unwrap();
    assert_eq!(me(on, first).await, None);
}

async fn nothing_is_taken_back_in_another_history(on: &Stand) {
    let at = take_back(on, 1).await.at;
    let again = || vec![put_user(1, 2, Expect::Any), Change::TakeBack(TakesBack::Grant(grant_id(1)))];
    for other in [Position::default(), Position { id: [7; 16], ..at }] {
        assert_eq!(replicas(on).take_back(again(), Some(other)).await.unwrap(), None);
        assert_eq!(end(on).await, at);
    }
    assert_eq!(replicas(on).take_back(again(), Some(at)).await.unwrap().unwrap().at.sequence, at.sequence + 1);
}

async fn a_read_is_answered_by_a_store_that_has_what_was_applied(on: &Stand) {
    let at = take_back(on, 1).await.at;
    let read = async |applied| on.store.load_whole(&Key::User(user_id(1)), None, Some(applied)).await;
    assert!(read(at).await.unwrap().is_some());
    for other in [Position::default(), Position { id: [7; 16], ..at }, Position { sequence: at.sequence + 1, ..at }] {
        assert!(matches!(read(other).await, Err(ReadError::OtherHistory)), "{other:?}");
    }
}
