//! The refusals of HTTP's own parser, which have no body: in the words of the API.

use bytes::{BufMut, Bytes, BytesMut};

/// The response to write instead of `response`, if that is a refusal of the parser. The caller knows
/// that no handler wrote it.
pub(super) fn reworded(response: &[u8]) -> Option<Bytes> {
    let (status, words) = match response.get(..13)? {
        b"HTTP/1.1 400 " => ("400 Bad Request", "the request is malformed"),
        b"HTTP/1.1 408 " => ("408 Request Timeout", "the request took too long"),
        b"HTTP/1.1 431 " => {
            ("431 Request Header Fields Too Large", "the request's head is too large")
        }
        _ => return None,
    };
    let body = format!("{{\"error\":\"{words}\"}}");
    let mut reworded = BytesMut::with_capacity(256);
    reworded.put_slice(
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{body}",
            body.len(),
        )
        .as_bytes(),
    );
    Some(reworded.freeze())
}
