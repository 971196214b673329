//! Browsers that have signed in before. This module owns the content of the device cookie;
//! `controllers::cookies` sets it.
//!
//! Strangers who guess at a name use up that name's guesses. A browser that has signed in to it
//! once has separate guesses, so that strangers cannot lock out its user. The idea is OWASP's
//! "Device Cookies".

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use rand::TryRng;
use rand::rngs::{SysError, SysRng};
use sha2::Sha256;

/// Separates these signatures from any others made with the same key.
const PURPOSE: &[u8] = b"kilonova device\0";

/// A browser that has signed in under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Device([u8; 16]);

/// Signs device cookies and verifies them.
pub struct Devices {
    key: [u8; 64],
}

impl Device {
    /// Identifies a browser or program by its current sign-in. It equals no issued device, because
    /// those are random.
    pub fn of_sign_in(id: i64) -> Device {
        let mut device = [0; 16];
        device[..8].copy_from_slice(&id.to_le_bytes());
        Device(device)
    }
}

impl Devices {
    /// All nodes of a site must use the same key.
    pub(super) fn new(key: [u8; 64]) -> Devices {
        Devices { key }
    }

    /// Issues a cookie for a new device under that name.
    pub fn issue(&self, folded_username: &str) -> Result<String, SysError> {
        let mut device = [0; 16];
        SysRng.try_fill_bytes(&mut device)?;
        let signature = self.mac(folded_username, &device).finalize().into_bytes();
        Ok(format!("{}.{}", HEXLOWER.encode(&device), HEXLOWER.encode(&signature)))
    }

    /// Returns the device if the cookie was issued for that name.
    pub fn verify(&self, folded_username: &str, issued: &str) -> Option<Device> {
        let (device, signature) = issued.split_once('.')?;
        let device: [u8; 16] = HEXLOWER.decode(device.as_bytes()).ok()?.try_into().ok()?;
        let signature = HEXLOWER.decode(signature.as_bytes()).ok()?;
        self.mac(folded_username, &device).verify_slice(&signature).ok()?;
        Some(Device(device))
    }

    fn mac(&self, folded_username: &str, device: &[u8; 16]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.key.into());
        mac.update(PURPOSE);
        mac.update(device);
        mac.update(folded_username.as_bytes());
        mac
    }
}

#[cfg(test)]
impl Device {
    pub(super) fn example(n: u8) -> Device {
        Device([n; 16])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_valid_for_its_name_only_and_on_every_node() {
        let devices = Devices::new([7; 64]);
        let issued = devices.issue("ada").expect("random bytes");
        let device = devices.verify("ada", &issued).expect("it was issued");
        assert_eq!(Devices::new([7; 64]).verify("ada", &issued), Some(device));
        assert_eq!(devices.verify("eve", &issued), None);
        assert_eq!(devices.verify("", &issued), None);
        assert_eq!(Devices::new([8; 64]).verify("ada", &issued), None);
        assert_ne!(
            devices.verify("ada", &devices.issue("ada").expect("random bytes")),
            Some(device)
        );
    }

    #[test]
    fn a_forged_device_is_unknown() {
        let devices = Devices::new([7; 64]);
        let issued = devices.issue("ada").expect("random bytes");
        let (device, signature) = issued.split_once('.').expect("two parts");
        let zeros = "0".repeat(32);
        for other in [
            "",
            ".",
            device,
            &format!("{device}."),
            &format!("{device}.{}", &signature[2..]),
            &format!("{zeros}.{signature}"),
            &format!("{device}.{zeros}{zeros}"),
            &format!("{issued}.{signature}"),
            &issued.to_uppercase(),
        ] {
            // If all digits happen to be decimal, upper case is the same text.
            assert!(devices.verify("ada", other).is_none() || *other == issued, "{other}");
        }
    }
}
