//! The fuzz targets for data from Erlang nodes. Owns what must hold for any bytes.

use super::envelope;
use super::json;
use super::term::{Writer, decode};
use super::{control, pg::Scope};

/// A frame is decoded or refused. A decoded term is encoded and decoded again.
pub fn frame(bytes: &[u8]) {
    if let Ok(term) = decode(bytes) {
        let mut writer = Writer::versioned();
        writer.term(&term);
        assert!(decode(&writer.0).is_ok(), "an encoded term cannot be decoded");
        if let Ok(json) = json::from_term(&term) {
            let mut writer = Writer::versioned();
            if json::to_term(&json, &mut writer).is_ok() {
                assert!(decode(&writer.0).is_ok(), "JSON encoded as a term cannot be decoded");
            }
        }
        let _ = envelope::read(&term, "posts");
        let mut scope = Scope::new(&["posts".into()], &"n@h".into(), 7);
        for _ in 0..2 {
            let _ = scope.hear(&term);
        }
    }
    let _ = control::read(bytes);
}

#[cfg(test)]
mod tests {
    use kilonova_test::fuzz::drive;

    use super::*;

    #[test]
    fn no_frame_does_harm() {
        let pid: &[u8] = b"\x58\x77\x03n@h\0\0\0\x01\0\0\0\0\0\0\0\x07";
        let discover = [b"\x83\x68\x02\x77\x08discover", pid].concat();
        let versioned = [b"\x83\x68\x03\x77\x08discover", pid, b"\x61\x01"].concat();
        let join = [b"\x83\x68\x04\x77\x04join", pid, b"\x77\x05posts", pid].concat();
        let sync = [b"\x83\x68\x02\x77\x09$gen_cast\x68\x03\x77\x04sync", pid, b"\x6a"].concat();
        let send = [b"\x70\x83\x68\x03\x61\x02\x77\0", pid, &discover].concat();
        let heard = [
            b"\x83\x68\x05\x77\x0bnova_pubsub\x77\x05posts",
            pid,
            b"\x6b\0\x01t\x74\0\0\0\x01\x6d\0\0\0\x02id\x61\x01",
        ]
        .concat();
        let seeds = [&discover[..], &versioned, &join, &sync, &send, &heard, pid];
        drive("erlang", frame, &seeds);
    }
}
