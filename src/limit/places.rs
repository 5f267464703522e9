//! Where governor keeps its states: in its own kind of map, which we hold too, since governor does
//! not say who is in it.

use std::sync::Arc;

use dashmap::DashMap;
use governor::{
    nanos::Nanos,
    state::{InMemoryState, StateStore, keyed::ShrinkableKeyedStateStore},
};

use super::Who;

#[derive(Clone)]
pub(super) struct Places(pub(super) Arc<DashMap<Who, InMemoryState>>);

impl StateStore for Places {
    type Key = Who;

    fn measure_and_replace<T, F, E>(&self, key: &Who, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0.measure_and_replace(key, f)
    }
}

impl ShrinkableKeyedStateStore<Who> for Places {
    fn retain_recent(&self, drop_below: Nanos) {
        self.0.retain_recent(drop_below);
    }

    fn shrink_to_fit(&self) {
        self.0.shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
