//! JPEG (ITU-T T.81, Annex B): segments and scans.

use super::orientation::Orientation;
use super::reader::Reader;

const EXIF: &[u8] = b"Exif\0\0";

/// The length of a JFIF segment before its thumbnail.
const JFIF: usize = 14;

/// The file without application segments, comments and trailing bytes.
pub(super) fn clean(file: &[u8]) -> Option<(Vec<u8>, Option<Orientation>)> {
    let mut reader = Reader(file);
    let mut out = Vec::with_capacity(file.len());
    out.extend_from_slice(reader.take(2)?);
    let mut place_of_exif = out.len();
    let (mut orientation, mut has_frame, mut has_scan) = (None, false, false);
    loop {
        let marker = marker(&mut reader)?;
        match marker {
            0xd9 => break,
            // Markers without a length: TEM, and restarts outside a scan.
            0x01 | 0xd0..=0xd7 => continue,
            _ => {}
        }
        let length = reader.u16_be()?;
        let content = reader.take(usize::from(length).checked_sub(2)?)?;
        match marker {
            0xe0 if content.starts_with(b"JFIF\0") && content.len() >= JFIF => {
                let mut jfif = content[..JFIF].to_vec();
                jfif[JFIF - 2..].fill(0);
                segment(&mut out, marker, &jfif);
                place_of_exif = out.len();
            }
            0xe1 if content.starts_with(EXIF) => {
                orientation = orientation.or(Orientation::of(&content[EXIF.len()..]));
            }
            0xe2 if content.starts_with(b"ICC_PROFILE\0") => segment(&mut out, marker, content),
            // The colour encoding.
            0xee if content.starts_with(b"Adobe") => segment(&mut out, marker, content),
            0xe0..=0xef | 0xfe => {}
            0xda => {
                segment(&mut out, marker, content);
                out.extend_from_slice(scan(&mut reader)?);
                has_scan = true;
            }
            _ => {
                has_frame |= matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
                segment(&mut out, marker, content);
            }
        }
    }
    out.extend_from_slice(&[0xff, 0xd9]);
    if let Some(orientation) = orientation {
        let mut exif = Vec::new();
        segment(&mut exif, 0xe1, &[EXIF, &orientation.exif()].concat());
        out.splice(place_of_exif..place_of_exif, exif);
    }
    (has_frame && has_scan).then_some((out, orientation))
}

/// The next marker, after any number of fill bytes.
fn marker(reader: &mut Reader<'_>) -> Option<u8> {
    if reader.u8()? != 0xff {
        return None;
    }
    loop {
        match reader.u8()? {
            0xff => {}
            0 => return None,
            marker => return Some(marker),
        }
    }
}

/// The data of a scan, up to the next marker that does not belong to it.
fn scan<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let data = reader.0;
    let mut at = 0;
    loop {
        at += data.get(at..)?.iter().position(|byte| *byte == 0xff)?;
        match data.get(at + 1)? {
            0 | 0xd0..=0xd7 => at += 2,
            // A fill byte before a marker of either kind.
            0xff => at += 1,
            _ => return reader.take(at),
        }
    }
}

fn segment(out: &mut Vec<u8>, marker: u8, content: &[u8]) {
    // It always fits: segments are read with a 16-bit length, and no longer ones are written.
    let length = u16::try_from(content.len() + 2).unwrap_or(u16::MAX);
    out.extend_from_slice(&[0xff, marker]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(content);
}
