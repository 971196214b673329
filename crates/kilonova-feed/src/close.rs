//! Why a session ends: each reason with its close code and what a client should do about it.

use actix_http::ws::CloseCode;

/// Why this side ends a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// 1001: the server is stopping. Come back, with the last id.
    Away,
    /// 1002: a frame that no client may send. A fault of the client's.
    Protocol,
    /// 1007: a text that is not UTF-8. A fault of the client's.
    NotText,
    /// 1008: more frames than a client may send. Come back, and send less.
    TooMany,
    /// 1009: a message that is too large. A fault of the client's.
    TooLarge,
    /// 1013: the client reads slower than events come. Come back, with the last id.
    SlowConsumer,
    /// 1013: the log cannot be read. Come back, with the last id.
    NoLog,
}

impl Close {
    /// The code on the wire.
    pub(crate) fn code(self) -> CloseCode {
        match self {
            Close::Away => CloseCode::Away,
            Close::Protocol => CloseCode::Protocol,
            Close::NotText => CloseCode::Invalid,
            Close::TooMany => CloseCode::Policy,
            Close::TooLarge => CloseCode::Size,
            Close::SlowConsumer | Close::NoLog => CloseCode::Again,
        }
    }

    /// True when the client is at fault: nothing that it sends can be understood any more.
    pub(crate) fn is_fault(self) -> bool {
        matches!(self, Close::Protocol | Close::NotText | Close::TooMany | Close::TooLarge)
    }

    /// The words on the wire.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Close::Away => "the server is stopping: reconnect",
            Close::Protocol => "not a frame that a client may send",
            Close::NotText => "a text that is not UTF-8",
            Close::TooMany => "too many frames",
            Close::TooLarge => "message too large",
            Close::SlowConsumer => "slow consumer: reconnect",
            Close::NoLog => "the log cannot be read: reconnect",
        }
    }
}
