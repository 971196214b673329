//! One reader for everything that a feed serves: a WebSocket, an event stream, a subscription.

use std::net::SocketAddr;

use kilonova_feed::{Event, Feed, StartAt, Subscription, Update};
use kilonova_test::raw::{Answer, Raw, masked, opcode};
use serde_json::Value;

use super::{Toy, Viewer};

/// An item that a reader gets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    Event(Said),
    Position(i64),
    Resync(i64),
    /// The end, with a WebSocket's code.
    End(Option<u16>),
}

/// An event, or a broadcast without an id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) id: Option<i64>,
    pub(crate) channel: String,
    pub(crate) topic: String,
    pub(crate) data: Value,
}

/// The transport of a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    WebSocket,
    Stream,
    Subscription,
}

pub(crate) const ALL: [Transport; 3] =
    [Transport::WebSocket, Transport::Stream, Transport::Subscription];

/// An open reader.
pub(crate) enum Reader {
    WebSocket(Raw),
    Stream(Raw),
    Subscription(Box<Subscription<Toy>>),
}

/// The options of a reader. Subscriptions have no ephemeral channels.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) channels: Vec<&'static str>,
    pub(crate) ephemeral: Vec<&'static str>,
    pub(crate) viewer: Viewer,
    pub(crate) start: StartAt,
    /// A grant, and the last revocation that was taken into account.
    pub(crate) grant: Option<(i64, i64)>,
    /// A channel to be present on, and the view.
    pub(crate) presence: Option<(&'static str, u8)>,
    /// True if the frames are in the custom shape.
    pub(crate) custom: bool,
}

