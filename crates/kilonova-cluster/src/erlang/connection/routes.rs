//! Routes messages to this node's processes, and encodes the scope's answers. This node has one
//! process for its scope and one for each shared channel, with new pids on each connection. They
//! live as long as the connection. No other process exists.

use super::super::control::{self, Control, Target};
use super::super::envelope;
use super::super::pg::Output;
use super::super::term::{Number, Term, Writer};
use super::Connection;

/// The number of the scope process.
const SCOPE: u32 = 1;

/// The number of the first channel's process.
pub(super) const FIRST_MEMBER: u32 = 16;

/// A process of this node.
enum Own {
    Scope,
    Member(usize),
    /// Answers `net_adm:ping`.
    Kernel,
}

impl Connection {
    pub(super) fn control(&mut self, control: Control<'_>) {
        match control {
            Control::Send(target, message) => match self.own(&target) {
                Some(Own::Scope) => match self.scope.hear(&message) {
                    Ok(outputs) => self.act(outputs),
                    Err(ignored) => self.shared.ignored.note_because(&ignored),
                },
                Some(Own::Member(group)) => {
                    match envelope::read(&message, &self.shared.options.channels[group]) {
                        Ok(envelope) => {
                            if !self.told.broadcast(envelope) {
                                self.shared.lost_in.note();
                            }
                        }
                        Err(unread) => self.shared.ignored.note_because(&unread),
                    }
                }
                Some(Own::Kernel) => self.answer_ping(&message),
                None => self.shared.ignored.note_because(&"its receiver no longer exists"),
            },
            Control::Monitor(from, target, reference) if self.own(&target).is_none() => {
                self.push(control_frame(5, |writer| {
                    writer.int(control::MONITOR_EXIT);
                    write_target(writer, &target);
                    writer.term(&from);
                    writer.term(&reference);
                    writer.atom("noproc");
                }));
            }
            Control::Link(from, target) if self.own(&target).is_none() => {
                self.push(control_frame(4, |writer| {
                    writer.int(control::EXIT);
                    write_target(writer, &target);
                    writer.term(&from);
                    writer.atom("noproc");
                }));
            }
            // The watching process's node reports the end of the connection.
            Control::Monitor(..) | Control::Link(..) => {}
            Control::Unlink(number, from, target) => {
                self.push(control_frame(4, |writer| {
                    writer.int(control::UNLINK_ACK);
                    writer.term(&number);
                    writer.term(&target);
                    writer.term(&from);
                }));
            }
            Control::Ended(process, reference) => {
                let number = process.pid().map(|pid| pid.number);
                if let (Some(number), Some(monitor)) = (number, monitor_of(&reference)) {
                    let outputs = self.scope.ended(number, monitor);
                    self.act(outputs);
                    self.patience = 1;
                }
            }
            Control::Ignored => {}
        }
    }

    /// The process of this node that a target names; `None` for a process of an earlier connection
    /// or run.
    fn own(&self, target: &Target<'_>) -> Option<Own> {
        match target {
            Target::Name(name) if *name == self.shared.options.scope => Some(Own::Scope),
            Target::Name(name) if name == "net_kernel" => Some(Own::Kernel),
            Target::Name(_) => None,
            Target::Process(pid) => {
                let is_own = *pid.node == *self.names.own
                    && pid.creation == self.names.own_creation
                    && pid.number.serial == self.serial;
                match pid.number.id {
                    _ if !is_own => None,
                    SCOPE => Some(Own::Scope),
                    id => {
                        let group = usize::try_from(id.checked_sub(FIRST_MEMBER)?).ok()?;
                        (group < self.shared.options.channels.len()).then_some(Own::Member(group))
                    }
                }
            }
        }
    }

    /// `{'$gen_call', {Pid, Tag}, {is_auth, Node}}` is answered with `{Tag, yes}`.
    fn answer_ping(&mut self, message: &Term<'_>) {
        let [tag, from, request] = message.elements() else { return };
        let ([Term::Pid(pid), reference], [is_auth, _]) = (from.elements(), request.elements())
        else {
            return;
        };
        if tag.is_atom("$gen_call") && is_auth.is_atom("is_auth") && *pid.node == *self.names.peer {
            let mut answer = Writer::versioned();
            answer.tuple(2);
            answer.term(reference);
            answer.atom("yes");
            self.send(pid.number, &answer);
        }
    }

