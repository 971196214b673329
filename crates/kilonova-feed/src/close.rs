//! The reasons why a session ends: each with its close code and the client's next step.

use actix_http::ws::CloseCode;

/// The reason why the server ends a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// 1001: the server is stopping. The client reconnects with its last id.
    Away,
    /// 1002: the client sent a frame that the protocol forbids. The client has a bug.
    Protocol,
    /// 1007: the client sent a text that is not UTF-8. The client has a bug.
    NotText,
    /// 1008: the client exceeded its rate limit. It reconnects and sends less.
    TooMany,
    /// 1008: the grant that the session was opened under is revoked. The client signs in again.
    Revoked,
    /// 1009: the client sent a message over the size limit. The client has a bug.
    TooLarge,
    /// 1011: the application's code for this session panicked. The client reconnects later.
    Failed,
    /// 1013: the client reads slower than events arrive. It reconnects with its last id.
    SlowConsumer,
    /// 1013: the log cannot be read. The client reconnects with its last id.
    NoLog,
}

/// Every close code that the server sends, with the reason text of its frame. For an application's
/// documentation.
pub fn closes() -> impl Iterator<Item = (u16, &'static str)> {
    Close::ALL.into_iter().map(|close| (close.code().into(), close.reason()))
}

impl Close {
    /// All reasons, in the order of their discriminants.
    pub(crate) const ALL: [Close; 9] = [
        Close::Away,
        Close::Protocol,
        Close::NotText,
        Close::TooMany,
        Close::Revoked,
        Close::TooLarge,
        Close::Failed,
        Close::SlowConsumer,
        Close::NoLog,
    ];

    /// The close code of the frame.
    pub(crate) fn code(self) -> CloseCode {
        match self {
            Close::Away => CloseCode::Away,
            Close::Protocol => CloseCode::Protocol,
            Close::NotText => CloseCode::Invalid,
            Close::TooMany | Close::Revoked => CloseCode::Policy,
            Close::TooLarge => CloseCode::Size,
            Close::Failed => CloseCode::Error,
            Close::SlowConsumer | Close::NoLog => CloseCode::Again,
        }
    }

    /// The name of the reason, for metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Close::Away => "stopping",
            Close::Protocol => "protocol",
            Close::NotText => "not_text",
            Close::TooMany => "too_many_frames",
            Close::Revoked => "revoked",
            Close::TooLarge => "too_large",
            Close::Failed => "failed",
            Close::SlowConsumer => "slow_consumer",
            Close::NoLog => "log_unreadable",
        }
    }

    /// True when the client is at fault: the session ignores all of its later input.
    pub(crate) fn is_fault(self) -> bool {
        matches!(self, Close::Protocol | Close::NotText | Close::TooMany | Close::TooLarge)
    }

    /// True when the client does not get its backlog.
    pub(crate) fn drops_backlog(self) -> bool {
        matches!(self, Close::SlowConsumer | Close::Revoked)
    }

    /// The reason text of the frame.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Close::Away => "the server is stopping: reconnect",
            Close::Protocol => "not a frame that a client may send",
            Close::NotText => "a text that is not UTF-8",
            Close::TooMany => "too many frames",
            Close::Revoked => "access was revoked: sign in again",
            Close::TooLarge => "message too large",
            Close::Failed => "the server failed: try again later",
            Close::SlowConsumer => "slow consumer: reconnect",
            Close::NoLog => "the log cannot be read: reconnect",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_counted_under_its_own_name() {
        for (number, close) in Close::ALL.into_iter().enumerate() {
            assert_eq!(close as usize, number);
            let others = Close::ALL.into_iter().filter(|other| other.name() == close.name());
            assert_eq!(others.count(), 1, "{close:?}");
        }
    }
}
