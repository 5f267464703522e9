//! Soft state: what was written since the last sweep lies in a map, bounded, and what is worth
//! keeping moves to the file at each sweep.

use dashmap::DashMap;
use jiff::Timestamp;

use crate::store::{Soft, SoftKey};

/// More pieces than this are not held: some 20 MiB.
const MOST_PIECES: usize = 1 << 18;

/// A piece with its name and its end.
pub(super) type Piece = (SoftKey, Soft, Timestamp);

/// Soft state that is not in the file.
pub(super) struct SoftState {
    pieces: DashMap<SoftKey, (Soft, Timestamp)>,
    most: usize,
}

impl Default for SoftState {
    fn default() -> Self {
        Self { pieces: DashMap::new(), most: MOST_PIECES }
    }
}

impl SoftState {
    /// The last writer wins.
    pub(super) fn save(&self, pieces: Vec<Piece>) {
        for (key, soft, until) in pieces {
            if self.pieces.len() >= self.most {
                self.make_room();
            }
            self.pieces.insert(key, (soft, until));
        }
    }

    /// A piece and its end, which may be over.
    pub(super) fn get(&self, key: SoftKey) -> Option<(Soft, Timestamp)> {
        self.pieces.get(&key).map(|piece| *piece)
    }

    /// Removes what has expired and says how much it was, except what is worth keeping: of that
    /// an older state may lie in the file, to be overwritten first.
    pub(super) fn sweep(&self, now: Timestamp) -> u64 {
        let mut removed = 0;
        self.pieces.retain(|key, (_, until)| {
            let stays = key.is_worth_keeping() || now < *until;
            removed += u64::from(!stays);
            stays
        });
        removed
    }

    /// All that belongs in the file.
    pub(super) fn worth_keeping(&self) -> Vec<Piece> {
        let kept = self.pieces.iter().filter(|piece| piece.key().is_worth_keeping());
        kept.map(|piece| (*piece.key(), piece.0, piece.1)).collect()
    }

    /// Forgets pieces that are in the file now, but for those that were written anew meanwhile.
    pub(super) fn forget(&self, pieces: &[Piece]) {
        for (key, soft, until) in pieces {
            self.pieces.remove_if(key, |_, now| *now == (*soft, *until));
        }
    }

    /// Drops all pace, which forgives some clients and harms nobody; and where that is not the
    /// greater part, anything down to a half. So this is rare, however fast pieces come.
    fn make_room(&self) {
        let mut room = self.most / 2;
        self.pieces.retain(|key, _| {
            let stays = key.is_worth_keeping() && room > 0;
            room -= usize::from(stays);
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::id::GrantId;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn pieces(key: fn(GrantId) -> SoftKey, count: u8) -> Vec<Piece> {
        (0..count).map(|n| (key(GrantId::from_random([n; 16])), Soft::LastUsed(NOW), Timestamp::MAX)).collect()
    }

    #[test]
    fn a_full_map_drops_pace_first() {
        let state = SoftState { most: 16, ..SoftState::default() };
        state.save(pieces(SoftKey::LastUsed, 6));
        state.save(pieces(SoftKey::Pace, 100));
        assert!(state.pieces.len() <= 16);
        assert_eq!(state.worth_keeping().len(), 6);
    }

    #[test]
    fn a_map_full_of_what_is_worth_keeping_stays_bounded_and_takes_what_is_new() {
        let state = SoftState { most: 16, ..SoftState::default() };
        state.save(pieces(SoftKey::LastUsed, 100));
        assert!((8..=16).contains(&state.pieces.len()));
        assert!(state.get(SoftKey::LastUsed(GrantId::from_random([99; 16]))).is_some());
    }

    #[test]
    fn a_piece_that_was_written_anew_meanwhile_is_not_forgotten() {
        let state = SoftState::default();
        state.save(pieces(SoftKey::LastUsed, 2));
        let kept = state.worth_keeping();
        let (key, newer) = (SoftKey::LastUsed(GrantId::from_random([1; 16])), Timestamp::MAX);
        state.save(vec![(key, Soft::LastUsed(newer), newer)]);
        state.forget(&kept);
        assert_eq!(state.worth_keeping(), [(key, Soft::LastUsed(newer), newer)]);
    }
}
