//! A fuzz target for the cookie by which a device is known.

use super::Devices;

/// A user's name and, on the next line, a device's cookie: nobody can make one up.
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
    fn nobody_makes_a_device_up() {
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
