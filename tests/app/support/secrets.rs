//! No secret may occur in any log line, page, error or list of the whole run. Secrets that tests
//! send or receive are remembered, and searched for in everything that is sent or logged later.

use std::collections::HashMap;
use std::sync::{LazyLock, Once, PoisonError, RwLock};

use log::{LevelFilter, Log, Metadata, Record};
use serde_json::Value;

use super::Answer;

/// The shortest secret to search for. Shorter ones would occur by chance.
const SHORTEST: usize = 9;

/// The prefix of tokens and of the names of cookies.
const PREFIX: &str = "kilonova_";

static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);

/// An index of secrets. Thousands of them are searched for in megabytes of text, so each position
/// of a text is checked once, whatever their number.
#[derive(Default)]
struct Known {
    /// The secrets by their first bytes.
    secrets: HashMap<[u8; SHORTEST], Vec<String>>,
    /// The hashes of the first four bytes of all secrets, a filter for positions of a text.
    hashes: Vec<bool>,
}

impl Known {
    fn add(&mut self, secret: &str) {
        let Some(beginning) = secret.as_bytes().first_chunk() else { return };
        self.hashes.resize(1 << 16, false);
        self.hashes[hash(beginning)] = true;
        let secrets = self.secrets.entry(*beginning).or_default();
        if !secrets.iter().any(|known| known == secret) {
            secrets.push(secret.to_owned());
        }
    }

    fn found(&self, text: &[u8]) -> Option<String> {
        if self.hashes.is_empty() {
            return None;
        }
        let begun = text.windows(SHORTEST).enumerate().filter(|(_, begin)| {
            // Most positions are ruled out here.
            self.hashes[hash(begin)]
        });
        let mut met = begun.flat_map(|(at, beginning)| {
            let secrets = self.secrets.get(beginning).into_iter().flatten();
            secrets.filter(move |secret| text[at..].starts_with(secret.as_bytes()))
        });
        met.next().cloned()
    }
}

fn hash(bytes: &[u8]) -> usize {
    let first = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    (first.wrapping_mul(0x9e37_79b1) >> 16) as usize
}

/// Starts to check every line of the log.
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

/// Checks a line of a log, on any thread. Aborts, because a panic on another thread fails no test.
pub(crate) fn line(line: &str) {
    if let Some(secret) = found(line.as_bytes()) {
        eprintln!("the secret {secret:?} is in the log: {line}");
        std::process::abort();
    }
}

/// Remembers a secret.
pub(crate) fn know(secret: &str) {
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).add(secret);
}

/// Remembers the passwords and tokens in a request.
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

/// Checks a response, and remembers the secrets that it gives the client.
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
    // A new token is allowed in the response that creates it.
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
    KNOWN.read().unwrap_or_else(PoisonError::into_inner).found(bytes)
}
