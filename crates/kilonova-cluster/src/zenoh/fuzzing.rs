//! Fuzz targets for endpoints, and for the nodes in keys and before messages.

use super::Endpoint;
use super::key::{decode, encode, from_bytes, to_bytes};

/// A node, as a chunk of a key and as bytes before a message.
pub fn node(bytes: &[u8]) {
    if let Some(node) = from_bytes(bytes) {
        assert_eq!(to_bytes(&node), bytes);
        assert_eq!(decode(&encode(&node)), Some(node));
    }
    let Ok(chunk) = std::str::from_utf8(bytes) else { return };
    if let Some(node) = decode(chunk) {
        assert_eq!(encode(&node), chunk);
        assert_eq!(from_bytes(&to_bytes(&node)), Some(node));
    }
}

/// An endpoint.
pub fn endpoint(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(endpoint) = text.parse::<Endpoint>() else { return };
    let printed = endpoint.to_string();
    assert!(printed.bytes().all(|byte| byte.is_ascii_graphic() && !b"#?;".contains(&byte)));
    assert_eq!(printed.parse(), Ok(endpoint));
}

#[cfg(test)]
mod tests {
    use kilonova_test::fuzz::drive;

    use super::*;

    #[test]
    fn a_node_is_written_as_it_was_read() {
        let seeds: &[&[u8]] = &[
            b"6e6f6465-18c0ffee",
            b"61-1",
            b"c3a4-ffffffffffffffff",
            b"\0\0\0\0\0\0\0\x01node",
            b"61",
        ];
        drive("node", node, seeds);
    }

    #[test]
    fn an_endpoint_is_written_as_it_was_read() {
        let seeds: &[&[u8]] =
            &[b"tcp/127.0.0.1:7447", b"tls/a-b.example_1:1", b"tcp/[fe80::1%eth0]:65535", b"#"];
        drive("endpoint", endpoint, seeds);
    }
}
