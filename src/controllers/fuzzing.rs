//! Fuzz targets for the parts of requests: query strings, credentials, preconditions, keys, bodies.

use std::collections::BTreeSet;

use actix_web::HttpRequest;
use actix_web::http::Uri;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::test::TestRequest;
use ammonia::Url;
use serde_json::Value;

use super::account::credential;
use super::idempotency::Once;
use super::pages::accounts::local;
use super::request::{Query, parse_id};
use super::{body, cookies, live, respond};
use crate::changeset::{Errors, Params, is_blank};
use crate::models::comment::{CommentChanges, NewComment, new_state};
use crate::models::note::{NewNote, NoteChanges};
use crate::models::post::{NewPost, PostChanges};
use crate::models::sign_in::Credential;
use crate::models::user::{Credentials, NewUser, is_reserved};
use crate::reach::fuzzing::headers;
use crate::reach::{PublicUrl, Reach};

/// The most values in a body.
const MAX_VALUES: usize = 1000;

/// A request with this target and the headers of these lines.
fn request(target: &str, lines: &[u8]) -> HttpRequest {
    let mut request = TestRequest::with_uri(target);
    for header in &headers(lines) {
        request = request.append_header(header);
    }
    request.to_http_request()
}

/// A query string, and the parameters that all lists read from it.
pub fn query_string(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let target = format!("/?{text}");
    if target.parse::<Uri>().is_err() {
        return;
    }
    let Ok(query) = Query::of(&request(&target, b"")) else { return };
    let names = ["after", "cursor", "limit", "status", "tag"];
    let is_known = query.only(&names).is_ok();
    let Ok(query) = Query::of(&request(&target, b"")) else { return };
    if let Ok(Some(position)) = query.position("after") {
        assert!(position >= 0);
    }
    if let Ok(limit) = query.limit() {
        assert!((1..=100).contains(&limit), "{limit} rows");
    }
    if let Ok(Some(cursor)) = query.cursor() {
        assert_eq!(query.get("cursor"), Some(&*cursor.to_string()));
    }
    if let Ok(Some(tag)) = query.parse::<String>("tag") {
        assert!(!tag.contains('\0'), "no database takes it");
    }
    if let Some(id) = query.get("id").and_then(parse_id) {
        assert!(!is_known && id > 0);
        assert_eq!(query.get("id"), Some(&*id.to_string()));
    }
}

/// The headers with a request's credentials.
pub fn credentials(bytes: &[u8]) {
    let https = PublicUrl::parse("https://a.example");
    let below = PublicUrl::parse("https://a.example/blog");
    let request = request("/", bytes);
    let told = |name, text: &str| {
        let values = request.headers().get_all(name);
        let mut values = values.map(|value| String::from_utf8_lossy(value.as_bytes()));
        values.any(|value| value.contains(text))
    };
    for (public, name) in [
        (None, "kilonova_session"),
        (https, "__Host-kilonova_session"),
        (below, "__Secure-kilonova_session"),
    ] {
        let reach = Reach { public, ..Reach::default() };
        let cookie = cookies::sign_in(&reach, &request);
        if let Some(Credential::Cookie(token)) = &cookie {
            assert!(told(header::COOKIE, &format!("{name}={}", token.secret())), "{name}");
        }
        match credential(&reach, &request) {
            Ok(Some(Credential::Bearer(token))) => {
                assert!(told(header::AUTHORIZATION, &token.bearer()));
            }
            Ok(other) => assert_eq!(other, cookie),
            Err(_) => assert!(request.headers().contains_key(header::AUTHORIZATION)),
        }
        let own = format!("{name}={}", "0a".repeat(32));
        let others = request.headers().get_all(header::COOKIE).map(HeaderValue::as_bytes);
        let joined = others.chain([own.as_bytes()]).collect::<Vec<_>>().join(b"; ".as_slice());
        let Ok(joined) = HeaderValue::from_bytes(&joined) else { continue };
        let request = TestRequest::default().insert_header((header::COOKIE, joined));
        let cookie = cookies::sign_in(&reach, &request.to_http_request());
        assert!(cookie.is_some(), "other cookies hide the site's own");
    }
}

/// An `Idempotency-Key` in the first line, and the body after it.
pub fn idempotency_key(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let Ok(value) = HeaderValue::from_bytes(&bytes[..end]) else { return };
    let Ok(params) = body::parse_json(&bytes[end..], MAX_VALUES) else { return };
    let request = TestRequest::with_uri("/api/posts").insert_header(("idempotency-key", value));
    let request = request.to_http_request();
    let Ok(Once { key, .. }) = Once::of(&request, None, &params) else { return };
    let key = key.unwrap_or_else(|| panic!("the key is ignored"));
    assert!((1..=255).contains(&key.key.len()) && key.key.is_ascii());
    let mut others = params;
    others.insert("title".to_owned(), Value::from(key.fingerprint.as_str()));
    let Ok(Once { key: other, .. }) = Once::of(&request, None, &others) else { return };
    assert_ne!(other.map(|key| key.fingerprint), Some(key.fingerprint), "another request");
}

