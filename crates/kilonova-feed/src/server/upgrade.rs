//! Upgrade requests. Owns their responses and the handover of their connections.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use actix_codec::{Framed, FramedParts};
use actix_http::body::{self, BodySize, BoxBody, MessageBody};
use actix_http::h1::{Codec, Message};
use actix_http::{ConnectionType, HttpMessage, Request, Response, StatusCode};
use actix_service::Service;
use actix_web::Error;
use bytes::Bytes;
use tokio::io::AsyncWriteExt;

use crate::transport::{Activity, Connection, Upgradable, Upgrade};

/// The timeout of writing the response to an upgrade request.
const ANSWER: Duration = Duration::from_secs(30);

/// The largest response to an upgrade request, in bytes, unless it is 101.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;

/// Answers an upgrade request, and hands the connection over if the response is 101.
pub(super) async fn upgrade<S, B>(
    site: Rc<S>,
    request: Request,
    framed: Framed<Connection, Codec>,
) -> Result<(), Error>
where
    S: Service<Request>,
    S::Response: Into<Response<B>>,
    S::Error: Into<Error>,
    B: MessageBody + 'static,
{
    request.extensions_mut().insert(Upgradable);
    // Dropped when the response is written, or when the session owns the connection.
    let answering = request.conn_data::<Activity>().map(Activity::answer);
    let mut response: Response<BoxBody> = match site.call(request).await {
        Ok(response) => response.into().map_into_boxed_body(),
        Err(error) => refused(error).map_into_boxed_body(),
    };
    let upgrade = response.extensions_mut().remove::<Upgrade>();
    if upgrade.is_none() {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    // Buffered, because a response other than 101 is an error or a page. An endless one is refused.
    let (head, body) = response.into_parts();
    let answered = tokio::time::timeout(ANSWER, async {
        let body = body::to_bytes_limited(body, LARGEST_ANSWER).await;
        let body = body.map_err(|_| io::Error::other("the response is too large"))?;
        answer(framed, head, body.map_err(|error| io::Error::other(error.to_string()))?).await
    });
    let answered = answered.await;
    match answered.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(parts) => match upgrade {
            Some(upgrade) => upgrade.run(parts.io, parts.read_buf),
            None => {
                drop(answering);
                let mut connection = parts.io;
                connection.shutdown().await.unwrap_or_else(hung_up);
            }
        },
        Err(error) => hung_up(error),
    }
    Ok(())
}

/// Writes the complete response.
async fn answer(
    mut framed: Framed<Connection, Codec>,
    head: Response<()>,
    body: Bytes,
) -> io::Result<FramedParts<Connection, Codec>> {
    let size = match head.status() {
        StatusCode::SWITCHING_PROTOCOLS => BodySize::None,
        _ => BodySize::Sized(body.len() as u64),
    };
    let mut writing = Pin::new(&mut framed);
    writing.as_mut().write(Message::Item((head, size)))?;
    if size != BodySize::None {
        if !body.is_empty() {
            writing.as_mut().write(Message::Chunk(Some(body)))?;
        }
        writing.as_mut().write(Message::Chunk(None))?;
    }
    poll_fn(|cx| writing.as_mut().flush(cx)).await?;
    Ok(framed.into_parts())
}

/// Logs a client that leaves during a handshake, which is not a fault of the server.
fn hung_up(error: io::Error) {
    log::debug!("a client left before it got its response: {error}");
}

/// The response to a request that failed.
pub(super) fn refused(error: impl Into<Error>) -> Response<BoxBody> {
    error.into().error_response().into()
}
