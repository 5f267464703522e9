//! Soft state: written without a commit, and gone when its time is over.

use std::time::Duration;

use gatepost::{
    oauth::pace,
    store::{Soft, SoftKey, Swept},
};

use crate::support::{
    records::grant_id,
    stores::{Stand, on_every_store},
};

on_every_store!(
    soft_state_is_read_back_and_the_last_writer_wins,
    soft_state_is_absent_from_its_end_on,
    a_sweep_keeps_soft_state_whose_time_is_not_over,
    a_sweep_counts_each_piece_of_soft_state_once,
);

fn pace_of(on: &Stand) -> Soft {
    Soft::Pace(pace::judge(None, Duration::from_secs(5), on.soon(0)).0)
}

const PACE: fn(u64) -> SoftKey = |n| SoftKey::Pace(grant_id(n));
const LAST_USED: fn(u64) -> SoftKey = |n| SoftKey::LastUsed(grant_id(n));

async fn soft_state_is_read_back_and_the_last_writer_wins(on: &Stand) {
    assert_eq!(on.store.soft_load(PACE(1)).await.unwrap(), None);
    let (first, second) = (Soft::LastUsed(on.soon(1)), Soft::LastUsed(on.soon(2)));
    on.store.soft_save(vec![(LAST_USED(1), first, on.soon(60)), (PACE(1), pace_of(on), on.soon(60))]).await.unwrap();
    assert_eq!(on.store.soft_load(LAST_USED(1)).await.unwrap(), Some(first));
    assert_eq!(on.store.soft_load(PACE(1)).await.unwrap(), Some(pace_of(on)));
    on.store.soft_save(vec![(LAST_USED(1), second, on.soon(60))]).await.unwrap();
    assert_eq!(on.store.soft_load(LAST_USED(1)).await.unwrap(), Some(second));
    assert_eq!(on.store.soft_load(LAST_USED(2)).await.unwrap(), None);
}

async fn soft_state_is_absent_from_its_end_on(on: &Stand) {
    let used = Soft::LastUsed(on.soon(0));
    on.store.soft_save(vec![(LAST_USED(1), used, on.soon(20)), (PACE(1), pace_of(on), on.soon(10))]).await.unwrap();
    on.pass(10);
    assert_eq!(on.store.soft_load(PACE(1)).await.unwrap(), None);
    assert_eq!(on.store.soft_load(LAST_USED(1)).await.unwrap(), Some(used));
    on.store.sweep().await.unwrap();
    assert_eq!(on.store.soft_load(LAST_USED(1)).await.unwrap(), Some(used));
    on.pass(10);
    assert_eq!(on.store.soft_load(LAST_USED(1)).await.unwrap(), None);
    // The last writer wins, also one that shortens.
    on.store.soft_save(vec![(LAST_USED(2), used, on.soon(60))]).await.unwrap();
    on.store.sweep().await.unwrap();
    on.store.soft_save(vec![(LAST_USED(2), used, on.soon(0))]).await.unwrap();
    assert_eq!(on.store.soft_load(LAST_USED(2)).await.unwrap(), None);
}

async fn a_sweep_keeps_soft_state_whose_time_is_not_over(on: &Stand) {
    let (pace, used) = (pace_of(on), Soft::LastUsed(on.soon(0)));
    for round in 0..3 {
        on.store.soft_save(vec![(LAST_USED(round), used, on.soon(60)), (PACE(round), pace, on.soon(60))]).await.unwrap();
        assert_eq!(on.store.sweep().await.unwrap(), Swept { removed: 0 });
    }
    for round in 0..3 {
        assert_eq!(on.store.soft_load(LAST_USED(round)).await.unwrap(), Some(used));
        assert_eq!(on.store.soft_load(PACE(round)).await.unwrap(), Some(pace));
    }
}

async fn a_sweep_counts_each_piece_of_soft_state_once(on: &Stand) {
    let used = Soft::LastUsed(on.soon(0));
    for n in 0..3 {
        on.store.soft_save(vec![(LAST_USED(n), used, on.soon(10)), (PACE(n), pace_of(on), on.soon(10))]).await.unwrap();
    }
    on.store.sweep().await.unwrap();
    // Written once more, after a store may have put it elsewhere.
    on.store.soft_save(vec![(LAST_USED(0), used, on.soon(10))]).await.unwrap();
    on.pass(10);
    assert_eq!(on.store.sweep().await.unwrap(), on.swept(6));
    assert_eq!(on.store.sweep().await.unwrap(), Swept { removed: 0 });
}
