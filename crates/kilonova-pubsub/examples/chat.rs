//! A chat with rooms that show who is present: run `cargo run --example chat --features actix-web
//! [PORT]`, then open the address in two windows.
//!
//! A room is a channel, so no list of rooms is needed: a room exists while someone is in it. The
//! metadata that members join with says who is present. No actor is needed: each connection is one
//! task with a `Subscription` for messages and a `Monitor` for people who enter and leave.

use std::error::Error;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, error, web};
use actix_ws::{CloseCode, Closed, Message, MessageStream, ProtocolError, Session};
use kilonova_pubsub::{Change, Channel, Envelope, Member, Monitor, Payload, PubSub, Subscription};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, interval};

const NAME_MAX: usize = 32;
const TEXT_MAX: usize = 1000;
/// A frame has room for a text of four-byte characters. A larger frame ends the connection.
const FRAME_MAX: usize = 4 * TEXT_MAX;
const HEARTBEAT: Duration = Duration::from_secs(20);
const SILENCE_MAX: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Entry {
    room: String,
    name: String,
}

/// One person's connection to one room.
struct Visit {
    room: Channel,
    name: String,
    pubsub: PubSub,
    inbox: Subscription,
    presence: Monitor,
    session: Session,
    heard_from: Instant,
}

async fn enter(
    request: HttpRequest,
    body: web::Payload,
    entry: web::Query<Entry>,
    pubsub: web::Data<PubSub>,
) -> actix_web::Result<HttpResponse> {
    if !same_origin(&request) {
        return Err(error::ErrorForbidden("another site's page cannot use this chat"));
    }
    let (Some(room), Some(name)) = (tidy(&entry.room, NAME_MAX), tidy(&entry.name, NAME_MAX))
    else {
        return Err(error::ErrorBadRequest("room and name need 1 to 32 characters"));
    };
    // With the feature `actix-web`, these errors convert into 503 responses.
    let inbox = pubsub.subscribe_as([room], json!({ "name": name }).into()).await?;
    let presence = pubsub.monitor(room).await?;
    let (response, session, messages) = actix_ws::handle(&request, body)?;
    let visit = Visit {
        room: room.into(),
        name: name.to_owned(),
        pubsub: pubsub.get_ref().clone(),
        inbox,
        presence,
        session,
        heard_from: Instant::now(),
    };
    actix_web::rt::spawn(visit.last(messages.max_frame_size(FRAME_MAX)));
    Ok(response)
}

impl Visit {
    /// Runs until either side closes. At the end the inbox is dropped, which leaves the room.
    async fn last(mut self, mut messages: MessageStream) {
        let code = self.converse(&mut messages).await.unwrap_or(CloseCode::Away);
        self.session.close(Some(code.into())).await.ok();
    }

    async fn converse(&mut self, messages: &mut MessageStream) -> Result<CloseCode, Closed> {
        let here: Vec<_> = self.presence.members().iter().map(name).collect();
        self.session.text(json!({ "event": "here", "data": here }).to_string()).await?;
        let mut heartbeat = interval(HEARTBEAT);
        loop {
            tokio::select! {
                message = messages.recv() => {
                    self.heard_from = Instant::now();
                    match message {
                        Some(Ok(Message::Text(text))) => self.say(&text).await?,
                        Some(Ok(Message::Ping(bytes))) => self.session.pong(&bytes).await?,
                        Some(Ok(Message::Close(_))) => return Ok(CloseCode::Normal),
                        Some(Ok(_)) => {}
                        Some(Err(ProtocolError::Overflow)) => return Ok(CloseCode::Size),
                        Some(Err(_)) => return Ok(CloseCode::Protocol),
                        None => return Err(Closed),
                    }
                }
                envelope = self.inbox.next() => {
                    let Some(envelope) = envelope else { return Ok(CloseCode::Restart) };
                    self.pass_on(&envelope).await?;
                }
                change = self.presence.next() => {
                    let frame = match change {
                        Some(Change::Joined(member)) => frame("entered", name(&member)),
                        Some(Change::Left(member)) => frame("left", name(&member)),
                        Some(_) => continue,
                        // More than 1,024 changes were unread. The page reconnects.
                        None => return Ok(CloseCode::Again),
                    };
                    self.session.text(frame).await?;
                }
                _ = heartbeat.tick() => {
                    if self.heard_from.elapsed() > SILENCE_MAX {
                        return Err(Closed);
                    }
                    self.session.ping(b"").await?;
                }
            }
        }
    }

