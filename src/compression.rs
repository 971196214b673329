//! Adjusts the headers of compressed responses: a compressed representation needs a different
//! entity tag, and caches must know what a response depends on. This middleware wraps the
//! compressor, so that it sees compressed responses.

use actix_web::HttpRequest;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    self, AcceptEncoding, Encoding, Header, HeaderMap, HeaderName, HeaderValue,
};
use actix_web::middleware::Next;

/// The encodings that responses may have, as written in entity tags.
const ENCODINGS: [&str; 4] = ["gzip", "br", "zstd", "deflate"];

/// Marks a response that depends on these request headers in addition to the encoding. The
/// compressor would replace a `Vary` header set directly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Varies(pub(crate) &'static str);

/// Gives a compressed response a separate entity tag, and sets `Vary`.
pub async fn label<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    // A client that accepts neither gets the plain response, which RFC 9110 prefers to an error.
    let takes = AcceptEncoding::parse(&request);
    let (plain, gzip) = (Encoding::identity(), Encoding::gzip());
    if takes.is_ok_and(|takes| takes.negotiate([&plain, &gzip].into_iter()).is_none()) {
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    let is_page = !request.path().starts_with("/api/");
    let mut response = next.call(request).await?;
    let varies = response.response().extensions().get::<Varies>().copied();
    let status = response.status();
    let headers = response.headers_mut();
    let encoding = headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    if let Some(encoding) = encoding.and_then(|encoding| {
        ENCODINGS.into_iter().find(|known| known.eq_ignore_ascii_case(encoding))
    }) && let Some(tag) = headers.get(header::ETAG).and_then(|tag| encoded(tag, encoding))
    {
        headers.insert(header::ETAG, tag);
    }
    // Uncompressed responses need it too: a cache must not serve them to clients that accept
    // compression.
    let depends = matches!(status, StatusCode::OK | StatusCode::NOT_MODIFIED);
    if depends
        && headers.get(header::CONTENT_ENCODING).is_none_or(|encoding| encoding != "identity")
    {
        add(headers, header::VARY, "accept-encoding");
    }
    if is_page && (status.is_client_error() || status.is_server_error()) {
        // A client that is not a browser gets the error as JSON.
        add(headers, header::VARY, "accept");
    }
    if let Some(Varies(on)) = varies {
        add(headers, header::VARY, on);
    }
    // `identity` only tells the compressor not to compress; clients do not need it.
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding == "identity") {
        headers.remove(header::CONTENT_ENCODING);
    }
    Ok(response)
}

/// Returns whether the client prefers gzip to the plain response.
pub(crate) fn wants_gzip(request: &HttpRequest) -> bool {
    let (plain, gzip) = (Encoding::identity(), Encoding::gzip());
    let takes = AcceptEncoding::parse(request).ok();
    takes.and_then(|takes| takes.negotiate([&plain, &gzip].into_iter())) == Some(gzip)
}

/// The tag of a compressed representation: `"…-gzip"`.
fn encoded(tag: &HeaderValue, encoding: &str) -> Option<HeaderValue> {
    let tag = tag.to_str().ok()?.strip_suffix('"')?;
    HeaderValue::from_str(&format!("{tag}-{encoding}\"")).ok()
}

/// Adds a word to a list header unless it is already there.
pub(crate) fn add(headers: &mut HeaderMap, name: HeaderName, word: &'static str) {
    let has = |value: &HeaderValue| {
        let words = value.to_str().unwrap_or("").split(',');
        words.map(str::trim).any(|known| known.eq_ignore_ascii_case(word))
    };
    if !headers.get_all(&name).any(has) {
        headers.append(name, HeaderValue::from_static(word));
    }
}

/// Returns the tag without the suffix for compression, so that tags of one version compare equal.
pub(crate) fn version(tag: &str) -> &str {
    let bare = tag.trim().trim_start_matches("W/");
    let Some(inner) = bare.strip_suffix('"') else { return bare };
    let end = |encoding: &str| inner.strip_suffix(encoding)?.strip_suffix('-');
    ENCODINGS.into_iter().find_map(end).unwrap_or(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_the_same_version_however_it_was_sent() {
        for tag in ["\"ab\"", " \"ab-gzip\"", "W/\"ab\"", "W/\"ab-br\" ", "\"ab-zstd\""] {
            assert_eq!(version(tag), "\"ab", "{tag}");
        }
        for other in ["\"abc\"", "\"ab-gzip-gzip\"", "\"a\"", "ab", ""] {
            assert_ne!(version(other), "\"ab", "{other}");
        }
    }
}
