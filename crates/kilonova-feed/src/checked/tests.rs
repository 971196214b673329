//! Tests of the answers that a log may give, and of the fault in every other answer.

use std::future::pending;

use kilonova_pubsub::Payload;

use super::*;

/// A log with prepared answers.
struct Prepared {
    page: Page,
    mood: Mood,
}

#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Well,
    Fails,
    Hangs,
    Panics,
    PanicsAtOnce,
}

#[derive(Debug, thiserror::Error)]
#[error("on purpose")]
struct OnPurpose;

impl Prepared {
    async fn answer<T>(&self, answer: T) -> Result<T, OnPurpose> {
        match self.mood {
            Mood::Fails => Err(OnPurpose),
            Mood::Hangs => pending().await,
            Mood::Panics => panic!("this panic is part of the test"),
            Mood::Well | Mood::PanicsAtOnce => Ok(answer),
        }
    }
}

impl Log for Prepared {
    type Viewer = ();
    type Error = OnPurpose;

    fn state(&self) -> impl Future<Output = Result<LogState, OnPurpose>> + Send {
        assert!(self.mood != Mood::PanicsAtOnce, "this panic is part of the test");
        self.answer(self.page.state.clone())
    }

    fn after(
        &self,
        _: i64,
        _: Option<&[Channel]>,
        _: usize,
    ) -> impl Future<Output = Result<Page, OnPurpose>> + Send {
        assert!(self.mood != Mood::PanicsAtOnce, "this panic is part of the test");
        self.answer(self.page.clone())
    }
}

fn state(oldest: i64, position: i64) -> LogState {
    LogState { id: "this".into(), oldest, position }
}

fn events(positions: &[i64]) -> Vec<Event> {
    positions.iter().map(|at| Event::new(*at, "a", "topic", Payload::null())).collect()
}

/// A page of these events that covers positions up to `through`, from a log that has every event
/// from `oldest` to `end`.
fn page(positions: &[i64], through: i64, oldest: i64, end: i64) -> Page {
    Page { events: events(positions), through, state: state(oldest, end) }
}

fn checked(page: Page, mood: Mood) -> Checked<Prepared> {
    let log = Arc::new(Prepared { page, mood });
    Checked { log, id: "this".into(), timeout: Duration::from_millis(10) }
}

/// The positions of a read of all channels, or its error.
async fn all(page: Page, after: i64, sent: i64) -> Result<Vec<i64>, String> {
    let page = checked(page, Mood::Well).all_after(after, sent, 5).await;
    let page = page.map_err(|error| error.to_string())?;
    Ok(page.events.iter().map(Event::position).collect())
}

/// The positions of a read of some channels, or its error; `None` if events were pruned.
async fn some(page: Page, after: i64, sent: i64) -> Result<Option<Vec<i64>>, String> {
    let page = checked(page, Mood::Well).some_after(after, sent, &["a".into()], 5).await;
    let page = page.map_err(|error| error.to_string())?;
    Ok(page.map(|page| page.events.iter().map(Event::position).collect()))
}

const REPLACED: &str =
    "the log was replaced or restored while the server was running; restart the server";

fn broken<T>(what: &str) -> Result<T, String> {
    Err(format!("the log is broken: {what}"))
}

#[actix::test]
async fn a_good_page_passes_as_it_is() {
    for (page, after, expected) in [
        (page(&[], 0, 1, 0), 0, vec![]),
        (page(&[1, 2, 3], 3, 1, 3), 0, vec![1, 2, 3]),
        (page(&[1, 2], 2, 1, 3), 0, vec![1, 2]),
        (page(&[3], 3, 1, 3), 2, vec![3]),
        (page(&[], 3, 1, 3), 3, vec![]),
        // Pruned up to the requested position, or completely.
        (page(&[4, 5], 5, 4, 5), 3, vec![4, 5]),
        (page(&[], 5, 6, 5), 5, vec![]),
    ] {
        assert_eq!(all(page.clone(), after, 0).await, Ok(expected.clone()), "{page:?}");
        assert_eq!(some(page, after, 0).await, Ok(Some(expected)));
    }
    // Some channels may have few events or none.
    assert_eq!(some(page(&[2, 5], 9, 1, 9), 0, 0).await, Ok(Some(vec![2, 5])));
    assert_eq!(some(page(&[], 9, 1, 9), 0, 0).await, Ok(Some(vec![])));
}

#[actix::test]
async fn a_page_out_of_order_is_a_fault() {
    for (page, after, what) in [
        (page(&[2, 1], 2, 1, 2), 0, "event 1 comes after event 2"),
        (page(&[1, 1], 2, 1, 2), 0, "event 1 comes after event 1"),
        (page(&[1, 2], 2, 1, 2), 1, "event 1 comes after event 1"),
        (page(&[-1], 2, 1, 2), 0, "event -1 comes after event 0"),
    ] {
        assert_eq!(all(page.clone(), after, 0).await, broken(what));
        assert_eq!(some(page, after, 0).await, broken(what));
    }
}

