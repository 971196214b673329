//! No secret is in any line of the log, page, error or list of the whole run. What the tests send or
//! get as a secret is remembered, and looked for in everything that is sent or logged afterwards.

use std::collections::HashSet;
use std::sync::{Once, PoisonError, RwLock};

use log::{LevelFilter, Log, Metadata, Record};
use serde_json::Value;

use super::Answer;

/// Shorter ones are found by chance.
const SHORTEST: usize = 9;

/// What tokens, and the names of cookies, begin with.
const PREFIX: &str = "kilonova_";

static KNOWN: RwLock<Option<HashSet<String>>> = RwLock::new(None);

/// Looks at every line of the log from now on.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Watch).unwrap();
        log::set_max_level(LevelFilter::Debug);
    });
}

struct Watch;

impl Log for Watch {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        line(&format!("{} {}", record.target(), record.args()));
    }

    fn flush(&self) {}
}

/// Looks at a line of a log, on whatever thread. A panic there would fail no test.
pub(crate) fn line(line: &str) {
    if let Some(secret) = found(line.as_bytes()) {
        eprintln!("the secret {secret:?} is in the log: {line}");
        std::process::abort();
    }
}

/// Remembers a secret.
pub(crate) fn know(secret: &str) {
    if secret.len() >= SHORTEST {
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_default().insert(secret.to_owned());
    }
}

/// Remembers the passwords and tokens of a request.
pub(crate) fn sent(headers: &[(&str, &str)], body: &[u8]) {
    for (name, value) in headers {
        if name.eq_ignore_ascii_case("authorization") {
            know(value.rsplit(' ').next().unwrap());
        }
    }
    let is_password = |name: &str| ["password", "new_password"].contains(&name);
    if let Ok(Value::Object(fields)) = serde_json::from_slice(body) {
        let passwords = fields.iter().filter(|(name, _)| is_password(name));
        passwords.filter_map(|(_, value)| value.as_str()).for_each(know);
    } else if let Ok(form) = std::str::from_utf8(body) {
        let fields = form.split('&').filter_map(|field| field.split_once('='));
        for (_, value) in fields.filter(|(name, _)| is_password(name)) {
            know(&value.replace('+', " "));
        }
    }
}

/// Looks at an answer, and remembers what it gives its client to keep.
#[track_caller]
pub(crate) fn received(answer: &Answer) {
    look("a body", &answer.body);
    for (name, value) in answer.headers.iter().filter(|(name, _)| *name != "set-cookie") {
        look(name.as_str(), value.as_bytes());
    }
    for cookie in answer.headers.get_all("set-cookie") {
        let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
        know(cookie.split_once('=').unwrap().1);
    }
    // A token is shown once.
    let text = String::from_utf8_lossy(&answer.body);
    for (at, _) in text.match_indices(PREFIX) {
        let token = &text[at..];
        let is_of_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
        let length = token.bytes().take_while(|byte| is_of_token(byte)).count();
        if length > PREFIX.len() + 30 {
            know(&token[..length]);
        }
    }
}

#[track_caller]
fn look(what: &str, bytes: &[u8]) {
    if let Some(secret) = found(bytes) {
        panic!("the secret {secret:?} is in {what}: {}", String::from_utf8_lossy(bytes));
    }
}

fn found(bytes: &[u8]) -> Option<String> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    let has = |secret: &&String| memchr::memmem::find(bytes, secret.as_bytes()).is_some();
    known.as_ref()?.iter().find(has).cloned()
}