    pub(super) fn act(&mut self, outputs: impl IntoIterator<Item = Output>) {
        for output in outputs {
            match output {
                Output::Discover => {
                    let message = self.message("discover", |_| {}, 2);
                    let (from, scope) = (self.scope_process(), self.shared.options.scope.clone());
                    let head = control_head(4, |writer| {
                        writer.int(control::REG_SEND);
                        writer.pid(&self.names.own, from, self.names.own_creation);
                        writer.atom("");
                        writer.atom(&scope);
                    });
                    self.push(control::frame(&head.0, &message.0));
                }
                Output::DiscoverTo(to) => {
                    let message = self.message("discover", |_| {}, 2);
                    self.send(to, &message);
                }
                Output::Sync(to, groups) => {
                    let mut message = Writer::versioned();
                    message.tuple(2);
                    message.atom("$gen_cast");
                    message.tuple(3);
                    message.atom("sync");
                    self.write_own(&mut message, self.scope_process());
                    if !groups.is_empty() {
                        message.list(groups.len() as u32);
                    }
                    for group in groups {
                        message.tuple(2);
                        message.atom(&self.shared.options.channels[group]);
                        message.list(1);
                        self.write_own(&mut message, self.member(group));
                        message.nil();
                    }
                    message.nil();
                    self.send(to, &message);
                }
                Output::Join(to, group) => {
                    let write = |writer: &mut Writer| {
                        writer.atom(&self.shared.options.channels[group]);
                        self.write_own(writer, self.member(group));
                    };
                    let message = self.message("join", write, 4);
                    self.send(to, &message);
                }
                Output::Leave(to, group) => {
                    let write = |writer: &mut Writer| {
                        self.write_own(writer, self.member(group));
                        writer.list(1);
                        writer.atom(&self.shared.options.channels[group]);
                        writer.nil();
                    };
                    let message = self.message("leave", write, 4);
                    self.send(to, &message);
                }
                Output::Monitor(of, monitor) => self.monitor(control::MONITOR, of, monitor),
                Output::Demonitor(of, monitor) => self.monitor(control::DEMONITOR, of, monitor),
                Output::Changed(steps) => {
                    self.told.steps(steps, &mut self.scope, &self.shared.options.channels);
                }
                Output::Replaced => {
                    self.told.replaced(&mut self.scope, &self.shared.options.channels);
                }
            }
        }
    }

    fn scope_process(&self) -> Number {
        Number { id: SCOPE, serial: self.serial }
    }

    fn write_own(&self, writer: &mut Writer, number: Number) {
        writer.pid(&self.names.own, number, self.names.own_creation);
    }

    /// A message: a tuple that starts with a word and the scope's pid.
    fn message(&self, word: &str, rest: impl FnOnce(&mut Writer), count: u32) -> Writer {
        let mut message = Writer::versioned();
        message.tuple(count);
        message.atom(word);
        self.write_own(&mut message, self.scope_process());
        rest(&mut message);
        message
    }

    fn send(&mut self, to: Number, message: &Writer) {
        let head = control_head(3, |writer| {
            writer.int(control::SEND);
            writer.atom("");
            writer.pid(&self.names.peer, to, self.names.peer_creation);
        });
        self.push(control::frame(&head.0, &message.0));
    }

    fn monitor(&mut self, what: i64, of: Number, monitor: u32) {
        let frame = control_frame(4, |writer| {
            writer.int(what);
            writer.pid(&self.names.own, self.scope_process(), self.names.own_creation);
            writer.pid(&self.names.peer, of, self.names.peer_creation);
            writer.reference(&self.names.own, monitor, self.names.own_creation);
        });
        self.push(frame);
    }
}

fn control_head(count: u32, write: impl FnOnce(&mut Writer)) -> Writer {
    let mut writer = Writer::versioned();
    writer.tuple(count);
    write(&mut writer);
    writer
}

fn control_frame(count: u32, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    control::frame(&control_head(count, write).0, &[])
}

fn write_target(writer: &mut Writer, target: &Target<'_>) {
    match target {
        Target::Process(pid) => writer.term(&Term::Pid(pid.clone())),
        Target::Name(name) => writer.atom(name),
    }
}

/// The number in a reference of this node, which is its first word.
fn monitor_of(reference: &Term<'_>) -> Option<u32> {
    let Term::Reference(bytes) = reference else { return None };
    let words = u16::from_be_bytes(*bytes.get(1..)?.first_chunk()?);
    let begin = bytes.len().checked_sub(4 * usize::from(words))?;
    Some(u32::from_be_bytes(*bytes.get(begin..)?.first_chunk()?))
}
