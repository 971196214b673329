//! A fuzz target for device cookies.

use super::Devices;

/// Verifies a device cookie, given a user's name and the cookie on separate lines. A forged one
/// never verifies.
pub fn device(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (name, cookie) = text.split_once('\n').unwrap_or(("ada", text));
    assert_eq!(Devices::new([7; 64]).verify(name, cookie), None);
}

#[cfg(test)]
mod tests {
    use kilonova_test::fuzz::drive;

    use super::*;

    #[test]
    fn a_device_cookie_cannot_be_forged() {
        let seeds: &[&[u8]] = &[
            b"ada\n00112233445566778899aabbccddeeff.\
              00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
            b"\n00112233445566778899aabbccddeeff.",
            b".",
            b"AA",
        ];
        drive("device", device, seeds);
    }
}
