//! Handing a connection over: what a handler leaves in its 101 for the server, which owns the
//! connection until the answer is written.

use actix_web::rt::net::TcpStream;
use actix_web::{HttpMessage, HttpRequest};
use bytes::BytesMut;

use super::{Connection, Held, Stall};

/// Marks a request whose connection can be handed over. Without it a 101 would go out on a
/// connection that goes on with HTTP.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upgradable;

impl Upgradable {
    /// True for a request that came marked.
    pub(crate) fn is(request: &HttpRequest) -> bool {
        request.extensions().contains::<Upgradable>()
    }

    /// True for a request to a server that hands connections over, although not for this one.
    pub(crate) fn is_offered(request: &HttpRequest) -> bool {
        request.conn_data::<Stall>().is_some()
    }
}

/// Takes the connection over, with what has been read of it behind the request.
pub(crate) struct Upgrade(Box<dyn FnOnce(TcpStream, Held, BytesMut)>);

impl Upgrade {
    /// Calls `run` when the answer is written.
    pub(crate) fn new(run: impl FnOnce(TcpStream, Held, BytesMut) + 'static) -> Upgrade {
        Upgrade(Box::new(run))
    }

    /// Hands the connection over.
    pub(crate) fn run(self, connection: Connection, read: BytesMut) {
        let (stream, held) = connection.into_parts();
        (self.0)(stream, held, read);
    }
}
