//! A client that retries requests, because its server may be unavailable at any time.

use std::time::Duration;

use actix_web::http::Method;
use awc::Client as Http;
use serde_json::Value;

/// The pause between two attempts to reach an unavailable server.
const PAUSE: Duration = Duration::from_millis(3);

/// A client of whichever server listens on a port.
#[derive(Clone)]
pub(crate) struct Client {
    http: Http,
    pub(crate) port: u16,
}

/// A complete response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The `Last-Event-Id` header.
    pub(crate) position: Option<i64>,
    /// Whether it is the stored response to the same `Idempotency-Key`.
    pub(crate) replayed: bool,
    pub(crate) json: Value,
}

impl Client {
    pub(crate) fn new(port: u16) -> Client {
        Client::with(port, &[])
    }

    /// A client that sends these headers with every request.
    pub(crate) fn with(port: u16, headers: &[(&str, &str)]) -> Client {
        let builder = Http::builder().timeout(Duration::from_secs(20));
        let http = headers.iter().fold(builder, |http, header| http.add_default_header(*header));
        Client { http: http.finish(), port }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    /// Sends a request once. Returns `None` without a complete response, in which case the request
    /// may or may not have taken effect.
    pub(crate) async fn once(
        &self,
        method: &Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Option<Reply> {
        let mut request = self.http.request(method.clone(), self.url(path)).force_close();
        if let Some(key) = key {
            request = request.insert_header(("idempotency-key", key));
        }
        let sent = match body {
            Some(body) => request.send_json(body).await,
            None => request.send().await,
        };
        let mut response = sent.ok()?;
        let body = response.body().limit(64 * 1024 * 1024).await.ok()?;
        let header = |name| response.headers().get(name)?.to_str().ok();
        Some(Reply {
            status: response.status().as_u16(),
            position: header("last-event-id").and_then(|position| position.parse().ok()),
            replayed: header("idempotency-replayed").is_some(),
            json: serde_json::from_slice(&body).unwrap_or_default(),
        })
    }

    /// Sends a request until the response is neither a 503 nor a proxy's error. Also returns the
    /// number of attempts.
    pub(crate) async fn insist(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> (Reply, u32) {
        for tries in 1.. {
            match self.once(&method, path, key, body).await {
                Some(reply) if !matches!(reply.status, 502..=504) => return (reply, tries),
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
        unreachable!("it retries without limit")
    }

    /// The body of a GET, whose status must be 200.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (reply, _) = self.insist(Method::GET, path, None, None).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.json);
        reply.json
    }

    /// All pages of a list.
    pub(crate) async fn list(&self, path: &str, name: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}?limit=100{cursor}")).await;
            all.extend(page[name].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }

    /// The whole log after a position, of one channel or of all.
    pub(crate) async fn log(&self, mut after: i64, channel: Option<&str>) -> Vec<Value> {
        let channel = channel.map(|name| format!("&channel={name}")).unwrap_or_default();
        let mut all = Vec::new();
        loop {
            let page = self.get(&format!("/api/events?after={after}&limit=100{channel}")).await;
            let through = page["last_event_id"].as_i64().unwrap();
            all.extend(page["events"].as_array().unwrap().iter().cloned());
            if through == after {
                return all;
            }
            after = through;
        }
    }
}

/// The positions of events or frames.
pub(crate) fn positions(events: &[Value]) -> Vec<i64> {
    events.iter().map(|event| event["id"].as_i64().unwrap()).collect()
}
