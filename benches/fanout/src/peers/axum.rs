//! axum with tokio's broadcast channel, as in its examples and most programs: one task per socket,
//! which waits for the next frame and for the client.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::note::{self, NewNote};
use crate::Failure;
use crate::load::http::STAMP;

/// The number of frames that a socket may be behind.
const CAPACITY: usize = 1024;

struct App {
    frames: broadcast::Sender<Utf8Bytes>,
    /// The last id. It is locked while a frame is sent, so that frames go out in the order of their
    /// ids.
    last: Mutex<u64>,
}

/// Serves until it is killed, on one thread per core.
pub(crate) fn serve(address: SocketAddr) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let (frames, _) = broadcast::channel(CAPACITY);
        let router = Router::new()
            .route("/health/ready", get(|| async { "ready" }))
            .route("/api/notes", post(create))
            .route("/notifications", get(notifications))
            .with_state(Arc::new(App { frames, last: Mutex::new(0) }));
        // Without it, a frame would wait up to 40 ms for the acknowledgement of the previous one.
        let listener = TcpListener::bind(address).await?.tap_io(|stream| {
            drop(stream.set_nodelay(true));
        });
        Ok(axum::serve(listener, router).await?)
    })
}

async fn create(State(app): State<Arc<App>>, Json(new): Json<NewNote>) -> Response {
    let mut last = app.last.lock().unwrap_or_else(PoisonError::into_inner);
    let note = new.into_note(*last + 1);
    let Ok(frame) = note.frame() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    *last += 1;
    let stamp = note::stamp();
    // An error means that there are no receivers.
    drop(app.frames.send(frame.into()));
    drop(last);
    (StatusCode::CREATED, [(STAMP, stamp.to_string())], Json(note)).into_response()
}

async fn notifications(State(app): State<Arc<App>>, upgrade: WebSocketUpgrade) -> Response {
    // Subscribes before the 101, so that every later post arrives.
    let frames = app.frames.subscribe();
    upgrade.on_upgrade(|socket| forward(socket, frames))
}

async fn forward(mut socket: WebSocket, mut frames: broadcast::Receiver<Utf8Bytes>) {
    loop {
        tokio::select! {
            frame = frames.recv() => match frame {
                Ok(frame) => {
                    if socket.send(Message::Text(frame)).await.is_err() {
                        return;
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            message = socket.recv() => match message {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
        }
    }
}
