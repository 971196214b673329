//! The whole path: the handle, the registry's actor, and members that are running actors on another
//! thread.

use divan::Bencher;
use divan::counter::ItemsCount;

use crate::size::{SIZES, Size};
use crate::world::World;

/// How many operations one sample measures, so that entering the runtime does not count.
const BATCH: usize = 100;

#[divan::bench(args = SIZES, sample_size = 1)]
fn join(bencher: Bencher<'_, '_>, size: Size) {
    let world = World::filled(size);
    let mut members = Size::shuffled(size.members);
    let some = || {
        let some: Vec<usize> = members.by_ref().take(BATCH).collect();
        world.leave(some.clone());
        some
    };
    bencher.counter(ItemsCount::new(BATCH)).with_inputs(some).bench_local_values(|some| {
        world.join(some);
    });
}

#[divan::bench(args = SIZES, sample_size = 1)]
fn leave(bencher: Bencher<'_, '_>, size: Size) {
    let world = World::filled(size);
    let (mut members, mut gone) = (Size::shuffled(size.members), Vec::new());
    let some = || {
        world.join(std::mem::take(&mut gone));
        gone = members.by_ref().take(BATCH).collect();
        gone.clone()
    };
    bencher.counter(ItemsCount::new(BATCH)).with_inputs(some).bench_local_values(|some| {
        world.leave(some);
    });
}

/// From dropping the lifelines until the registry has removed the members.
#[divan::bench(args = SIZES, sample_size = 1)]
fn death(bencher: Bencher<'_, '_>, size: Size) {
    let world = World::filled(size);
    let (mut members, mut dead) = (Size::shuffled(size.members), Vec::new());
    let some = || {
        world.join(std::mem::take(&mut dead));
        dead = members.by_ref().take(BATCH).collect();
        world.lifelines(dead.clone())
    };
    bencher.counter(ItemsCount::new(BATCH)).with_inputs(some).bench_local_values(|some| {
        drop(some);
        world.barrier();
    });
}

/// From the call until the message is in the last mailbox, for each delivery. The members' thread
/// runs on the other core at the same time.
#[divan::bench(args = SIZES, sample_size = 1, max_time = 5)]
fn broadcast(bencher: Bencher<'_, '_>, size: Size) {
    let world = World::filled(size);
    let mut channels = Size::shuffled(size.channels);
    let quiet = || {
        world.hear();
        channels.next().unwrap()
    };
    bencher.counter(ItemsCount::new(size.in_each())).with_inputs(quiet).bench_local_values(
        |channel| {
            world.broadcast(channel);
        },
    );
    world.hear();
}

/// The same, with the members' thread held until the end: the cost of the registry alone.
#[divan::bench(args = SIZES, sample_size = 1, max_time = 5)]
fn broadcast_alone(bencher: Bencher<'_, '_>, size: Size) {
    let world = World::filled(size);
    let mut channels = Size::shuffled(size.channels);
    let held = || {
        world.hear();
        (channels.next().unwrap(), world.hold())
    };
    bencher.counter(ItemsCount::new(size.in_each())).with_inputs(held).bench_local_values(
        |(channel, release)| {
            world.broadcast(channel);
            release
        },
    );
    world.hear();
}