/// An `If-Match` with several values, one per line.
pub fn preconditions(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(header::IF_MATCH, value);
        }
    }
    let etag = respond::etag("{}");
    let matching = respond::matching(&headers, header::IF_MATCH, &etag);
    assert_eq!(matching.is_none(), headers.is_empty());
    if let Some(Some(tag)) = matching {
        assert!(tag == "*" || tag.contains(etag.trim_matches('"')), "{tag} is another version");
        assert!(!tag.starts_with("W/"), "{tag} is weak");
    }
    let others = headers.get_all(header::IF_MATCH).map(HeaderValue::as_bytes);
    let others = others.collect::<Vec<_>>().join(&b',');
    for known in [etag.clone(), etag.replace("e\"", "e-gzip\"")] {
        let joined = [&others, b", ".as_slice(), known.as_bytes()].concat();
        let Ok(value) = HeaderValue::from_bytes(&joined) else { continue };
        let mut headers = headers.clone();
        headers.insert(header::IF_MATCH, value);
        let matching = respond::matching(&headers, header::IF_MATCH, &etag);
        assert!(matches!(matching, Some(Some(_))), "other tags hide {known}");
    }
}

/// The channels of a socket.
pub fn channels(bytes: &[u8]) {
    let Ok(names) = std::str::from_utf8(bytes) else { return };
    let Ok(channels) = live::channels(names, 4, true) else { return };
    assert!((1..=4).contains(&channels.len()));
    let asked: BTreeSet<_> = names.split(',').collect();
    let given: BTreeSet<_> = channels.iter().map(|channel| channel.as_str()).collect();
    assert_eq!(asked, given);
    assert_eq!(given.len(), channels.len(), "a channel comes twice");
    let presences = given.iter().filter(|name| name.starts_with("presence_")).count();
    assert!(presences <= 1, "a socket is present at {presences} posts");
}

/// The path at which a browser continues after it has signed in: a page of this site.
pub fn return_to(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(path) = local(text) else { return };
    let Ok(base) = Url::parse("https://a.example/login") else { return };
    let led = base.join(&path).map(|url| url.origin().ascii_serialization());
    assert_eq!(led.as_deref(), Ok("https://a.example"), "{path}");
}

/// A JSON body, validated by each changeset.
pub fn json_body(bytes: &[u8]) {
    let Ok(params) = body::parse_json(bytes, MAX_VALUES) else { return };
    let mut left = MAX_VALUES;
    params.values().for_each(|value| count(value, 1, &mut left));
    // `serde_json` reserves one key for itself.
    if !params.keys().any(|key| key.starts_with("$serde_json")) {
        let expected = serde_json::from_slice::<Value>(bytes).ok();
        let is_flat = params.values().all(|value| !value.is_object() && !value.is_array());
        assert!(!is_flat || expected == Some(Value::Object(params.clone())));
    }
    changesets(&params);
}

fn count(value: &Value, depth: usize, left: &mut usize) {
    assert!(depth <= 8 && *left > 0, "too deep or too many");
    *left -= 1;
    match value {
        Value::Array(values) => values.iter().for_each(|value| count(value, depth + 1, left)),
        Value::Object(fields) => {
            fields.values().for_each(|value| count(value, depth + 1, left));
        }
        _ => {}
    }
}

/// The body of a form, validated by each changeset.
pub fn form_body(bytes: &[u8]) {
    let Ok(params) = body::parse_form(bytes, MAX_VALUES) else { return };
    assert!(params.len() <= MAX_VALUES);
    assert!(params.values().all(Value::is_string));
    changesets(&params);
}

fn changesets(params: &Params) {
    let now = chrono::NaiveDateTime::default();
    if let Some(post) = told(NewPost::changeset(params, now)) {
        let characters = post.title.chars().count();
        assert!(characters >= 3 && !post.title.contains(char::is_control), "{:?}", post.title);
        assert!(!is_blank(&post.body) && post.body.len() <= 1024 * 1024);
        assert!(!post.body.contains('\0'), "no database takes it");
        assert!(post.tags.len() <= 20);
        assert!(post.tags.iter().all(|tag| !is_blank(tag) && tag.trim() == tag));
        let mut again = params.clone();
        again.insert("tags".to_owned(), post.tags.clone().into());
        assert_eq!(NewPost::changeset(&again, now).as_ref(), Ok(&post), "its own tags change it");
    }
    told(PostChanges::changeset(params));
    told(NewNote::changeset(params));
    told(NoteChanges::changeset(params));
    if let Some(comment) = told(NewComment::changeset_by(params, None))
        && let Some(name) = comment.guest()
    {
        assert!(!is_blank(name) && !name.contains(char::is_control));
        is_reserved(name);
    }
    told(CommentChanges::changeset(params));
    told(new_state(params));
    if let Some(user) = told(NewUser::changeset(params)) {
        assert!(user.password.as_bytes().len() >= 10, "a short password");
        let reserved = user.refuse_reserved();
        assert!(reserved.is_ok() || !reserved.is_err_and(|errors| errors.is_empty()));
    }
    told(Credentials::changeset(params));
}

