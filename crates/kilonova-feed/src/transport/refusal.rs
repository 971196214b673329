//! Refusals without a handler, in the API's format: of connections, and as replacements for the
//! refusals of HTTP's own parser, which have no body.

use bytes::Bytes;

/// The response to write instead of `response`, if that is a refusal of the parser. The parser does
/// not report that the target was too long, so `has_long_target` does. The caller ensures that no
/// handler wrote `response`.
pub(super) fn reworded(response: &[u8], has_long_target: bool) -> Option<Bytes> {
    let (status, words) = match response.get(..13)? {
        b"HTTP/1.1 400 " if has_long_target => ("414 URI Too Long", "the target is too long"),
        b"HTTP/1.1 400 " => ("400 Bad Request", "the request is malformed"),
        b"HTTP/1.1 408 " => ("408 Request Timeout", "the request took too long"),
        b"HTTP/1.1 431 " => {
            ("431 Request Header Fields Too Large", "the request's head is too large")
        }
        _ => return None,
    };
    let body = format!("{{\"error\":\"{words}\"}}");
    Some(last(status, "X-Content-Type-Options: nosniff", &body))
}

/// The last response on a connection, with one header in addition to those of its JSON body.
pub(crate) fn last(status: &str, header: &str, json: &str) -> Bytes {
    let length = json.len();
    let response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         {header}\r\nConnection: close\r\n\r\n{json}"
    );
    response.into()
}
