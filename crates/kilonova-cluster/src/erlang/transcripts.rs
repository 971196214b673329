//! Recorded bytes of nodes of several versions of Erlang/OTP, starting with the handshake,
//! including versions that Debian 12 does not have. `tests/erlang/records.rs` records them.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;

use super::control::{self, Control, Target};
use super::envelope;
use super::handshake::{self, Cookie};
use super::pg::{Output, Scope};

const TRANSCRIPTS: [&str; 3] = [
    include_str!("transcripts/otp-25.txt"),
    include_str!("transcripts/otp-27.txt"),
    include_str!("transcripts/otp-29.txt"),
];

/// The two nodes, and the messages without their lengths.
struct Said {
    values: HashMap<&'static str, &'static str>,
    handshake: Vec<Vec<u8>>,
    frames: Vec<Vec<u8>>,
}

fn bytes(digits: &str) -> Vec<u8> {
    let places = (0..digits.len()).step_by(2);
    places.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

impl Said {
    fn read(text: &'static str) -> Said {
        let mut said = Said { values: HashMap::new(), handshake: Vec::new(), frames: Vec::new() };
        for line in text.lines() {
            let (key, value) = line.split_once(' ').unwrap();
            match key {
                "handshake" => said.handshake.push(bytes(value)),
                "frame" => said.frames.push(bytes(value)),
                key => drop(said.values.insert(key, value)),
            }
        }
        said
    }

    fn number(&self, key: &str) -> u32 {
        self.values[key].parse().unwrap()
    }

    /// The run of the other node, from the recorded handshake.
    async fn creation(&self) -> u32 {
        let (mut ours, mut theirs) = tokio::io::duplex(64 * 1024);
        for message in &self.handshake {
            theirs.write_u16(message.len() as u16).await.unwrap();
            theirs.write_all(message).await.unwrap();
        }
        let (name, peer) = (self.values["name"], self.values["peer"]);
        let (creation, challenge) = (self.number("creation"), self.number("challenge"));
        let cookie = Cookie::new(self.values["cookie"]);
        handshake::call(&mut ours, name, creation, peer, &cookie, challenge).await.unwrap()
    }
}

/// Two members of `posts`, one of them twice and also in `comments` and in a channel that is not
/// shared; a broadcast; then one leaves, and both are killed.
#[tokio::test]
async fn messages_of_each_otp_version_are_understood() {
    for text in TRANSCRIPTS {
        let said = Said::read(text);
        let release = said.values["release"];
        let creation = said.creation().await;
        let channels = ["posts", "comments"].map(Arc::from);
        let mut scope = Scope::new(&channels, &Arc::from(said.values["peer"]), creation);
        let (mut asked, mut heard, mut most) = (0, Vec::new(), 0);
        for frame in &said.frames {
            let (target, message) = match control::read(frame).unwrap() {
                Control::Send(Target::Process(pid), message) => {
                    assert_eq!(pid.creation, said.number("creation"), "{release}");
                    (pid.number.id, message)
                }
                // The other node monitors this node's scope.
                Control::Monitor(..) => continue,
                other => panic!("{release}: {other:?}"),
            };
            if target != 1 {
                heard.push(envelope::read(&message, &channels[0]).unwrap().topic().to_owned());
                continue;
            }
            let outputs = scope.hear(&message).unwrap();
            asked += outputs.iter().filter(|it| matches!(it, Output::Monitor(..))).count();
            most = most.max(members(&mut scope));
        }
        assert_eq!((asked, heard), (1, vec!["said".to_owned()]), "{release}");
        assert_eq!((most, members(&mut scope)), (4, 0), "{release}");
        assert!(scope.is_synced(), "{release}");
    }
}

fn members(scope: &mut Scope) -> u32 {
    scope.members().iter().map(|(_, _, times)| times).sum()
}
