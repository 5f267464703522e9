//! What is remembered, and what is not.

use std::sync::Arc;

use super::super::cache::Cache;

fn cache() -> Cache<[u8; 16], u32> {
    Cache::new(4, 1)
}

#[test]
fn what_was_removed_is_not_found() {
    let cache = cache();
    assert!(cache.fill(cache.turn(), [1; 16], Arc::new(1)));
    assert!(cache.fill(cache.turn(), [2; 16], Arc::new(2)));
    cache.remove(&[1; 16]);
    assert_eq!((cache.get(&[1; 16]), cache.get(&[2; 16]).as_deref()), (None, Some(&2)));
    cache.remove_where(|value| *value == 2);
    assert_eq!(cache.len(), 0);
}

#[test]
fn what_was_read_before_anything_was_taken_back_is_not_filled_in() {
    let cache = cache();
    let turn = cache.turn();
    cache.remove(&[9; 16]);
    assert!(!cache.fill(turn, [1; 16], Arc::new(1)));
    assert_eq!(cache.get(&[1; 16]), None);
}

#[test]
fn what_is_read_stays_and_what_is_not_makes_room() {
    let cache = cache();
    for key in 0..4 {
        assert!(cache.fill(cache.turn(), [key; 16], Arc::new(u32::from(key))));
    }
    for key in 4..100 {
        assert!(cache.get(&[0; 16]).is_some(), "it is read all the time");
        assert!(cache.fill(cache.turn(), [key; 16], Arc::new(u32::from(key))));
        assert_eq!(cache.len(), 4);
    }
}