impl Wish {
    pub(crate) fn new(channels: &[&'static str]) -> Wish {
        let (channels, ephemeral) = (channels.to_vec(), Vec::new());
        let (viewer, start) = (Viewer::Staff, StartAt::Now);
        Wish { channels, ephemeral, viewer, start, grant: None, presence: None, custom: false }
    }

    pub(crate) fn present(self, channel: &'static str, view: u8) -> Wish {
        Wish { presence: Some((channel, view)), ..self }
    }

    pub(crate) fn custom(self) -> Wish {
        Wish { custom: true, ..self }
    }

    pub(crate) fn after(self, position: i64) -> Wish {
        Wish { start: StartAt::after(position), ..self }
    }

    pub(crate) fn by(self, viewer: Viewer) -> Wish {
        Wish { viewer, ..self }
    }

    pub(crate) fn under(self, grant: i64, as_of: i64) -> Wish {
        Wish { grant: Some((grant, as_of)), ..self }
    }

    pub(crate) fn hearing(self, ephemeral: &[&'static str]) -> Wish {
        Wish { ephemeral: ephemeral.to_vec(), ..self }
    }

    /// The path that requests this from a `Site`.
    pub(crate) fn path(&self) -> String {
        let (channels, ephemeral) = (self.channels.join(","), self.ephemeral.join(","));
        let guest = self.viewer == Viewer::Guest;
        let mut path = format!("/feed?channels={channels}&ephemeral={ephemeral}&guest={guest}");
        if let StartAt::After { position, log } = &self.start {
            path += &format!("&last_event_id={position}");
            path += &log.as_ref().map(|log| format!("&log={log}")).unwrap_or_default();
        }
        if let Some((grant, as_of)) = self.grant {
            path += &format!("&grant={grant}&as_of={as_of}");
        }
        if let Some((channel, view)) = self.presence {
            path += &format!("&present={channel}&view={view}");
        }
        if self.custom {
            path += "&custom=true";
        }
        path
    }
}

impl Reader {
    /// Opens a reader. Returns a refusal as its status, or as 503 if it has none.
    pub(crate) async fn try_open(
        transport: Transport,
        address: SocketAddr,
        feed: &Feed<Toy>,
        wish: &Wish,
    ) -> Result<Reader, u16> {
        let status = |answer: Answer| answer.status;
        Ok(match transport {
            Transport::WebSocket => {
                Reader::WebSocket(Raw::try_upgrade(address, &wish.path()).await.map_err(status)?)
            }
            Transport::Stream => {
                Reader::Stream(Raw::try_stream(address, &wish.path()).await.map_err(status)?)
            }
            Transport::Subscription => {
                let (channels, start) = (wish.channels.iter().copied(), wish.start.clone());
                let subscription = feed.subscribe(channels, start, wish.viewer).await;
                Reader::Subscription(Box::new(subscription.map_err(|_| 503_u16)?))
            }
        })
    }

    /// The next item. Answers pings.
    pub(crate) async fn next(&mut self) -> Told {
        match self {
            Reader::WebSocket(raw) => loop {
                let Some(frame) = raw.frame().await else { return Told::End(None) };
                match frame.opcode {
                    opcode::TEXT => return of_text(&frame.payload),
                    opcode::CLOSE => {
                        raw.send(&masked(opcode::CLOSE, &[])).await;
                        return Told::End(frame.close_code());
                    }
                    opcode::PING => raw.send(&masked(opcode::PONG, &frame.payload)).await,
                    other => panic!("a frame of {other}"),
                }
            },
            Reader::Stream(raw) => loop {
                let Some(block) = raw.block().await else { return Told::End(None) };
                if let Some(told) = of_block(&block) {
                    return told;
                }
            },
            Reader::Subscription(subscription) => match super::soon(subscription.next()).await {
                Some(Update::Event(event)) => Told::Event(of_event(&event)),
                Some(Update::Position(position)) => Told::Position(position),
                Some(Update::Resync(position)) => Told::Resync(position),
                Some(other) => panic!("{other:?}"),
                None => Told::End(None),
            },
        }
    }

    /// The next event or broadcast. Skips positions.
    pub(crate) async fn event(&mut self) -> Said {
        let next = async {
            loop {
                match self.next().await {
                    Told::Event(said) => return said,
                    Told::Position(_) => {}
                    other => panic!("an event was expected: {other:?}"),
                }
            }
        };
        // Positions never stop, so the whole wait needs a timeout.
        super::soon(next).await
    }

    /// The ids of the next events.
    pub(crate) async fn ids(&mut self, count: usize) -> Vec<i64> {
        let mut ids = Vec::with_capacity(count);
        while ids.len() < count {
            ids.push(self.event().await.id.expect("an event of the log"));
        }
        ids
    }

    /// The next resync. Skips positions.
    pub(crate) async fn resync(&mut self) -> i64 {
        let next = async {
            loop {
                match self.next().await {
                    Told::Resync(position) => return position,
                    Told::Position(_) => {}
                    other => panic!("a resync was expected: {other:?}"),
                }
            }
        };
        // Positions never stop, so the whole wait needs a timeout.
        super::soon(next).await
    }

    /// The close code of the end, which must come next, except for positions.
    pub(crate) async fn end(&mut self) -> Option<u16> {
        let next = async {
            loop {
                match self.next().await {
                    Told::End(code) => return code,
                    Told::Position(_) => {}
                    other => panic!("an end was expected: {other:?}"),
                }
            }
        };
        // Positions never stop, so the whole wait needs a timeout.
        super::soon(next).await
    }
}

fn of_event(event: &Event) -> Said {
    Said {
        id: Some(event.position()),
        channel: event.channel().to_string(),
        topic: event.topic().to_owned(),
        data: serde_json::from_str(event.payload().as_json()).expect("JSON"),
    }
}

fn of_text(text: &[u8]) -> Told {
    let mut frame: Value = serde_json::from_slice(text).expect("JSON");
    let id = frame["id"].as_i64();
    let topic = frame["event"].as_str().expect("an event").to_owned();
    match (frame["channel"].as_str(), id) {
        (None, Some(id)) if topic == "position" => Told::Position(id),
        (None, Some(id)) if topic == "resync" => Told::Resync(id),
        (Some(channel), id) => {
            Told::Event(Said { id, channel: channel.to_owned(), topic, data: frame["data"].take() })
        }
        _ => panic!("an unexpected frame: {frame}"),
    }
}

fn of_block(block: &str) -> Option<Told> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    let id: Option<i64> = field("id: ").map(|id| id.parse().expect("a position"));
    match (field("data: "), id) {
        (Some(data), id) => {
            let told = of_text(data.as_bytes());
            if let Told::Event(said) = &told {
                assert_eq!((said.id, Some(said.topic.as_str())), (id, field("event: ")));
            }
            Some(told)
        }
        (None, Some(id)) => Some(Told::Position(id)),
        // A comment that keeps the connection alive.
        (None, None) => None,
    }
}
