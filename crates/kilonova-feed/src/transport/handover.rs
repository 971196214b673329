//! The handover of a connection: a handler leaves an [`Upgrade`] in its 101 for the server, which
//! owns the connection until the response is written.

use actix_web::rt::net::TcpStream;
use actix_web::{HttpMessage, HttpRequest};
use bytes::BytesMut;

use super::{Activity, Connection, Held};

/// Marks a request whose connection can be handed over. Without the mark, a 101 would go out on a
/// connection that stays with HTTP.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upgradable;

impl Upgradable {
    /// True for a marked request.
    pub(crate) fn is(request: &HttpRequest) -> bool {
        request.extensions().contains::<Upgradable>()
    }

    /// True for a request to a server that hands connections over, even if not for this request.
    pub(crate) fn is_offered(request: &HttpRequest) -> bool {
        request.conn_data::<Activity>().is_some()
    }
}

/// Takes the connection over, with the bytes that were read after the request.
pub(crate) struct Upgrade(Box<dyn FnOnce(TcpStream, Held, BytesMut)>);

impl Upgrade {
    /// Calls `run` when the response is written.
    pub(crate) fn new(run: impl FnOnce(TcpStream, Held, BytesMut) + 'static) -> Upgrade {
        Upgrade(Box::new(run))
    }

    /// Hands the connection over.
    pub(crate) fn run(self, connection: Connection, mut read: BytesMut) {
        let Some((stream, held, behind)) = connection.into_parts() else {
            log::error!("a connection is in use; it cannot be handed over");
            return;
        };
        read.extend_from_slice(&behind);
        (self.0)(stream, held, read);
    }
}
