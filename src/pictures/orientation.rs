//! The orientation of a picture, the only part of Exif without which it looks wrong.

use super::reader::Reader;

/// The tag in Exif 2.32, 4.6.4, A.
const TAG: u16 = 0x0112;

/// An Exif orientation from 2 to 8: rotated, mirrored, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Orientation(u8);

impl Orientation {
    /// Reads the orientation from this Exif (a TIFF file); `None` if it is absent or the default.
    pub(super) fn of(exif: &[u8]) -> Option<Orientation> {
        let (order, rest) = exif.split_at_checked(2)?;
        let is_little = match order {
            b"II" => true,
            b"MM" => false,
            _ => return None,
        };
        let u16 = |reader: &mut Reader<'_>| {
            let number = reader.u16_be()?;
            Some(if is_little { number.swap_bytes() } else { number })
        };
        let u32 = |reader: &mut Reader<'_>| {
            let number = reader.u32_be()?;
            Some(if is_little { number.swap_bytes() } else { number })
        };
        let mut header = Reader(rest);
        if u16(&mut header)? != 42 {
            return None;
        }
        let start = usize::try_from(u32(&mut header)?).ok()?;
        let mut directory = Reader(exif.get(start..)?);
        for _ in 0..u16(&mut directory)? {
            let mut entry = Reader(directory.take(12)?);
            if u16(&mut entry)? == TAG {
                let (_kind, _count) = (u16(&mut entry)?, u32(&mut entry)?);
                let value = u8::try_from(u16(&mut entry)?).ok()?;
                return (2..=8).contains(&value).then_some(Orientation(value));
            }
        }
        None
    }

    /// An Exif with only this orientation.
    pub(super) fn exif(self) -> [u8; 26] {
        let mut exif = *b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
        exif[19] = self.0;
        exif
    }

    /// True if width and height are swapped.
    pub(super) fn is_on_its_side(self) -> bool {
        self.0 >= 5
    }
}
