//! The indexer's work: reads the log, or the rows page by page, applies them and commits. Owns the
//! log lines, and the guarantee that the index's position never runs ahead of its content; leaves
//! the content of a page to `source`.

use std::time::{Duration, Instant};

use actix::prelude::*;
use kilonova_feed::Event;
use tantivy::TantivyError;

use super::{Counts, Indexer, Task};
use crate::db;
use crate::search::index::{Document, LogPosition};
use crate::search::query::Kind;
use crate::search::source::{self, Change, Rows, Walk};

/// The shortest time that a change waits to be committed in a batch.
pub(super) const COMMIT_AFTER: Duration = Duration::from_millis(300);
/// The longest such time. Within these limits, commits take up a tenth of the time.
const COMMIT_WITHIN: Duration = Duration::from_secs(3);
/// The delay before a failed read of the database or a failed subscription is retried.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Indexer {
    /// Follows the feed from the index's place, or reads the next rows.
    pub(super) fn go_on(&mut self, ctx: &mut Context<Indexer>) {
        match &self.task {
            Task::Follow(place) => {
                let place = place.clone();
                self.subscribe(&place, ctx);
            }
            Task::Rebuild { place, walk, .. } => {
                let (place, walk) = (place.clone(), *walk);
                let db = self.db.clone();
                // Read the place before any row: later changes are in the log after it.
                let read = async move {
                    db.read(move |c| {
                        let place = place.map_or_else(|| source::newest(c), Ok)?;
                        Ok::<_, db::Error>((place, walk.page(c)?))
                    })
                    .await
                };
                ctx.spawn(read.into_actor(self).map(|read, this, ctx| match read {
                    Ok((place, rows)) => match this.build(place, rows) {
                        Ok(()) => this.go_on(ctx),
                        Err(error) => this.fail(&error, ctx),
                    },
                    Err(error) => {
                        this.warn(format!(
                            "the indexer cannot read the database: {error}; retrying"
                        ));
                        ctx.run_later(RETRY_AFTER, |this, ctx| this.go_on(ctx));
                    }
                }));
            }
        }
    }

    /// Rebuilds the index from the rows, because the log does not lead from the index's place to
    /// the present.
    pub(super) fn start_over(&mut self, ctx: &mut Context<Indexer>) {
        let Task::Follow(place) = &self.task else { return };
        let foreign = place.log != self.feed.log_id();
        let reason = match foreign {
            true => "it belongs to another database",
            false if place.position > self.feed.sent() => "it is ahead of the database",
            false => "the log no longer reaches back to its position",
        };
        self.warn(format!("the search index cannot be used, {reason}; rebuilding it"));
        if let Some(subscription) = self.subscription.take() {
            ctx.cancel_future(subscription);
        }
        self.task = rebuild();
        self.uncommitted = None;
        self.index.clear();
        let searchable = (!foreign).then(|| self.index.searchable().clone());
        self.state.send_modify(|state| (state.searchable, state.position) = (searchable, None));
        self.go_on(ctx);
    }

    /// Adds a page of rows; after the last one the index is complete.
    fn build(&mut self, place: LogPosition, rows: Rows) -> Result<(), TantivyError> {
        for document in &rows.documents {
            self.index.add(document)?;
        }
        let Task::Rebuild { begun, place: noted, walk, counts } = &mut self.task else {
            return Ok(());
        };
        for document in &rows.documents {
            *match document.kind {
                Kind::Post => &mut counts.posts,
                Kind::Note => &mut counts.notes,
                Kind::Comment => &mut counts.comments,
            } += 1;
        }
        if let Some(next) = rows.next {
            (*noted, *walk) = (Some(place), next);
            return Ok(());
        }
        let Counts { posts, notes, comments } = counts;
        let line = format!(
            "Built the search index from {posts} posts, {notes} notes and {comments} comments \
             in {:.1?}",
            begun.elapsed()
        );
        log::info!("{line}");
        self.lines.keep(None, &line);
        self.task = Task::Follow(place);
        self.commit()
    }

    /// Applies an event.
    pub(super) fn apply(
        &mut self,
        event: &Event,
        ctx: &mut Context<Indexer>,
    ) -> Result<(), TantivyError> {
        let (channel, topic) = (event.channel().as_str(), event.topic());
        match source::change(channel, topic, event.audience(), event.payload().as_json()) {
            Ok(Change::Update(post))
                if post.kind == Kind::Post && !self.index.has_post(post.id)? =>
            {
                self.show(post, event.position(), 0, ctx);
                return Ok(());
            }
            Ok(change) => {
                self.announce(&change, event.position());
                self.change(change)?;
            }
            // A retry would not make it readable.
            Err(error) => {
                log::error!("the indexer cannot read event {} ({topic}): {error}", event.position())
            }
        }
        self.reach(event.position(), ctx)
    }

    /// Adds a post that has become readable, with its comments above the id `after`, then goes on
    /// with the log. The comments are read from the rows because their events are not repeated.
    ///
    /// The post is added last: a node that crashes before that starts with the same event again.
    fn show(&mut self, post: Document, position: i64, after: i64, ctx: &mut Context<Indexer>) {
        let (db, id) = (self.db.clone(), post.id);
        let read = async move {
            db.read(move |c| Ok::<_, db::Error>(source::comments(c, id, after)?)).await
        };
        // `wait` keeps other events from being applied before this one.
        ctx.wait(read.into_actor(self).map(move |read, this, ctx| match read {
            Ok((comments, are_last)) => {
                let last = comments.last().map_or(after, |comment| comment.id);
                let put = this.put(&comments).and_then(|()| match are_last {
                    true => {
                        let shown = Change::Update(post);
                        this.announce(&shown, position);
                        this.change(shown)?;
                        this.reach(position, ctx)
                    }
                    false => {
                        this.show(post, position, last, ctx);
                        Ok(())
                    }
                });
                put.unwrap_or_else(|error| this.fail(&error, ctx));
            }
            Err(error) => {
                this.warn(format!("the indexer cannot read the database: {error}; retrying"));
                // The new subscription begins with the same event.
                if let Some(subscription) = this.subscription.take() {
                    ctx.cancel_future(subscription);
                }
                ctx.run_later(RETRY_AFTER, |this, ctx| this.go_on(ctx));
            }
        }));
    }

    fn put(&mut self, documents: &[Document]) -> Result<(), TantivyError> {
        for document in documents {
            self.index.upsert(document)?;
        }
        if self.index.is_full() { self.commit() } else { Ok(()) }
    }

    /// Notes that the index reflects this position, and schedules the commit.
    pub(super) fn reach(
        &mut self,
        position: i64,
        ctx: &mut Context<Indexer>,
    ) -> Result<(), TantivyError> {
        let Task::Follow(place) = &mut self.task else { return Ok(()) };
        let moved = place.position != position;
        place.position = position;
        // Only the first update proves that the index belongs to this log.
        if self.state.borrow().position.is_none() {
            self.tell();
        }
        if !moved {
            return Ok(());
        }
        match self.uncommitted {
            None => {
                self.uncommitted = Some(Instant::now());
                ctx.run_later(self.commit_after, |this, ctx| this.commit_if_due(ctx));
                Ok(())
            }
            // A context's timers do not fire while its mailbox has messages.
            Some(since) if since.elapsed() > self.commit_after || self.index.is_full() => {
                self.commit()
            }
            Some(_) => Ok(()),
        }
    }

    /// Logs a warning and keeps its line.
    fn warn(&self, line: String) {
        log::warn!("{line}");
        self.lines.keep(None, &line);
    }

    /// Stops after a failed write: the next actor reopens the index as of its last commit, because
    /// the state of the writer is unknown.
    pub(super) fn fail(&self, error: &TantivyError, ctx: &mut Context<Indexer>) {
        let line = format!("the indexer cannot write the search index: {error}");
        log::error!("{line}");
        self.lines.keep(None, &line);
        ctx.stop();
    }

    /// Logs a change, once.
    fn announce(&mut self, change: &Change, position: i64) {
        if self.state.borrow().logged >= position {
            return;
        }
        self.state.send_if_modified(|state| {
            state.logged = position;
            false
        });
        let say = |about, line: String| {
            log::info!("{line}");
            self.lines.keep(about, &line);
        };
        if let Change::Delete(kind, id) | Change::Hide(kind, id) = change {
            self.lines.forget(*kind, *id);
        }
        match change {
            Change::New(Document { kind: Kind::Comment, id, post: Some(post), .. }) => {
                say(None, format!("Indexing new comment {id} on post {post}"));
            }
            Change::New(Document { kind, id, title, .. }) => {
                say(Some((*kind, *id)), format!("Indexing new {}: {title}", kind.as_str()));
            }
            Change::Update(Document { kind, id, .. }) => {
                log::debug!("Indexing {} {id} again", kind.as_str());
            }
            Change::Delete(kind, id) => {
                say(None, format!("Removing {} {id} from index", kind.as_str()));
            }
            Change::Hide(kind, id) => {
                log::debug!("Keeping {} {id} out of the index", kind.as_str());
            }
            Change::Nothing => {}
        }
    }

    fn change(&mut self, change: Change) -> Result<(), TantivyError> {
        match change {
            Change::New(document) | Change::Update(document) => self.index.upsert(&document),
            Change::Delete(kind, id) | Change::Hide(kind, id) => {
                self.index.delete(kind, id);
                Ok(())
            }
            Change::Nothing => Ok(()),
        }
    }

    fn commit_if_due(&mut self, ctx: &mut Context<Indexer>) {
        let Some(since) = self.uncommitted else { return };
        match self.commit_after.checked_sub(since.elapsed()) {
            // The change that set this timer is committed, and a newer one is not due yet.
            Some(rest) if !rest.is_zero() => {
                ctx.run_later(rest, |this, ctx| this.commit_if_due(ctx));
            }
            _ => self.commit().unwrap_or_else(|error| self.fail(&error, ctx)),
        }
    }

    /// Commits the applied changes. Blocks only the indexer's thread.
    pub(super) fn commit(&mut self) -> Result<(), TantivyError> {
        self.uncommitted = None;
        // An unfinished rebuild reflects no position.
        let Task::Follow(place) = &self.task else { return Ok(()) };
        let begun = Instant::now();
        self.index.commit(place)?;
        self.commit_after = (begun.elapsed() * 9).clamp(COMMIT_AFTER, COMMIT_WITHIN);
        self.tell();
        Ok(())
    }

    fn tell(&self) {
        if let Some(place) = self.index.position() {
            self.state.send_modify(|state| {
                state.searchable = Some(self.index.searchable().clone());
                state.position = Some(place.position);
            });
        }
    }
}

/// The task of rebuilding the index.
pub(super) fn rebuild() -> Task {
    let counts = Counts::default();
    Task::Rebuild { begun: Instant::now(), place: None, walk: Walk::START, counts }
}
