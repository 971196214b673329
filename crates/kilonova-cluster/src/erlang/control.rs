//! Control messages, which say what to do with a message. Owns their numbers and shapes; ignores
//! those that this node does not use.

use super::term::{Bad, Pid, Reader, Term};

/// The first byte of a frame with a control message, without the atom cache.
const PASS_THROUGH: u8 = 112;

pub(super) const LINK: i64 = 1;
pub(super) const SEND: i64 = 2;
pub(super) const EXIT: i64 = 3;
pub(super) const REG_SEND: i64 = 6;
pub(super) const MONITOR: i64 = 19;
pub(super) const DEMONITOR: i64 = 20;
pub(super) const MONITOR_EXIT: i64 = 21;
pub(super) const UNLINK: i64 = 35;
pub(super) const UNLINK_ACK: i64 = 36;

/// The target of a message or a monitor.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Target<'a> {
    Process(Pid<'a>),
    Name(String),
}

/// A control message from the other node.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Control<'a> {
    Send(Target<'a>, Term<'a>),
    /// A process monitors a target: the process, the target, the reference.
    Monitor(Term<'a>, Target<'a>, Term<'a>),
    /// A target that this node monitors has ended: the target and the reference.
    Ended(Term<'a>, Term<'a>),
    /// A process links itself to the target.
    Link(Term<'a>, Target<'a>),
    /// A process unlinks itself and expects a confirmation: the number, the process, the target.
    Unlink(Term<'a>, Term<'a>, Term<'a>),
    Ignored,
}

/// Reads a frame without its length.
pub(super) fn read(frame: &[u8]) -> Result<Control<'_>, Bad> {
    let (tag, rest) = frame.split_first().ok_or(Bad::Short)?;
    if *tag != PASS_THROUGH {
        return Err(Bad::Tag(*tag));
    }
    let mut reader = Reader::new(rest);
    let Term::Tuple(mut parts) = reader.versioned()? else { return Err(Bad::Value) };
    let message = match reader.is_empty() {
        true => None,
        false => Some(reader.versioned()?),
    };
    let Some(Term::Int(number)) = parts.first() else { return Err(Bad::Value) };
    let number = *number;
    let mut part = |index: usize| {
        let part = parts.get_mut(index).ok_or(Bad::Value)?;
        Ok::<_, Bad>(std::mem::replace(part, Term::Int(0)))
    };
    Ok(match (number, message) {
        (SEND, Some(message)) => Control::Send(target(part(2)?)?, message),
        (REG_SEND, Some(message)) => Control::Send(target(part(3)?)?, message),
        (MONITOR, _) => Control::Monitor(part(1)?, target(part(2)?)?, part(3)?),
        (MONITOR_EXIT, _) => Control::Ended(part(1)?, part(3)?),
        (LINK, _) => Control::Link(part(1)?, target(part(2)?)?),
        (UNLINK, _) => Control::Unlink(part(1)?, part(2)?, part(3)?),
        _ => Control::Ignored,
    })
}

fn target(term: Term<'_>) -> Result<Target<'_>, Bad> {
    match term {
        Term::Pid(pid) => Ok(Target::Process(pid)),
        Term::Atom(name) => Ok(Target::Name(name.into_owned())),
        _ => Err(Bad::Value),
    }
}

/// A frame with its length, from a control message and its message.
pub(super) fn frame(control: &[u8], message: &[u8]) -> Vec<u8> {
    let length = 1 + control.len() + message.len();
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [&length, &[PASS_THROUGH][..], control, message].concat()
}
