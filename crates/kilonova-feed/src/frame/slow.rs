//! Slow shapes: an event is encoded once, on the blocking pool, before it reaches the sessions, and
//! only while a session uses the shape.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Framing, Shape, Shapes, WIRES};
use crate::Event;

/// Counts a session that uses a slow shape, until it is dropped.
pub(crate) struct Wanted {
    shapes: Arc<Shapes>,
    shape: Shape,
    framing: Framing,
}

impl Drop for Wanted {
    fn drop(&mut self) {
        if let Some(count) = self.shapes.count(self.shape, self.framing) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Shapes {
    fn count(&self, shape: Shape, framing: Framing) -> Option<&AtomicUsize> {
        self.custom(shape)?.wanted.as_ref()?.get(framing as usize)
    }

    /// Records that a session uses this shape; `None` if the shape is not slow. Call it before the
    /// session joins its channels: its thread must encode every event that nobody has prepared.
    pub(crate) fn want(self: &Arc<Shapes>, shape: Shape, framing: Framing) -> Option<Wanted> {
        self.count(shape, framing)?.fetch_add(1, Ordering::Relaxed);
        Some(Wanted { shapes: Arc::clone(self), shape, framing })
    }

    /// The slow shapes that sessions use.
    fn wanted(&self) -> Vec<(Shape, Framing)> {
        let all = (1..=self.0.len()).map(Shape);
        let all = all.flat_map(|shape| {
            const FRAMINGS: [Framing; WIRES] = [Framing::Text, Framing::Stream];
            FRAMINGS.map(|framing| (shape, framing))
        });
        let has = |(shape, framing): &(Shape, Framing)| {
            self.count(*shape, *framing).is_some_and(|count| count.load(Ordering::Relaxed) > 0)
        };
        all.filter(has).collect()
    }

    /// Encodes events that are about to go out, in the slow shapes that sessions use.
    pub(crate) async fn prepare(self: &Arc<Shapes>, events: &[Event]) {
        let wanted = self.wanted();
        if !wanted.is_empty() && !events.is_empty() {
            self.make(events.to_vec(), wanted).await;
        }
    }

    /// Encodes the events of a replay for one session.
    pub(crate) async fn prepare_for(
        self: Arc<Shapes>,
        events: Vec<Event>,
        shape: Shape,
        framing: Framing,
    ) {
        if !events.is_empty() {
            self.make(events, vec![(shape, framing)]).await;
        }
    }

    async fn make(self: &Arc<Shapes>, events: Vec<Event>, wanted: Vec<(Shape, Framing)>) {
        let shapes = Arc::clone(self);
        let made = tokio::task::spawn_blocking(move || {
            for event in &events {
                for (shape, framing) in &wanted {
                    // The envelope keeps the encoded frame.
                    drop(shapes.frame(event.envelope(), *shape, *framing));
                }
            }
        });
        if let Err(error) = made.await {
            // The sessions encode the missing frames, and end if that panics.
            log::error!("events were not encoded before they went out: {error}");
        }
    }
}
