//! The record of posts, responses and frames. The run fails unless each event arrives once on each
//! socket, in order.
//!
//! The first socket that gets an event defines it; every other socket must get the same bytes in
//! the same place.

use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;

use super::Fault;

/// A post, from the time when it was due.
#[derive(Debug)]
pub(crate) struct Post {
    /// Since the epoch, like all times in this module.
    due: Duration,
    answered: Option<Duration>,
    /// When the post took effect, if the response states it.
    stamp: Option<Duration>,
    event: Option<usize>,
}

/// An event, as the first socket received it.
#[derive(Debug)]
struct Event {
    frame: Vec<u8>,
    id: u64,
    post: usize,
    /// The number of sockets that must get it.
    wanted: usize,
    /// Microseconds since the post was due, one for each socket that got the event.
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

/// The record of a run.
#[derive(Debug)]
pub(crate) struct Ledger {
    body: String,
    posts: Vec<Post>,
    events: Vec<Event>,
}

/// Durations in microseconds.
pub(crate) type Times = Vec<u32>;

impl Ledger {
    /// An empty ledger for posts with this body.
    pub(crate) fn new(body: String) -> Ledger {
        Ledger { body, posts: Vec::new(), events: Vec::new() }
    }

    /// Adds a post and returns its number. Its title must contain the number, which identifies its
    /// event.
    pub(crate) fn post(&mut self, due: Duration) -> usize {
        self.posts.push(Post { due, answered: None, stamp: None, event: None });
        self.posts.len() - 1
    }

    /// The number of posts so far, which is also the first place of a socket that is opened now.
    pub(crate) fn len(&self) -> usize {
        self.posts.len()
    }

    /// Records a successful response to a post. Returns true if the post is done because all of its
    /// frames have arrived.
    pub(crate) fn answered(&mut self, post: usize, now: Duration, stamp: Option<Duration>) -> bool {
        let entry = &mut self.posts[post];
        entry.answered = Some(now);
        entry.stamp = stamp;
        let event = entry.event.map(|event| &self.events[event]);
        event.is_some_and(|event| event.seen.len() == event.wanted)
    }

    /// Records a frame on one of `sockets` sockets, which has received the events before `place`.
    /// Returns the post that this frame completes.
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

    /// Records an event that no socket has received yet.
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

    /// The body of a post's request.
    pub(crate) fn json(&self, post: usize) -> String {
        serde_json::json!({"title": format!("{TITLE}{post:07}"), "body": self.body, "author": "fanout"})
            .to_string()
    }

    /// Describes the first post that is not done.
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

    /// The size of the newest event's frame.
    pub(crate) fn frame_bytes(&self) -> usize {
        self.events.last().map_or(0, |event| event.frame.len())
    }

    /// The number of frames received for these posts.
    pub(crate) fn received(&self, posts: Range<usize>) -> usize {
        self.events(posts).map(|(_, event)| event.seen.len()).sum()
    }

    /// The times from when a post was due to its response.
    pub(crate) fn to_answer(&self, posts: Range<usize>) -> Times {
        let posts = self.posts[posts].iter();
        posts.filter_map(|post| Some(micros(post.answered?.saturating_sub(post.due)))).collect()
    }

    /// The times from when a post was due to its frame, on all sockets.
    pub(crate) fn to_frame(&self, posts: Range<usize>) -> Times {
        self.events(posts).flat_map(|(_, event)| event.seen.iter().copied()).collect()
    }

    /// The times from commit to frame, on all sockets. The time of a commit comes from the server's
    /// log, by position, or else from the response to the post.
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
        // Commits have a different order from posts.
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
        // The other socket, at the first place: it lost an event, or has a different order.
        assert!(matches!(ledger.delivered(0, &frame(2, 1), NOW, 2), Err(Fault::Order { .. })));
        // The same socket, later: the previous event again, and then a gap.
        assert!(matches!(ledger.delivered(2, &frame(2, 1), NOW, 2), Err(Fault::Order { .. })));
        assert!(matches!(ledger.delivered(2, &frame(4, 2), NOW, 2), Err(Fault::Order { .. })));
        // One post under two positions, a post that was never sent, and a text that is not an
        // event.
        assert!(matches!(ledger.delivered(2, &frame(3, 1), NOW, 2), Err(Fault::Unknown(_))));
        assert!(matches!(ledger.delivered(2, &frame(3, 9), NOW, 2), Err(Fault::Unknown(_))));
        assert!(matches!(ledger.delivered(2, b"pong", NOW, 2), Err(Fault::Unknown(_))));
        ledger.delivered(2, &frame(3, 2), NOW, 2).unwrap();
    }
}
