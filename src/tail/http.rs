//! Requests to the server: HTTP/1.1, one connection each, over TLS for https. Owns the timeouts and
//! the statuses after which a client reconnects.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::{Lost, Order};
use crate::VERSION;

/// The timeout from connecting to the head of the response.
const ANSWER: Duration = Duration::from_secs(15);

/// The most bytes read from an error's body.
const ERROR: usize = 4096;

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A client of one site, with one account's permissions.
pub(super) struct Client {
    site: Url,
    channels: Vec<String>,
    token: Option<String>,
}

/// The body of a response. Dropping it closes the connection.
pub(super) struct Body {
    rest: Incoming,
    connection: JoinHandle<()>,
}

impl Client {
    pub(super) fn new(order: &Order) -> Client {
        let token = order.token.as_ref().map(|token| token.0.clone());
        Client { site: order.site.clone(), channels: order.channels.clone(), token }
    }

    /// The id of the server's log, if the response names it.
    pub(super) async fn log_id(&self) -> Result<Option<String>, Lost> {
        let list = self.below("/api/posts", &[("limit", "1")]);
        let (response, _) = self.ask(Method::HEAD, &list, "application/json").await?;
        let id = response.headers().get("log-id").and_then(|id| id.to_str().ok());
        Ok(id.map(str::to_owned))
    }

    /// Opens the event stream after a position of this log, or live without one.
    pub(super) async fn open(
        &self,
        position: Option<i64>,
        log: Option<&str>,
    ) -> Result<Body, Lost> {
        let (channels, position) = (self.channels.join(","), position.map(|id| id.to_string()));
        let mut query = Vec::new();
        if !channels.is_empty() {
            query.push(("channels", channels.as_str()));
        }
        if let Some(position) = &position {
            query.push(("last_event_id", position));
            query.extend(log.map(|log| ("log", log)));
        }
        let feed = self.below("/feed", &query);
        let (response, connection) = self.ask(Method::GET, &feed, "text/event-stream").await?;
        let kind = response.headers().get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
        let is_stream = kind.starts_with(b"text/event-stream");
        let body = Body { rest: response.into_body(), connection };
        match is_stream {
            true => Ok(body),
            false => Err(Lost::Refused("it does not send an event stream".to_owned())),
        }
    }

    /// The URL of a path below the site's address.
    fn below(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.site.clone();
        url.set_path(&format!("{}{path}", self.site.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Sends a request; a response without a success status is an error.
    async fn ask(
        &self,
        method: Method,
        url: &Url,
        accept: &str,
    ) -> Result<(Response<Incoming>, JoinHandle<()>), Lost> {
        let answered = tokio::time::timeout(ANSWER, self.send(method, url, accept)).await;
        let (response, connection) = answered.unwrap_or_else(|_| {
            Err(Lost::Broken(format!("no answer within {} s", ANSWER.as_secs()), None))
        })?;
        if response.status().is_success() {
            return Ok((response, connection));
        }
        let error = tokio::time::timeout(ANSWER, refusal(response)).await;
        connection.abort();
        Err(error.unwrap_or_else(|_| Lost::Broken("no whole answer".to_owned(), None)))
    }

    async fn send(
        &self,
        method: Method,
        url: &Url,
        accept: &str,
    ) -> Result<(Response<Incoming>, JoinHandle<()>), Lost> {
        let broken = |error: &dyn std::fmt::Display| Lost::Broken(error.to_string(), None);
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, authority)
            .header(USER_AGENT, format!("kilonova/{VERSION}"))
            .header(ACCEPT, accept);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Empty::<Bytes>::new()).map_err(|error| broken(&error))?;
        let io = TokioIo::new(connect(url).await?);
        let (mut sender, connection) =
            http1::handshake(io).await.map_err(|error| broken(&error))?;
        // The body reports the same error.
        let driving = tokio::spawn(async move { drop(connection.await) });
        match sender.send_request(request).await {
            Ok(response) => Ok((response, driving)),
            Err(error) => {
                driving.abort();
                Err(broken(&format!("the server gave no valid answer: {error}")))
            }
        }
    }
}

impl Body {
    /// The next bytes.
    pub(super) async fn next(&mut self) -> Result<Bytes, Lost> {
        loop {
            let frame = match self.rest.frame().await {
                None => return Err(Lost::Broken("the server ended the stream".to_owned(), None)),
                Some(frame) => frame,
            };
            let frame = frame
                .map_err(|error| Lost::Broken(format!("the connection was lost: {error}"), None))?;
            if let Ok(bytes) = frame.into_data() {
                return Ok(bytes);
            }
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// The error for a response without a success status.
async fn refusal(response: Response<Incoming>) -> Lost {
    let status = response.status();
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    if status.is_redirection() {
        let to = text(LOCATION).unwrap_or("another address").to_owned();
        return Lost::Refused(format!("{status}; it redirects to {to}: pass that site's address"));
    }
    let wait = text(RETRY_AFTER).and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while bytes.len() < ERROR
        && let Some(Ok(frame)) = body.frame().await
    {
        bytes.extend_from_slice(frame.data_ref().map_or(&[], Bytes::as_ref));
    }
    let json = serde_json::from_slice::<Value>(&bytes).unwrap_or_default();
    let reason = match json["error"].as_str() {
        Some(error) => format!("{status}: {error}"),
        None => status.to_string(),
    };
    let may_pass = status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    match may_pass {
        true => Lost::Broken(reason, wait),
        false => Lost::Refused(reason),
    }
}

async fn connect(url: &Url) -> Result<Box<dyn Io>, Lost> {
    let broken = |reason: String| Lost::Broken(reason, None);
    let host = match url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => return Err(Lost::Refused("the address has no host".to_owned())),
    };
    let port = url.port_or_known_default().unwrap_or(80);
    let tcp = TcpStream::connect((host.as_str(), port));
    let tcp = tcp.await.map_err(|error| broken(format!("cannot connect: {error}")))?;
    if url.scheme() != "https" {
        return Ok(Box::new(tcp));
    }
    let name = ServerName::try_from(host).map_err(|error| Lost::Refused(error.to_string()))?;
    let tls = TlsConnector::from(Arc::new(trust()?)).connect(name, tcp).await;
    Ok(Box::new(tls.map_err(|error| broken(format!("TLS failed: {error}")))?))
}

/// Trusts the system's certificates, or those in `SSL_CERT_FILE`.
fn trust() -> Result<ClientConfig, Lost> {
    let mut roots = RootCertStore::empty();
    let (added, _) =
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        let reason = "there is no certificate to trust; install some, or name a file with \
                      SSL_CERT_FILE";
        return Err(Lost::Refused(reason.to_owned()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Lost::Refused(format!("TLS cannot be set up: {error}")))?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