#[actix::test]
async fn a_page_that_covers_impossible_positions_is_a_fault() {
    for (page, after) in [
        // Covers positions beyond the end: with events and without, at the end and before it.
        (page(&[1, 2], 3, 1, 2), 0),
        (page(&[], i64::MAX, 1, 2), 2),
        (page(&[], 3, 1, 2), 2),
        (page(&[3], 3, 1, 2), 2),
        (page(&[3], 2, 1, 2), 2),
        // Covers less than it has.
        (page(&[1, 2], 1, 1, 2), 0),
        (page(&[], 0, 1, 2), 1),
        // Covers nothing, although the log has more.
        (page(&[], 0, 1, 2), 0),
        (page(&[], -1, 1, 2), 0),
        // The page of `Page::new` that ends early and has no event.
        (Page::new(state(1, 2), Vec::new(), true), 0),
        (Page::new(state(1, 2), Vec::new(), true), 1),
    ] {
        let told = all(page.clone(), after, 0).await;
        assert!(told.is_err_and(|told| told.starts_with("the log is broken: ")), "{page:?}");
        let told = some(page.clone(), after, 0).await;
        assert!(told.is_err_and(|told| told.starts_with("the log is broken: ")), "{page:?}");
    }
}

#[actix::test]
async fn a_page_of_all_channels_with_a_gap_is_a_fault() {
    for (page, missing) in [
        (page(&[2, 3], 3, 1, 3), 1),
        (page(&[1, 3], 3, 1, 3), 2),
        (page(&[1, 2], 3, 1, 3), 3),
        (page(&[], 3, 1, 3), 1),
    ] {
        assert_eq!(all(page, 0, 0).await, broken(&format!("event {missing} is missing")));
    }
}

#[actix::test]
async fn events_that_were_not_requested_are_a_fault() {
    let six = page(&[1, 2, 3, 4, 5, 6], 6, 1, 6);
    assert_eq!(all(six.clone(), 0, 0).await, broken("a page of at most 5 events has 6"));
    assert_eq!(some(six, 0, 0).await, broken("a page of at most 5 events has 6"));
    let mut other = page(&[1, 2], 2, 1, 2);
    other.events[1] = Event::new(2, "b", "topic", Payload::null());
    assert_eq!(all(other.clone(), 0, 0).await, Ok(vec![1, 2]), "all channels were requested");
    assert_eq!(some(other, 0, 0).await, broken("event 2 of b was not requested"));
}

#[actix::test]
async fn a_log_with_an_earlier_end_or_another_id_was_replaced() {
    let back = page(&[], 3, 1, 3);
    assert_eq!(all(back.clone(), 4, 4).await, Err(REPLACED.to_owned()));
    assert_eq!(some(back.clone(), 4, 4).await, Err(REPLACED.to_owned()));
    let told = checked(back.clone(), Mood::Well).state(4).await.map_err(|error| error.to_string());
    assert_eq!(told, Err(REPLACED.to_owned()));
    assert_eq!(all(back.clone(), 3, 3).await, Ok(vec![]), "the end has not moved");
    let mut other = back;
    other.state.id = "other".into();
    assert_eq!(all(other.clone(), 3, 3).await, Err(REPLACED.to_owned()));
    assert_eq!(some(other, 3, 3).await, Err(REPLACED.to_owned()));
}

#[actix::test]
async fn pruned_events_matter_only_to_readers_that_need_them() {
    let pruned = || page(&[4, 5], 5, 4, 5);
    let told = "events before 4 were deleted before they were sent";
    assert_eq!(all(pruned(), 2, 2).await, Err(told.to_owned()));
    assert_eq!(some(pruned(), 2, 2).await, Ok(None));
    assert_eq!(all(pruned(), 3, 3).await, Ok(vec![4, 5]));
    assert_eq!(some(pruned(), 3, 3).await, Ok(Some(vec![4, 5])));
    // Every event was pruned after it had been sent.
    assert_eq!(all(page(&[], 5, 6, 5), 5, 5).await, Ok(vec![]));
    assert_eq!(some(page(&[], 5, 6, 5), 4, 5).await, Ok(None));
}

#[actix::test]
async fn an_impossible_state_is_a_fault() {
    for (oldest, position) in [(0, 0), (1, -1), (2, 0), (4, 2), (-1, 3), (1, i64::MAX)] {
        let told = checked(page(&[], position, oldest, position), Mood::Well).state(0).await;
        assert!(matches!(told, Err(LogError::Broken(_))), "{oldest} {position}");
        let log = Prepared { page: page(&[], position, oldest, position), mood: Mood::Well };
        let opened = Checked::open(Arc::new(log), Duration::from_secs(1)).await;
        assert!(matches!(opened.err(), Some(LogError::Broken(_))), "{oldest} {position}");
    }
    for (oldest, position) in [(1, 0), (1, 1), (2, 1), (1, i64::MAX - 1)] {
        let told = checked(page(&[], position, oldest, position), Mood::Well).state(0).await;
        assert_eq!(told.ok(), Some(state(oldest, position)));
    }
}

#[actix::test]
async fn a_log_that_fails_hangs_or_panics_causes_an_error() {
    for (mood, expected) in [
        (Mood::Fails, "the log cannot be read: on purpose"),
        (Mood::Hangs, "reading the log took longer than 10ms"),
        (Mood::Panics, "reading the log panicked"),
        (Mood::PanicsAtOnce, "reading the log panicked"),
    ] {
        let log = checked(page(&[], 0, 1, 0), mood);
        let (all, some) =
            (log.all_after(0, 0, 5).await, log.some_after(0, 0, &["a".into()], 5).await);
        let opened = Checked::open(Arc::clone(&log.log), log.timeout).await;
        for told in [all.err(), some.err(), log.state(0).await.err(), opened.err()] {
            let told = told.expect("an error");
            assert_eq!(told.to_string(), expected);
            assert!(!told.is_final(), "the log may recover");
            assert!(LogError::<OnPurpose>::Replaced.is_final());
        }
    }
}
