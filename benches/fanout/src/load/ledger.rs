//! What was posted and what came of it: each event once on each socket, in order, or the run fails.
//!
//! The first socket that gets an event shows what it is; from then on every other socket must get
//! the very same bytes in the same place.

use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;

use super::Fault;

/// A post, from the moment that it was due.
#[derive(Debug)]
pub(crate) struct Post {
    /// Since the epoch, like every time here.
    due: Duration,
    answered: Option<Duration>,
    /// When the server says that it took effect, if its answer does.
    stamp: Option<Duration>,
    event: Option<usize>,
}

/// An event, as the first socket got it.
#[derive(Debug)]
struct Event {
    frame: Vec<u8>,
    id: u64,
    post: usize,
    /// Sockets that are to get it.
    wanted: usize,
    /// Microseconds from when the post was due, one for each socket that got it.
    seen: Vec<u32>,
}

#[derive(Deserialize)]
struct Frame<'a> {
    event: &'a str,
    data: Note,
    id: u64,
}

#[derive(Deserialize)]
struct Note {
    title: String,
    body: String,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Ledger {
    body: String,
    posts: Vec<Post>,
    events: Vec<Event>,
}

/// Times of many, in microseconds.
pub(crate) type Times = Vec<u32>;

impl Ledger {
    /// All posts have this body.
    pub(crate) fn new(body: String) -> Ledger {
        Ledger { body, posts: Vec::new(), events: Vec::new() }
    }

    /// The number of the next post; also the title it must have, so that its event is recognised.
    pub(crate) fn post(&mut self, due: Duration) -> usize {
        self.posts.push(Post { due, answered: None, stamp: None, event: None });
        self.posts.len() - 1
    }

    /// The posts so far; also the place in order that a socket opened now begins at.
    pub(crate) fn len(&self) -> usize {
        self.posts.len()
    }

    /// A post was answered with success. True when it is done: all its frames were there already.
    pub(crate) fn answered(&mut self, post: usize, now: Duration, stamp: Option<Duration>) -> bool {
        let entry = &mut self.posts[post];
        entry.answered = Some(now);
        entry.stamp = stamp;
        let event = entry.event.map(|event| &self.events[event]);
        event.is_some_and(|event| event.seen.len() == event.wanted)
    }

    /// A socket, one of so many, that has got the events before `place` got this one. The post
    /// that is done with it, if one is.
    pub(crate) fn delivered(
        &mut self,
        place: usize,
        frame: &[u8],
        now: Duration,
        sockets: usize,
    ) -> Result<Option<usize>, Fault> {
        if place == self.events.len() {
            self.first(frame, sockets)?;
        }
        let event = &mut self.events[place];
        if event.frame != frame {
            return Err(Fault::Order {
                expected: event.id,
                got: String::from_utf8_lossy(frame).into_owned(),
            });
        }
        let post = &self.posts[event.post];
        event.seen.push(micros(now.saturating_sub(post.due)));
        Ok((event.seen.len() == event.wanted && post.answered.is_some()).then_some(event.post))
    }

    /// An event that no socket has had yet.
    fn first(&mut self, bytes: &[u8], sockets: usize) -> Result<(), Fault> {
        let unknown = || Fault::Unknown(String::from_utf8_lossy(bytes).into_owned());
        let frame: Frame<'_> = serde_json::from_slice(bytes).map_err(|_| unknown())?;
        let expected = self.events.last().map_or(1, |last| last.id + 1);
        if frame.id != expected {
            let got = String::from_utf8_lossy(bytes).into_owned();
            return Err(Fault::Order { expected, got });
        }
        let number = frame.data.title.strip_prefix(TITLE).and_then(|n| n.parse::<usize>().ok());
        let post = number.ok_or_else(unknown)?;
        let entry = self.posts.get_mut(post).ok_or_else(unknown)?;
        if entry.event.is_some() || frame.event != "note_created" || frame.data.body != self.body {
            return Err(unknown());
        }
        entry.event = Some(self.events.len());
        let seen = Vec::with_capacity(sockets);
        self.events.push(Event {
            frame: bytes.to_vec(),
            id: frame.id,
            post,
            wanted: sockets,
            seen,
        });
        Ok(())
    }

    /// What a post's request holds.
    pub(crate) fn json(&self, post: usize) -> String {
        serde_json::json!({"title": format!("{TITLE}{post:07}"), "body": self.body, "author": "fanout"})
            .to_string()
    }

    /// The first post that is not done, in words.
    pub(crate) fn unfinished(&self) -> String {
        let done = |post: &&Post| {
            let event = post.event.map(|event| &self.events[event]);
            post.answered.is_some() && event.is_some_and(|event| event.seen.len() == event.wanted)
        };
        match self.posts.iter().position(|post| !done(&post)) {
            None => "nothing is outstanding".to_owned(),
            Some(number) => {
                let post = &self.posts[number];
                let event = post.event.map(|event| &self.events[event]);
                let (seen, wanted) = event.map_or((0, 0), |event| (event.seen.len(), event.wanted));
                let answered = if post.answered.is_some() { "answered" } else { "not answered" };
                format!("post {number} is {answered}, and {seen} of {wanted} sockets got its frame")
            }
        }
    }

