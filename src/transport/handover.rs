//! Handing a connection over: what a handler leaves in its 101 for the server, which owns the
//! connection until the answer is written.

use actix_web::rt::net::TcpStream;
use actix_web::{HttpMessage, HttpRequest};
use bytes::BytesMut;

use super::{Connection, Held};

/// Marks a request whose connection can be handed over. Without it a 101 would go out on a
/// connection that goes on with HTTP.
#[derive(Clone, Copy, Debug)]
pub struct Upgradable;

impl Upgradable {
    /// True for a request that came marked.
    pub fn is(request: &HttpRequest) -> bool {
        request.extensions().contains::<Upgradable>()
    }
}

/// Takes the connection over, with what has been read of it behind the request.
pub struct Upgrade(Box<dyn FnOnce(TcpStream, Held, BytesMut)>);

impl Upgrade {
    /// Calls `run` when the answer is written.
    pub fn new(run: impl FnOnce(TcpStream, Held, BytesMut) + 'static) -> Upgrade {
        Upgrade(Box::new(run))
    }

    /// Hands the connection over.
    pub fn run(self, connection: Connection, read: BytesMut) {
        let (stream, held) = connection.into_parts();
        (self.0)(stream, held, read);
    }
}
