//! A client that sends raw bytes, which a well-behaved client would not. It wraps the one of
//! `kilonova_test` for sites and [`Answer`]s.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use kilonova_test::raw::{self, Raw as Client};

use super::{Answer, Site, secrets};

/// A raw connection.
pub(crate) struct Raw(Client);

impl Raw {
    pub(crate) async fn connect(site: &Site) -> Raw {
        Raw::connect_to(address(site)).await
    }

    pub(crate) async fn connect_to(address: SocketAddr) -> Raw {
        Raw(Client::connect(address).await)
    }

    /// Connects and opens a WebSocket.
    pub(crate) async fn upgrade(site: &Site, path: &str) -> Raw {
        Raw::upgrade_to(address(site), path).await
    }

    /// Connects to a server that is not a `Site` and opens a WebSocket.
    pub(crate) async fn upgrade_to(address: SocketAddr, path: &str) -> Raw {
        Raw(Client::upgrade(address, path).await)
    }

    /// Sends a whole request, reads the response and hangs up.
    pub(crate) async fn request(
        mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.ask(method, path, headers, body).await
    }

    /// Sends a whole request and reads the response.
    pub(crate) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        secrets::sent(headers, body);
        own(self.0.ask(method, path, headers, body).await)
    }

    /// Reads a response; `None` if the server hangs up without one.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        self.0.answer().await.map(own)
    }
}

impl Deref for Raw {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}

impl DerefMut for Raw {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.0
    }
}

fn address(site: &Site) -> SocketAddr {
    ([127, 0, 0, 1], site.port).into()
}

fn own(answer: raw::Answer) -> Answer {
    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers() {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    let answer = Answer { status: answer.status, headers, body: answer.body.into() };
    secrets::received(&answer);
    answer
}
