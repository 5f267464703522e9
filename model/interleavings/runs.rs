//! Threads, and what they do.

use std::collections::BTreeSet;

use loom::sync::Arc;
use loom::thread::{self, JoinHandle};

use crate::world::{Cache, Look, Outcome, World, all};

/// Beside a revocation, so many requests that have read the store already fill the cache, and so many read the store and fill it.
pub(crate) fn fills<C: Cache>(begun: usize, beginning: usize, cache: fn() -> C) -> BTreeSet<Outcome> {
    all(move || {
        let world = World::new(cache());
        let load = world.load();
        let mut fills: Vec<_> = (0..begun).map(|_| beside(&world, move |world| world.fill(load))).collect();
        fills.extend((0..beginning).map(|_| beside(&world, |world| world.fill(world.load()))));
        revoke(&world, fills, Vec::new())
    })
}

/// The cache is filled already, and a request looks beside a revocation.
pub(crate) fn a_look<C: Cache>(cache: fn() -> C) -> BTreeSet<Outcome> {
    all(move || {
        let world = World::new(cache());
        world.fill(world.load());
        let look = beside(&world, World::look);
        revoke(&world, Vec::new(), vec![look])
    })
}

fn beside<C: Cache, T: 'static>(world: &Arc<World<C>>, run: impl FnOnce(&World<C>) -> T + 'static) -> JoinHandle<T> {
    let world = Arc::clone(world);
    thread::spawn(move || run(&world))
}

/// Looks as soon as the revocation has returned, and once more when all others are done.
fn revoke<C: Cache>(world: &Arc<World<C>>, fills: Vec<JoinHandle<bool>>, looks: Vec<JoinHandle<Look>>) -> Outcome {
    world.revoke();
    let at_once = world.look();
    let filled = fills.into_iter().map(|fill| fill.join().unwrap()).collect();
    let others = looks.into_iter().map(|look| look.join().unwrap()).collect::<Vec<_>>();
    Outcome { filled, looks: [others, vec![at_once, world.look()]].concat() }
}
