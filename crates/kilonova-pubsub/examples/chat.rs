//! A chat with rooms: `cargo run --example chat [PORT]`, then open the address in two windows.
//!
//! A room is a channel and needs no list of rooms anywhere: it is there while somebody is in it.

use std::time::{Duration, Instant};

use actix::prelude::*;
use actix_web::http::header;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, error, web};
use actix_web_actors::ws;
use kilonova_pubsub::{Channel, Envelope, Lifeline, Payload, PubSub};
use serde::{Deserialize, Serialize};

const NAME_MAX: usize = 32;
const TEXT_MAX: usize = 1000;
/// A frame holds a text of four-byte characters; what is larger ends the connection.
const FRAME_MAX: usize = 4 * TEXT_MAX;
const HEARTBEAT: Duration = Duration::from_secs(20);
const SILENCE_MAX: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Entry {
    room: String,
    name: String,
}

/// What goes through the channel and, as it is, to the page, which shows it as text and never as HTML.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    text: &'a str,
}

/// One person's connection to one room.
struct Session {
    room: Channel,
    name: String,
    pubsub: PubSub,
    heard_from: Instant,
    lifeline: Option<Lifeline>,
}

impl Session {
    fn say(&self, topic: &str, text: &str, ctx: &mut ws::WebsocketContext<Session>) {
        let Ok(line) = Payload::encode(&Line { name: &self.name, text }) else {
            return;
        };
        if self.pubsub.try_broadcast(&self.room, topic, line).is_err() {
            ctx.text(r#"{"event":"unsent"}"#);
        }
    }

    fn close(code: ws::CloseCode, ctx: &mut ws::WebsocketContext<Session>) {
        ctx.close(Some(code.into()));
        ctx.stop();
    }
}

impl Actor for Session {
    type Context = ws::WebsocketContext<Session>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.lifeline = Some(self.pubsub.lifeline(ctx.address()));
        let (pubsub, room, me) = (self.pubsub.clone(), self.room.clone(), ctx.address());
        let join = async move { pubsub.join(room, me).await };
        // Nothing that the client says is handled before it is in the room.
        ctx.wait(join.into_actor(self).map(|joined, session, ctx| match joined {
            Ok(()) => session.say("entered", "", ctx),
            Err(_) => Session::close(ws::CloseCode::Away, ctx),
        }));
        ctx.run_interval(HEARTBEAT, |session, ctx| {
            if session.heard_from.elapsed() > SILENCE_MAX {
                ctx.stop();
            } else {
                ctx.ping(b"");
            }
        });
    }

    fn stopped(&mut self, ctx: &mut Self::Context) {
        self.say("left", "", ctx);
    }
}

impl Handler<Envelope> for Session {
    type Result = ();

    fn handle(&mut self, envelope: Envelope, ctx: &mut Self::Context) {
        if let Some(missed) = envelope.lagged() {
            ctx.text(format!(r#"{{"event":"lagged","data":{missed}}}"#));
            return;
        }
        // Encoded by the first session that comes here, and shared by all others of the room.
        let frame = envelope.encoded(0, |envelope| {
            let (event, data) = (envelope.topic(), envelope.payload().as_json());
            format!(r#"{{"event":"{event}","data":{data}}}"#)
        });
        if let Ok(frame) = frame.try_into() {
            ctx.write_raw(ws::Message::Text(frame));
        }
    }
}

impl StreamHandler<Result<ws::Message, ws::ProtocolError>> for Session {
    fn handle(&mut self, message: Result<ws::Message, ws::ProtocolError>, ctx: &mut Self::Context) {
        self.heard_from = Instant::now();
        match message {
            Ok(ws::Message::Text(text)) => match tidy(&text, TEXT_MAX) {
                Some(text) => self.say("said", text, ctx),
                None => ctx.text(r#"{"event":"unsent"}"#),
            },
            Ok(ws::Message::Ping(bytes)) => ctx.pong(&bytes),
            Ok(ws::Message::Close(_)) => Session::close(ws::CloseCode::Normal, ctx),
            Err(ws::ProtocolError::Overflow) => Session::close(ws::CloseCode::Size, ctx),
            Err(_) => Session::close(ws::CloseCode::Protocol, ctx),
            Ok(_) => {}
        }
    }
}

/// The text without white space around it, unless that leaves nothing, or more than `max` characters.
fn tidy(text: &str, max: usize) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty() && text.chars().count() <= max).then_some(text)
}

/// Whether the request comes from this site's own page, or from something that is no browser.
fn same_origin(request: &HttpRequest) -> bool {
    let Some(origin) = request.headers().get(header::ORIGIN) else {
        return true;
    };
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    origin.to_str().is_ok_and(|origin| origin.split_once("://").map(|(_, host)| host) == host)
}

async fn enter(
    request: HttpRequest,
    stream: web::Payload,
    entry: web::Query<Entry>,
    pubsub: web::Data<PubSub>,
) -> actix_web::Result<HttpResponse> {
    if !same_origin(&request) {
        return Err(error::ErrorForbidden("another site's page cannot chat here"));
    }
    let (Some(room), Some(name)) = (tidy(&entry.room, NAME_MAX), tidy(&entry.name, NAME_MAX))
    else {
        return Err(error::ErrorBadRequest("room and name need 1 to 32 characters"));
    };
    let session = Session {
        room: room.into(),
        name: name.to_owned(),
        pubsub: pubsub.get_ref().clone(),
        heard_from: Instant::now(),
        lifeline: None,
    };
    ws::WsResponseBuilder::new(session, &request, stream).frame_size(FRAME_MAX).start()
}

async fn page() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(PAGE)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
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
  let socket;
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
      if (event === "said") add(`${data.name}: ${data.text}`);
      else if (event === "lagged") add(`${data} messages were missed.`, true);
      else if (event === "unsent") add("That was not sent: it is empty, too long, or the chat is overloaded.", true);
      else add(`${data.name} ${event}.`, true);
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
