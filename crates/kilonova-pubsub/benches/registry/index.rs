//! The index alone, with numbers as members. Each operation is undone before the next sample, so
//! that the index keeps its size.

use std::cell::RefCell;

use divan::Bencher;
use divan::counter::ItemsCount;
use kilonova_pubsub::{Channel, Membership};

use crate::size::{SIZES, Size};

struct Index {
    size: Size,
    names: Vec<Channel>,
    membership: RefCell<Membership<usize>>,
}

impl Index {
    fn filled(size: Size) -> Index {
        let names = size.names();
        let mut membership = Membership::new();
        for member in 0..size.members {
            for channel in size.channels_of(member) {
                membership.join(names[channel].clone(), member);
            }
        }
        Index { size, names, membership: RefCell::new(membership) }
    }

    fn join(&self, member: usize) {
        for channel in self.size.channels_of(member) {
            self.membership.borrow_mut().join(self.names[channel].clone(), member);
        }
    }

    fn leave(&self, member: usize) {
        for channel in self.size.channels_of(member) {
            let left = self.membership.borrow_mut().leave(self.names[channel].as_str(), &member);
            assert!(left.is_some());
        }
    }

    fn remove(&self, member: usize) {
        assert_eq!(self.membership.borrow_mut().remove(&member).len(), self.size.each);
    }
}

/// Undoes an operation at the end of the sample.
struct Undo<F: Fn()>(F);

impl<F: Fn()> Drop for Undo<F> {
    fn drop(&mut self) {
        self.0();
    }
}

#[divan::bench(args = SIZES)]
fn join(bencher: Bencher<'_, '_>, size: Size) {
    let index = &Index::filled(size);
    let mut newcomers = Size::shuffled(size.members).map(|number| size.members + number);
    bencher.with_inputs(|| newcomers.next().unwrap()).bench_local_values(|member| {
        index.join(member);
        Undo(move || index.remove(member))
    });
}

#[divan::bench(args = SIZES)]
fn leave(bencher: Bencher<'_, '_>, size: Size) {
    let index = &Index::filled(size);
    let mut members = Size::shuffled(size.members);
    bencher.with_inputs(|| members.next().unwrap()).bench_local_values(|member| {
        index.leave(member);
        Undo(move || index.join(member))
    });
}

#[divan::bench(args = SIZES)]
fn death(bencher: Bencher<'_, '_>, size: Size) {
    let index = &Index::filled(size);
    let mut members = Size::shuffled(size.members);
    bencher.with_inputs(|| members.next().unwrap()).bench_local_values(|member| {
        index.remove(member);
        Undo(move || index.join(member))
    });
}

/// The death of one member in many of a hundred thousand channels, for each of its memberships.
#[divan::bench(args = [1, 10, 100, 1_000, 10_000, 100_000])]
fn death_in_many_channels(bencher: Bencher<'_, '_>, each: usize) {
    let mut index = Index::filled(Size { members: 100_000, channels: 100_000, each: 1 });
    index.size.each = each;
    let mut newcomers = index.size.members..;
    let newcomer = || {
        let member = newcomers.next().unwrap();
        index.join(member);
        member
    };
    bencher
        .counter(ItemsCount::new(each))
        .with_inputs(newcomer)
        .bench_local_values(|member| index.remove(member));
}

/// Visiting all members of a channel as a broadcast does, for each member.
#[divan::bench(args = [1_000, 10_000, 100_000, 1_000_000])]
fn visit(bencher: Bencher<'_, '_>, members: usize) {
    let index = Index::filled(Size { members, channels: 1, each: 1 });
    bencher.counter(ItemsCount::new(members)).bench_local(|| {
        let membership = index.membership.borrow();
        let visited: usize = membership.members("channel-0").map(|(_, times)| times).sum();
        assert_eq!(visited, members);
    });
}