    /// The bytes of the newest event's frame.
    pub(crate) fn frame_bytes(&self) -> usize {
        self.events.last().map_or(0, |event| event.frame.len())
    }

    /// Frames that came for these posts.
    pub(crate) fn received(&self, posts: Range<usize>) -> usize {
        self.events(posts).map(|(_, event)| event.seen.len()).sum()
    }

    /// From when a post was due to its answer.
    pub(crate) fn to_answer(&self, posts: Range<usize>) -> Times {
        let posts = self.posts[posts].iter();
        posts.filter_map(|post| Some(micros(post.answered?.saturating_sub(post.due)))).collect()
    }

    /// From when a post was due to its frame, of every socket.
    pub(crate) fn to_frame(&self, posts: Range<usize>) -> Times {
        self.events(posts).flat_map(|(_, event)| event.seen.iter().copied()).collect()
    }

    /// From commit to frame, of every socket. An event's commit is what the server's log said
    /// about its position or, without one, what the answer said about the post.
    pub(crate) fn commit_to_frame(
        &self,
        posts: Range<usize>,
        committed: impl Fn(u64) -> Option<Duration>,
    ) -> Option<Times> {
        let mut times = Times::new();
        for (post, event) in self.events(posts) {
            let commit = committed(event.id).or(post.stamp)?;
            let after_due = commit.checked_sub(post.due)?;
            let after_due = micros(after_due);
            times.extend(event.seen.iter().map(|seen| seen.saturating_sub(after_due)));
        }
        Some(times)
    }

    fn events(&self, posts: Range<usize>) -> impl Iterator<Item = (&Post, &Event)> {
        self.posts[posts].iter().filter_map(|post| Some((post, &self.events[post.event?])))
    }
}

const TITLE: &str = "Post ";

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(id: u64, post: usize) -> Vec<u8> {
        format!(
            r#"{{"event":"note_created","data":{{"title":"Post {post:07}","body":"b"}},"id":{id}}}"#
        )
        .into_bytes()
    }

    fn posted(posts: usize) -> Ledger {
        let mut ledger = Ledger::new("b".to_owned());
        for number in 0..posts {
            assert_eq!(ledger.post(Duration::from_secs(1)), number);
        }
        ledger
    }

    const NOW: Duration = Duration::from_millis(1002);

    #[test]
    fn a_post_is_done_with_its_answer_and_its_last_frame_whichever_comes_last() {
        let mut ledger = posted(2);
        // Commits come in an order of their own.
        assert_eq!(ledger.delivered(0, &frame(1, 1), NOW, 2).unwrap(), None);
        assert_eq!(ledger.delivered(0, &frame(1, 1), NOW, 2).unwrap(), None);
        assert!(ledger.answered(1, NOW, None));
        assert_eq!(ledger.delivered(1, &frame(2, 0), NOW, 2).unwrap(), None);
        assert!(!ledger.answered(0, NOW, None));
        assert!(ledger.unfinished().contains("1 of 2 sockets"), "{}", ledger.unfinished());
        assert_eq!(ledger.delivered(1, &frame(2, 0), NOW, 2).unwrap(), Some(0));
        assert_eq!(ledger.received(0..2), 4);
        assert_eq!(ledger.to_frame(0..2), [2000; 4]);
        let commit = |id| Some(Duration::from_millis(1000 + id));
        assert_eq!(ledger.commit_to_frame(0..2, commit).unwrap(), [0, 0, 1000, 1000]);
    }

    #[test]
    fn lost_doubled_misordered_and_foreign_frames_fail() {
        let mut ledger = posted(3);
        ledger.delivered(0, &frame(1, 0), NOW, 2).unwrap();
        ledger.delivered(1, &frame(2, 1), NOW, 2).unwrap();
        // The other socket, at the first place: it lost one, or has them in another order.
        assert!(matches!(ledger.delivered(0, &frame(2, 1), NOW, 2), Err(Fault::Order { .. })));
        // The same socket, further on: the last one again, and one left out.
        assert!(matches!(ledger.delivered(2, &frame(2, 1), NOW, 2), Err(Fault::Order { .. })));
        assert!(matches!(ledger.delivered(2, &frame(4, 2), NOW, 2), Err(Fault::Order { .. })));
        // A post twice under two positions, one that nobody made, and something else altogether.
        assert!(matches!(ledger.delivered(2, &frame(3, 1), NOW, 2), Err(Fault::Unknown(_))));
        assert!(matches!(ledger.delivered(2, &frame(3, 9), NOW, 2), Err(Fault::Unknown(_))));
        assert!(matches!(ledger.delivered(2, b"pong", NOW, 2), Err(Fault::Unknown(_))));
        ledger.delivered(2, &frame(3, 2), NOW, 2).unwrap();
    }
}
