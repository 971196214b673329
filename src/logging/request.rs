//! The id of a request, which its response and all log lines that it causes share. Owns how a line
//! finds its request; the middleware decides which ids it accepts from outside.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

tokio::task_local! {
    static CURRENT: RequestId;
}

/// Maximum number of characters of an id.
const LONGEST: usize = 64;

/// The id of a request. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// A new random id: 16 hexadecimal digits.
    pub fn new() -> RequestId {
        RequestId(format!("{:016x}", rand::random::<u64>()).into())
    }

    /// Parses an id from a proxy: 1 to 64 letters, digits and `-._=+/:`, which need no escaping in
    /// a header, in a log line or in JSON. `None` for anything else.
    pub fn parse(given: &str) -> Option<RequestId> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._=+/:".contains(&byte);
        let is_id = (1..=LONGEST).contains(&given.len()) && given.bytes().all(fits);
        is_id.then(|| RequestId(given.into()))
    }

    /// The request that the current task serves, if any.
    pub fn current() -> Option<RequestId> {
        CURRENT.try_with(RequestId::clone).ok()
    }

    /// Runs a future as part of this request.
    pub async fn run<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// Runs a closure on this thread as part of this request.
    pub fn with<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for RequestId {
    fn default() -> RequestId {
        RequestId::new()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_from_outside_are_short_and_need_no_escaping() {
        for id in ["a", "Root=1-67891233-abcdef012345678912345678", &"x".repeat(LONGEST)] {
            assert_eq!(RequestId::parse(id).unwrap().as_str(), id);
        }
        for no in ["", "a b", "a\nb", "\u{1b}[31m", "\"", "日", &"x".repeat(LONGEST + 1)] {
            assert_eq!(RequestId::parse(no), None, "{no:?}");
        }
        assert_ne!(RequestId::new(), RequestId::new());
        assert_eq!(RequestId::parse(RequestId::new().as_str()).map(|id| id.0.len()), Some(16));
    }

    #[test]
    fn work_knows_its_request() {
        let id = RequestId::new();
        assert_eq!(RequestId::current(), None);
        assert_eq!(id.clone().with(RequestId::current), Some(id));
        assert_eq!(RequestId::current(), None);
    }
}
