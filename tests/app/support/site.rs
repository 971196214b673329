//! An application on a free port, in its own folder, with an HTTP client.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::rt::task::JoinHandle;
use actix_web::web::{Bytes, Data};
use awc::error::WsClientError;
use kilonova::app::{self, App};
use kilonova::config::{Cli, Command, Config};
use kilonova::connection::Database;
use kilonova::db::Db;
use kilonova::feed::Sockets;
use kilonova::pubsub::PubSub;
use kilonova::state::State;
use serde_json::Value;
use tokio::sync::Notify;

use super::{Answer, PATIENCE, Socket, secrets, within};
use crate::databases::Home;

/// The largest body and the largest frame that a test expects.
const LARGEST: usize = 64 * 1024 * 1024;

/// A running application. Its data is removed with it, also when a test fails.
pub(crate) struct Site {
    pub(crate) port: u16,
    /// The port of the listener for metrics and health, if there is one.
    pub(crate) admin_port: Option<u16>,
    state: Data<State>,
    client: awc::Client,
    stop: Arc<Notify>,
    serving: JoinHandle<Result<(), app::Error>>,
    home: Home,
}

impl Site {
    /// Starts an application with the flags' defaults.
    pub(crate) async fn start() -> Site {
        Site::start_with(|_| ()).await
    }

    /// Starts an application whose configuration `change` has modified.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Site {
        Site::start_in(Home::new(), change).await
    }

    /// Starts an application on the data of a stopped one.
    pub(crate) async fn start_in(home: Home, change: impl FnOnce(&mut Config)) -> Site {
        secrets::watch();
        let mut config = config(&home);
        change(&mut config);
        let app = App::build(config).await.unwrap();
        Site {
            port: app.port(),
            admin_port: app.admin_port(),
            state: app.state(),
            client: awc::Client::builder().timeout(PATIENCE).finish(),
            stop: app.stopper(),
            serving: actix_web::rt::spawn(app.run_until_stopped()),
            home,
        }
    }

    /// Asks the application to stop, as a signal would.
    pub(crate) fn begin_stop(&self) {
        self.stop.notify_one();
    }

    /// Stops the application, waits for its end and asserts that there was no error.
    pub(crate) async fn stop(self) {
        let home = self.stop_keeping_data().await;
        // On a busy machine a task may outlive the grace and still write.
        let removed = async {
            while std::fs::remove_dir_all(home.path()).is_err() && home.path().exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        within("the folder is removed", removed).await;
    }

    /// Stops the application in the same way, and keeps its data for another.
    pub(crate) async fn stop_keeping_data(self) -> Home {
        let Site { client, state, stop, serving, home, .. } = self;
        drop((client, state));
        stop.notify_one();
        within("the application stops", serving).await.unwrap().unwrap();
        home
    }

    /// The process groups, for messages that no request can cause.
    pub(crate) fn pubsub(&self) -> &PubSub {
        self.state.feed.pubsub()
    }

    /// The database, for operations that no request can cause.
    pub(crate) fn db(&self) -> &Db {
        &self.state.db
    }

    /// The address of the database, for another process to open.
    pub(crate) fn database(&self) -> Database {
        self.home.database()
    }

    /// The data, for another node to start on.
    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    /// The state that controllers work with.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// The live sockets.
    pub(crate) fn sockets(&self) -> &Sockets {
        self.state.feed.sockets()
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Bytes::new()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::POST, path, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::PUT, path, body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::PATCH, path, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], Bytes::new()).await
    }

    /// Posts a JSON body that `Value` cannot hold: malformed, with duplicate keys, or very large.
    pub(crate) async fn post_text(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        let json = [("content-type", "application/json")];
        self.send(Method::POST, path, &json, body.into()).await
    }

    async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        let json = [("content-type", "application/json")];
        self.send(method, path, &json, Bytes::from(body.to_string())).await
    }

    /// Sends any request on a separate connection, so that no open connection delays the stop.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Answer {
        secrets::sent(headers, &body);
        let mut request = self.client.request(method.clone(), self.url(path)).force_close();
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        let answer = async {
            let mut response =
                if body.is_empty() { request.send().await } else { request.send_body(body).await }
                    .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
            let body = response.body().limit(LARGEST).await.unwrap();
            Answer { status: response.status().as_u16(), headers: response.headers().clone(), body }
        };
        let answer = within("an answer", answer).await;
        secrets::received(&answer);
        answer
    }

    /// Opens a WebSocket and waits until it is open.
    pub(crate) async fn socket(&self, path: &str) -> Socket {
        self.try_socket(path).await.unwrap_or_else(|| panic!("{path} does not open"))
    }

    /// Opens a WebSocket; `None` if it is refused.
    async fn try_socket(&self, path: &str) -> Option<Socket> {
        let request = self.client.ws(self.url(path)).max_frame_size(LARGEST);
        match within("an answer to the handshake", request.connect()).await {
            Ok((_, frames)) => Some(Socket::new(frames)),
            Err(WsClientError::InvalidResponseStatus(_)) => None,
            Err(error) => panic!("{path}: {error}"),
        }
    }

    /// Opens a WebSocket as soon as a slot is free.
    pub(crate) async fn socket_in_time(&self, path: &str) -> Socket {
        let opened = async {
            loop {
                if let Some(socket) = self.try_socket(path).await {
                    break socket;
                }
            }
        };
        within("a slot is free", opened).await
    }

    /// The response to a WebSocket's handshake, which must be refused.
    pub(crate) async fn refused(&self, path: &str) -> Answer {
        let headers = [
            ("upgrade", "websocket"),
            ("connection", "upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        super::Raw::connect(self).await.request("GET", path, &headers, b"").await
    }

    /// Creates a post.
    pub(crate) async fn new_post(&self, title: &str) -> Value {
        let fields = serde_json::json!({"title": title, "body": "A body."});
        self.post("/api/posts", &fields).await.json(201)
    }

    /// Creates a comment.
    pub(crate) async fn new_comment(&self, post_id: i64, body: &str) -> Value {
        let path = format!("/api/posts/{post_id}/comments");
        self.post(&path, &serde_json::json!({"body": body})).await.json(201)
    }

    /// Creates a note.
    pub(crate) async fn new_note(&self, title: &str) -> Value {
        let fields = serde_json::json!({"title": title, "body": "A body.", "author": "Ada"});
        self.post("/api/notes", &fields).await.json(201)
    }

    /// Waits until all events so far have been sent, so that a socket opened later does not get
    /// them. Writes a note to find out.
    pub(crate) async fn settle(&self) {
        let mut witness = self.socket("/notifications").await;
        let note = self.new_note("Settled").await;
        while witness.next_json().await["data"] != note {}
        witness.close().await;
    }

    /// Panics if the server does not work any more.
    pub(crate) async fn assert_alive(&self) {
        let post = self.new_post("Still alive").await;
        let path = format!("/api/posts/{}", post["id"]);
        assert_eq!(self.get(&path).await.json(200), post);
    }
}

/// The flags' defaults, with a free port and this data.
fn config(home: &Home) -> Config {
    let flags = ["kilonova", "--bind", "127.0.0.1:0", "--workers", "1", "--data-dir"];
    let arguments = flags.map(OsString::from).into_iter().chain([home.path().into()]);
    let Command::Serve(args) = Cli::read(arguments).unwrap().into_command() else {
        panic!("not the command that serves")
    };
    let mut config = args.check().unwrap();
    config.storage.database = home.database();
    config.grace = Duration::from_secs(5);
    config
}
