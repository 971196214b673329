//! The readers of one post, as they come, type and go. Pure: knows no process groups and no frames.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;

/// The most names, and the most that type, of which readers are told.
const NAMES: usize = 20;

/// The most that type, of which is known.
const TYPING: usize = 64;

/// The readers of a post on all nodes.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// The names of the sockets, by their keys; none for a guest's.
    sockets: HashMap<u64, Option<Arc<str>>>,
    /// The number of sockets under each name, and under all of them.
    names: BTreeMap<Arc<str>, usize>,
    named: usize,
    /// Until when the readers that type are said to.
    typing: HashMap<u64, Instant>,
}

/// The readers of a post as a frame reports them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Presence")]
pub(crate) struct Summary {
    /// The readers that `names` does not name.
    guests: usize,
    /// The first of their names, each once.
    names: Vec<String>,
    /// Those who are typing; `null` for each that is not named.
    typing: Vec<Option<String>>,
}

impl Room {
    /// A socket has come.
    pub(super) fn enter(&mut self, key: u64, name: Option<Arc<str>>) {
        self.leave(key);
        if let Some(name) = &name {
            *self.names.entry(Arc::clone(name)).or_default() += 1;
            self.named += 1;
        }
        self.sockets.insert(key, name);
    }

    /// A socket has gone.
    pub(super) fn leave(&mut self, key: u64) {
        self.typing.remove(&key);
        let Some(Some(name)) = self.sockets.remove(&key) else { return };
        if let Some(count) = self.names.get_mut(&name) {
            self.named -= 1;
            *count -= 1;
            if *count == 0 {
                self.names.remove(&name);
            }
        }
    }

    /// A reader is typing, and is said to until then.
    pub(super) fn types(&mut self, key: u64, until: Instant) {
        if self.typing.len() < TYPING || self.typing.contains_key(&key) {
            self.typing.insert(key, until);
        }
    }

    /// Forgets who has stopped typing.
    pub(super) fn expire(&mut self, now: Instant) {
        self.typing.retain(|_, until| *until > now);
    }

    /// When the next one is forgotten.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.typing.values().min().copied()
    }

    /// The readers as those who are signed in see them, and as guests do: by number alone.
    pub(super) fn summaries(&self) -> [Summary; 2] {
        let guests = self.sockets.len() - self.named;
        let names: Vec<_> = self.names.keys().take(NAMES).map(|name| name.to_string()).collect();
        // News of a socket that this node does not know, or not any more, counts for nobody.
        let typing = || self.typing.keys().filter_map(|key| self.sockets.get(key));
        let by_name: BTreeSet<_> = typing().flatten().map(|name| name.to_string()).collect();
        let nameless = typing().filter(|name| name.is_none()).count();
        let anybody = |count: usize| std::iter::repeat_n(None, count);
        let reduced = Summary {
            guests: guests + self.names.len(),
            names: Vec::new(),
            typing: anybody(by_name.len() + nameless).take(NAMES).collect(),
        };
        let whole = Summary {
            guests: guests + self.names.len() - names.len(),
            names,
            typing: by_name.into_iter().map(Some).chain(anybody(nameless)).take(NAMES).collect(),
        };
        [whole, reduced]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;

    fn seen(room: &Room) -> [Value; 2] {
        room.summaries().map(|summary| serde_json::to_value(summary).expect("JSON"))
    }

    #[test]
    fn an_account_counts_once_and_guests_by_their_sockets() {
        let mut room = Room::default();
        room.enter(1, Some("ann".into()));
        room.enter(2, Some("ann".into()));
        room.enter(3, Some("bob".into()));
        room.enter(4, None);
        room.enter(5, None);
        assert_eq!(
            seen(&room),
            [
                json!({"guests": 2, "names": ["ann", "bob"], "typing": []}),
                json!({"guests": 4, "names": [], "typing": []}),
            ]
        );
        for key in [1, 3, 4, 4, 9] {
            room.leave(key);
        }
        assert_eq!(seen(&room)[0], json!({"guests": 1, "names": ["ann"], "typing": []}));
        room.leave(2);
        room.leave(5);
        assert_eq!(seen(&room)[0], json!({"guests": 0, "names": [], "typing": []}));
    }

    #[test]
    fn twenty_are_named_and_the_others_counted() {
        let mut room = Room::default();
        for key in 0..30 {
            room.enter(key, Some(format!("reader-{key:02}").into()));
            room.types(key, Instant::now());
        }
        let [whole, reduced] = seen(&room);
        assert_eq!(whole["guests"], 10);
        assert_eq!(whole["names"].as_array().map(Vec::len), Some(NAMES));
        assert_eq!(whole["typing"].as_array().map(Vec::len), Some(NAMES));
        assert_eq!((&reduced["guests"], &reduced["names"]), (&json!(30), &json!([])));
        assert_eq!(reduced["typing"], json!(vec![Value::Null; NAMES]));
    }

    #[test]
    fn typing_ends_with_its_time_or_its_socket_and_strangers_do_not_type() {
        let mut room = Room::default();
        room.enter(1, Some("ann".into()));
        room.enter(2, None);
        let now = Instant::now();
        let later = now + Duration::from_secs(5);
        room.types(1, now);
        room.types(2, later);
        room.types(3, later);
        assert_eq!(seen(&room)[0]["typing"], json!(["ann", null]));
        assert_eq!(room.next_expiry(), Some(now));
        room.expire(now);
        assert_eq!(seen(&room)[0]["typing"], json!([null]));
        room.leave(2);
        assert_eq!(seen(&room)[0]["typing"], json!([]));
    }

    #[test]
    fn it_is_bounded_who_types() {
        let mut room = Room::default();
        let now = Instant::now();
        (0..100).for_each(|key| room.types(key, now));
        assert_eq!(room.typing.len(), TYPING);
        room.types(0, now + Duration::from_secs(1));
        room.expire(now);
        assert_eq!(room.typing.len(), 1, "who is known goes on");
    }
}
