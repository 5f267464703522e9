//! What all who use a store hear of: the feed, and notices.

use std::collections::BTreeSet;

use gatepost::{
    oauth::{client::ClientKey, id::KeyId, step::TakesBack},
    store::{Change, Expect, Feed, Notice, Notices, Position},
};

use crate::support::{
    records::{grant_id, put_user, user_id},
    stores::{Stand, on_every_store},
};

on_every_store!(
    an_empty_feed_ends_before_its_first_entry,
    what_is_taken_back_stands_in_the_feed_in_the_order_of_the_commits,
    a_commit_that_conflicts_enters_nothing,
    whoever_is_behind_gets_what_he_lacks_and_no_more,
    a_position_of_another_history_is_a_gap,
    a_long_feed_comes_in_parts,
    entries_that_many_commit_at_once_have_numbers_of_their_own,
    every_kind_of_taking_back_is_read_as_it_was_written,
    a_notice_reaches_all_who_listen,
    taking_back_gives_notice,
);

async fn take_back(on: &Stand, n: u64) {
    on.store.commit(vec![put_user(n, n, Expect::Any), Change::TakeBack(TakesBack::Grant(grant_id(n)))]).await.unwrap();
}

async fn end(on: &Stand) -> Position {
    match on.store.feed(None).await.unwrap() {
        Feed::Gap(end) => end,
        Feed::Since(entries) => panic!("nobody asked since when: {entries:?}"),
    }
}

/// What was taken back since then, and where that ends.
async fn since(on: &Stand, mut after: Position) -> (Vec<TakesBack>, Position) {
    let mut all = Vec::new();
    loop {
        match on.store.feed(Some(after)).await.unwrap() {
            Feed::Since(entries) if entries.is_empty() => return (all, after),
            Feed::Since(entries) => {
                for entry in entries {
                    assert_eq!(entry.position.sequence, after.sequence + 1);
                    all.push(entry.takes_back);
                    after = entry.position;
                }
            }
            Feed::Gap(end) => panic!("a gap before {end:?}"),
        }
    }
}

async fn an_empty_feed_ends_before_its_first_entry(on: &Stand) {
    assert_eq!(end(on).await, Position::default());
    assert_eq!(since(on, Position::default()).await, (Vec::new(), Position::default()));
}

async fn what_is_taken_back_stands_in_the_feed_in_the_order_of_the_commits(on: &Stand) {
    for n in 1..=3 {
        take_back(on, n).await;
    }
    let (all, last) = since(on, Position::default()).await;
    assert_eq!(all, [1, 2, 3].map(|n| TakesBack::Grant(grant_id(n))));
    assert_eq!(end(on).await, last);
}

async fn a_commit_that_conflicts_enters_nothing(on: &Stand) {
    take_back(on, 1).await;
    let again = vec![put_user(1, 1, Expect::Absent), Change::TakeBack(TakesBack::User(user_id(1)))];
    assert!(on.store.commit(again).await.is_err());
    assert_eq!(end(on).await.sequence, 1);
}

async fn whoever_is_behind_gets_what_he_lacks_and_no_more(on: &Stand) {
    take_back(on, 1).await;
    let position = end(on).await;
    take_back(on, 2).await;
    let (all, last) = since(on, position).await;
    assert_eq!(all, [TakesBack::Grant(grant_id(2))]);
    assert_eq!(since(on, last).await.0, []);
}

async fn a_position_of_another_history_is_a_gap(on: &Stand) {
    for n in 1..=2 {
        take_back(on, n).await;
    }
    let last = end(on).await;
    for position in [
        Position { id: [7; 16], ..last },
        Position { sequence: 1, ..last },
        Position { sequence: 3, ..last },
        Position { sequence: 9, id: [7; 16] },
    ] {
        assert_eq!(on.store.feed(Some(position)).await.unwrap(), Feed::Gap(last), "{position:?}");
    }
}

async fn a_long_feed_comes_in_parts(on: &Stand) {
    for ten in 0..210 {
        on.store.commit((0..10).map(|n| Change::TakeBack(TakesBack::Issue(grant_id(ten), n))).collect()).await.unwrap();
    }
    assert!(matches!(on.store.feed(Some(Position::default())).await.unwrap(), Feed::Since(entries) if entries.len() < 2100));
    assert_eq!(since(on, Position::default()).await.0.len(), 2100);
}

async fn entries_that_many_commit_at_once_have_numbers_of_their_own(on: &Stand) {
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let store = on.store.clone();
            tokio::spawn(async move { store.commit(vec![Change::TakeBack(TakesBack::Grant(grant_id(n)))]).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let all: BTreeSet<String> = since(on, Position::default()).await.0.iter().map(|what| format!("{what:?}")).collect();
    assert_eq!(all.len(), 64);
}

async fn every_kind_of_taking_back_is_read_as_it_was_written(on: &Stand) {
    let all = [
        TakesBack::Grant(grant_id(1)),
        TakesBack::Issue(grant_id(2), 7),
        TakesBack::Through(grant_id(3), u32::MAX),
        TakesBack::Key(KeyId::from_random([9; 16])),
        TakesBack::User(user_id(5)),
        TakesBack::Client(ClientKey::from_bytes([6; 16])),
    ];
    on.store.commit(all.map(Change::TakeBack).to_vec()).await.unwrap();
    assert_eq!(since(on, Position::default()).await.0, all);
}

/// Listens, from a moment on at which nothing is missed any more.
async fn listen(on: &Stand) -> Notices {
    let mut notices = on.store.notices();
    let ready = Notice::Grant(grant_id(u64::MAX));
    loop {
        on.store.commit(vec![Change::Tell(ready)]).await.unwrap();
        let heard = tokio::time::timeout(std::time::Duration::from_millis(100), notices.next()).await;
        if heard.is_ok_and(|heard| heard == ready) {
            return notices;
        }
    }
}

/// The next notice that is not of [`listen`].
async fn next(notices: &mut Notices) -> Notice {
    loop {
        match notices.next().await {
            Notice::Lost => {}
            Notice::Grant(id) if id == grant_id(u64::MAX) => {}
            notice => return notice,
        }
    }
}

async fn a_notice_reaches_all_who_listen(on: &Stand) {
    let mut both = [listen(on).await, listen(on).await];
    for told in [Notice::Grant(grant_id(1)), Notice::Keys] {
        on.store.commit(vec![Change::Tell(told)]).await.unwrap();
        for notices in &mut both {
            assert_eq!(next(notices).await, told);
        }
    }
}

async fn taking_back_gives_notice(on: &Stand) {
    let mut notices = listen(on).await;
    take_back(on, 1).await;
    assert_eq!(next(&mut notices).await, Notice::Feed);
}
