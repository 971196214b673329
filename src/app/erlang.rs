//! Sends Erlang nodes the committed events of the shared channels, as everybody may see them. This
//! module owns the selection of events; the cluster owns the wire format.
//!
//! Members on the Erlang side forward these events to any browser, as the handlers of Nova's
//! articles do. They therefore receive only the events of posts and comments that an anonymous
//! visitor sees, and the notes that every account sees, because only accounts read notes.
//!
//! Each node sends only the events that it committed. All nodes of a cluster have all events in
//! their logs, so sending the relay's events would deliver each one once per node.

use kilonova_feed::{Event, Visibility};

use crate::access::{Audience, Viewer};
use crate::cluster::Erlang;
use crate::events::NOTES;
use crate::pubsub::Envelope;
use crate::site_log::visibility;

/// Sends events that this node committed to the Erlang nodes.
pub(super) fn tell(erlang: &Erlang, events: &[Event]) {
    for event in events.iter().filter(|event| erlang.shares(event.channel().as_str())) {
        if let Some(envelope) = shared(event) {
            erlang.broadcast(envelope);
        }
    }
}

/// The part of an event that is sent. It omits the position, which is only valid in this site's
/// log.
fn shared(event: &Event) -> Option<Envelope> {
    let of = |event: &Event| Envelope::new(event.channel(), event.topic(), event.payload().clone());
    let is_note = *event.channel() == NOTES;
    if is_note && Audience::parse(event.audience()) == Audience::Accounts {
        return Some(of(event));
    }
    match visibility(Viewer::Nobody, event) {
        Visibility::Whole => Some(of(event)),
        Visibility::Reduced(reduced) => Some(of(&reduced)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use kilonova_feed::{NewEvent, Subject};
    use serde_json::json;

    use super::*;

    fn event(channel: &str, audience: Audience) -> Event {
        let new = NewEvent::new(channel, "post_updated", &json!({"id": 3, "title": "secret"}));
        let new = new.unwrap().about(Subject::new("post", 3)).for_audience(audience.to_string());
        Event::committed(1, new, None)
    }

    fn told(channel: &str, audience: Audience) -> Option<(String, String)> {
        let envelope = shared(&event(channel, audience))?;
        assert_eq!(envelope.position(), None);
        Some((envelope.topic().to_owned(), envelope.payload().as_json().to_owned()))
    }

    #[test]
    fn erlang_hears_what_every_visitor_may_see() {
        let whole = told("posts", Audience::Public).unwrap();
        assert_eq!(whole.0, "post_updated");
        assert!(whole.1.contains("secret"));
        for hidden in [Audience::Draft(Some(1)), Audience::Held(None, Some(1)), Audience::Accounts]
        {
            assert_eq!(told("posts", hidden), None, "{hidden:?}");
        }
        let gone = told("posts", Audience::Withdrawn(Some(1))).unwrap();
        assert_eq!(gone, ("post_deleted".to_owned(), r#"{"id":3}"#.to_owned()));
    }

    #[test]
    fn erlang_hears_notes_that_every_account_may_read() {
        assert!(told("notes", Audience::Accounts).is_some());
        assert_eq!(told("notes", Audience::Draft(None)), None);
        assert_eq!(told("posts", Audience::Accounts), None);
    }
}