    /// Sends a text to everyone in the room, including this connection.
    async fn say(&mut self, text: &str) -> Result<(), Closed> {
        let sent = match tidy(text, TEXT_MAX) {
            Some(text) => {
                let line = Payload::from(json!({ "name": self.name, "text": text }));
                self.pubsub.broadcast(&self.room, "said", line).await.is_ok()
            }
            None => false,
        };
        if sent { Ok(()) } else { self.session.text(frame("unsent", Value::Null)).await }
    }

    async fn pass_on(&mut self, envelope: &Envelope) -> Result<(), Closed> {
        if let Some(missed) = envelope.lagged() {
            return self.session.text(frame("lagged", missed.into())).await;
        }
        // The first connection that gets here encodes the frame; all others in the room share it.
        let frame = envelope.encoded(0, |envelope| {
            let (event, data) = (envelope.topic(), envelope.payload().as_json());
            format!(r#"{{"event":"{event}","data":{data}}}"#)
        });
        match std::str::from_utf8(&frame) {
            Ok(frame) => self.session.text(frame).await,
            Err(_) => Ok(()),
        }
    }
}

fn name(member: &Member) -> Value {
    member
        .meta()
        .and_then(|meta| Value::try_from(meta).ok())
        .map_or(Value::Null, |mut meta| meta["name"].take())
}

fn frame(event: &str, data: Value) -> String {
    json!({ "event": event, "data": data }).to_string()
}

/// The text without surrounding white space; `None` if that is empty or longer than `max`
/// characters.
fn tidy(text: &str, max: usize) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty() && text.chars().count() <= max).then_some(text)
}

/// Whether the request comes from this site's own page, or from a client that is not a browser.
fn same_origin(request: &HttpRequest) -> bool {
    let Some(origin) = request.headers().get(header::ORIGIN) else {
        return true;
    };
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    origin.to_str().is_ok_and(|origin| origin.split_once("://").map(|(_, host)| host) == host)
}

async fn page() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(PAGE)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = std::env::args().nth(1).as_deref().unwrap_or("8080").parse()?;
    let pubsub = web::Data::new(PubSub::start("chat"));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(pubsub.clone())
            .route("/", web::get().to(page))
            .route("/ws", web::get().to(enter))
    })
    .bind(("127.0.0.1", port))?;
    for address in server.addrs() {
        eprintln!("chatting on http://{address}/");
    }
    server.run().await?;
    Ok(())
}

const PAGE: &str = r##"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Chat</title>
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 1rem auto; padding: 0 1rem }
  ol { list-style: none; padding: 0; min-height: 12rem; overflow-wrap: anywhere }
  .note { color: #666; font-style: italic }
  form { display: flex; gap: .5rem; flex-wrap: wrap }
  #text { flex: 1 }
</style>
<h1>Chat</h1>
<form id="entry">
  <label>Room <input id="room" required maxlength="32" value="lobby"></label>
  <label>Name <input id="name" required maxlength="32" autofocus></label>
  <button>Enter</button>
</form>
<p>Here: <span id="here"></span></p>
<ol id="lines" role="log" aria-live="polite"></ol>
<form id="speech" hidden>
  <input id="text" aria-label="Text" required maxlength="1000" autocomplete="off">
  <button>Say</button>
</form>
<script>
  const by = id => document.getElementById(id);
  const add = (text, note) => {
    const line = document.createElement("li");
    line.textContent = text;
    if (note) line.className = "note";
    by("lines").append(line);
    if (by("lines").children.length > 500) by("lines").firstChild.remove();
    line.scrollIntoView();
  };
  let socket, here = [];
  by("entry").onsubmit = event => {
    event.preventDefault();
    if (socket) { socket.onclose = null; socket.close(); }
    by("lines").replaceChildren();
    const query = new URLSearchParams({ room: by("room").value, name: by("name").value });
    socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws?${query}`);
    socket.onopen = () => { by("speech").hidden = false; by("text").focus(); };
    socket.onclose = () => { by("speech").hidden = true; add("The connection is closed: enter again.", true); };
    socket.onmessage = ({ data: frame }) => {
      const { event, data } = JSON.parse(frame);
      if (event === "here") here = data;
      else if (event === "entered") here.push(data);
      else if (event === "left") here.splice(here.indexOf(data), 1);
      by("here").textContent = here.join(", ");
      if (event === "here") return;
      if (event === "said") add(`${data.name}: ${data.text}`);
      else if (event === "lagged") add(`${data} messages were missed.`, true);
      else if (event === "unsent") add("That was not sent: it is empty, too long, or the chat is overloaded.", true);
      else add(`${data} ${event}.`, true);
    };
  };
  by("speech").onsubmit = event => {
    event.preventDefault();
    socket.send(by("text").value);
    by("text").value = "";
  };
</script>
</html>
"##;
