//! The requests of the load generator, and the heads and bodies of the responses.

use std::time::Duration;

use super::Fault;

/// The key in RFC 6455's example, and the value that a server must derive from it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The header in which the peers state when a post took effect, in microseconds since the epoch.
/// Kilonova writes this to its log.
pub(crate) const STAMP: &str = "x-committed-at";

/// The request that opens a socket.
pub(crate) fn upgrade(host: &str) -> String {
    format!(
        "GET /notifications HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
}

/// The request that posts a note.
pub(crate) fn post(host: &str, json: &str) -> String {
    format!(
        "POST /api/notes HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{json}",
        json.len()
    )
}

/// Returns the length of the 101's head, or `None` if it is incomplete.
pub(crate) fn upgraded(bytes: &[u8]) -> Result<Option<usize>, Fault> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut headers);
    let Some(length) = parse(&mut head, bytes)? else { return Ok(None) };
    if head.code != Some(101) || header(&head, "sec-websocket-accept") != Some(ACCEPT) {
        return Err(refused(bytes));
    }
    Ok(Some(length))
}

/// A complete response to a post.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) length: usize,
    pub(crate) stamp: Option<Duration>,
}

/// Returns the first response in `bytes`, or `None` if it is incomplete. Any status but 201 is a
/// fault.
pub(crate) fn created(bytes: &[u8]) -> Result<Option<Answer>, Fault> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut headers);
    let Some(length) = parse(&mut head, bytes)? else { return Ok(None) };
    let number = |name| -> Option<u64> {
        header(&head, name).and_then(|value| str::from_utf8(value).ok()?.parse().ok())
    };
    let (Some(201), Some(body)) = (head.code, number("content-length")) else {
        return Err(refused(bytes));
    };
    let stamp = number(STAMP).map(Duration::from_micros);
    let length = usize::try_from(body).map_or(usize::MAX, |body| length.saturating_add(body));
    Ok((bytes.len() >= length).then_some(Answer { length, stamp }))
}

fn parse<'b>(
    head: &mut httparse::Response<'_, 'b>,
    bytes: &'b [u8],
) -> Result<Option<usize>, Fault> {
    match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => Ok(Some(length)),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(refused(bytes)),
    }
}

fn header<'b>(head: &httparse::Response<'_, 'b>, name: &str) -> Option<&'b [u8]> {
    let mut headers = head.headers.iter();
    headers.find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

fn refused(bytes: &[u8]) -> Fault {
    Fault::Refused(String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_when_its_body_is_there_and_only_with_201() {
        let text = "HTTP/1.1 201 Created\r\ncontent-length: 2\r\nx-committed-at: 1500000\r\n\r\n{}";
        for end in 0..text.len() {
            assert_eq!(created(&text.as_bytes()[..end]).unwrap(), None, "{end}");
        }
        let stamp = Some(Duration::from_millis(1500));
        assert_eq!(created(text.as_bytes()).unwrap(), Some(Answer { length: text.len(), stamp }));
        assert!(created(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").is_err());
    }
}
