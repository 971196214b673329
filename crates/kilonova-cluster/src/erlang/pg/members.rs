//! The members of the other node: how often each process is in each group. Owns the limit on their
//! number, and a list of each group that is built on demand.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::term::Number;
use super::Group;

/// The maximum number of memberships of one node. A frame cannot hold more either.
pub(super) const MOST: usize = 500_000;

/// The members of all groups.
#[derive(Debug)]
pub(in super::super) struct Members {
    groups: Vec<Joined>,
    count: usize,
}

#[derive(Debug, Default)]
struct Joined {
    times: HashMap<Number, u32>,
    /// Each member as often as it joined; `None` after a change until it is needed.
    list: Option<Arc<[Number]>>,
}

impl Members {
    pub(super) fn new(groups: usize) -> Members {
        Members { groups: std::iter::repeat_with(Joined::default).take(groups).collect(), count: 0 }
    }

    /// The number of memberships.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Replaces all memberships.
    pub(super) fn replace(&mut self, groups: Vec<(Group, Vec<Number>)>) {
        self.clear();
        for (group, members) in groups {
            for member in members {
                self.step(group, member, true);
            }
        }
    }

    /// Removes all memberships. Returns false if there were none.
    pub(super) fn clear(&mut self) -> bool {
        let had = self.count > 0;
        *self = Members::new(self.groups.len());
        had
    }

    /// A member joins or leaves. Returns false for a leave of a member that has not joined.
    pub(super) fn step(&mut self, group: Group, member: Number, joined: bool) -> bool {
        let Some(Joined { times, list }) = self.groups.get_mut(group) else { return false };
        if joined {
            *times.entry(member).or_default() += 1;
            self.count += 1;
        } else {
            match times.get_mut(&member) {
                None => return false,
                Some(1) => drop(times.remove(&member)),
                Some(times) => *times -= 1,
            }
            self.count -= 1;
        }
        *list = None;
        true
    }

    /// All memberships: the group, the member, and how often it joined.
    pub(in super::super) fn iter(&self) -> impl Iterator<Item = (Group, Number, u32)> {
        self.groups.iter().enumerate().flat_map(|(group, joined)| {
            joined.times.iter().map(move |(member, times)| (group, *member, *times))
        })
    }

    /// The members of a group, each as often as it joined.
    pub(in super::super) fn of(&mut self, group: Group) -> Arc<[Number]> {
        let Some(Joined { times, list }) = self.groups.get_mut(group) else { return Arc::new([]) };
        let list = list.get_or_insert_with(|| {
            let each = times.iter();
            each.flat_map(|(member, times)| std::iter::repeat_n(*member, *times as usize)).collect()
        });
        Arc::clone(list)
    }
}