/// The result of a changeset. A refusal must have a reason.
fn told<T>(result: Result<T, Errors>) -> Option<T> {
    result.inspect_err(|errors| assert!(!errors.is_empty(), "refused without a reason")).ok()
}

#[cfg(test)]
mod tests {
    use kilonova_test::fuzz::drive;

    use super::*;

    #[test]
    fn a_query_string_is_read_within_its_bounds() {
        let seeds: &[&[u8]] = &[
            b"cursor=1709201472123456_17&limit=100",
            b"status=draft&tag=a%20b&after=7",
            b"id=1&after=99999999999999999999&limit=0",
            b"tag=%00&cursor=-1_+1",
            b"limit=",
            b"after=",
            b"id=",
        ];
        drive("query_string", query_string, seeds);
    }

    #[test]
    fn a_credential_is_one_that_the_request_has() {
        let seeds: &[&[u8]] = &[
            b"Cookie: theme=dark; kilonova_session=\
              00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
            b"Cookie: __Host-kilonova_session=\
              00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
            b"Cookie: __Secure-kilonova_session=\
              00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
            b"Authorization: Bearer kilonova_\
              00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
            b"\nAuthorization: Basic YTpi",
            b"\nCookie: name=J\xc3\xb6rg; b=\xff",
            b"; ",
        ];
        drive("credentials", credentials, seeds);
    }

    #[test]
    fn a_key_belongs_to_one_request() {
        let seeds: &[&[u8]] = &[
            b"8e03978e-40d5-43dd-bc93-6894a57f9324\n{\"title\":\"One\",\"body\":\"x\"}",
            b"\t\n{}",
            b"key\n{\"a\":[1,{\"b\":null}]}",
            b"\n",
        ];
        drive("idempotency_key", idempotency_key, seeds);
    }

    #[test]
    fn a_precondition_matches_only_its_own_version() {
        let seeds: &[&[u8]] = &[
            b"\"44136fa355b3678a1146ad16f7e8649e\"",
            b"W/\"44136fa355b3678a1146ad16f7e8649e-gzip\", \"a\"",
            b"*",
            b"\"44136fa355b3678a1146ad16f7e8649e-br-gzip\"\n\"\", W/",
            b",\"\xff\"",
            b"-zstd\"",
        ];
        drive("preconditions", preconditions, seeds);
    }

    #[test]
    fn a_socket_has_the_channels_that_it_asks_for() {
        let seeds: &[&[u8]] =
            &[b"posts,comments,notes,system", b"post:1:comments", b"posts,posts", b",", b"01"];
        drive("channels", channels, seeds);
    }

    #[test]
    fn a_sign_in_stays_on_this_site() {
        let seeds: &[&[u8]] = &[
            b"/posts/1?cursor=1_2#comment-1",
            b"//evil.example",
            b"/\\evil.example",
            b"/..//evil.example",
            b"/.",
            b"/%2f",
            b"\t",
        ];
        drive("return_to", return_to, seeds);
    }

    #[test]
    fn a_body_of_json_makes_rows_within_their_rules() {
        let seeds: &[&[u8]] = &[
            b"{\"title\":\"A title\",\"body\":\"# x\",\"status\":\"draft\",\
              \"tags\":[\" a \",\"b\",\"a\"]}",
            b"{\"title\":null,\"body\":\"\\ud83d\\ude80\",\"tags\":\"a, b\",\
              \"comments_locked\":\"true\"}",
            b"{\"author\":\"guest\",\"body\":\"a\\u0000\",\"state\":\"hidden\"}",
            b"{\"username\":\"ada\",\"password\":\"correct horse\",\"email\":\"ada@a.example\"}",
            b"[[[[[[[[[",
            b"\\u200b",
            b"1e999",
            b",{\"\":[]}",
        ];
        drive("json_body", json_body, seeds);
    }

    #[test]
    fn a_form_makes_rows_within_their_rules() {
        let seeds: &[&[u8]] = &[
            b"title=A+title&body=x%0D%0Ay&status=published&tags=a%2C+b",
            b"username=ada&password=correct+horse&email=",
            b"author=%E2%80%8B&body=%00&state=visible",
            b"%f0%9f%9a%80",
            b"&a",
            b"%0d%0d%0a",
        ];
        drive("form_body", form_body, seeds);
    }
}
