//! PNG (W3C, third edition, 5.3): chunks.

use super::orientation::Orientation;
use super::reader::Reader;

pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The chunks that are kept: the picture, its colours and its animation.
const KEPT: [&[u8; 4]; 17] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP",
    b"sBIT", b"bKGD", b"pHYs", b"hIST", b"acTL", b"fcTL", b"fdAT",
];

/// The file without texts, times, Exif, private chunks and trailing bytes.
pub(super) fn clean(file: &[u8]) -> Option<(Vec<u8>, Option<Orientation>)> {
    let mut reader = Reader(file);
    let mut out = Vec::with_capacity(file.len());
    out.extend_from_slice(reader.take(SIGNATURE.len())?);
    let (mut place_of_exif, mut orientation, mut has_data) = (None, None, false);
    loop {
        let mut ahead = reader;
        let length = usize::try_from(ahead.u32_be()?).ok()?;
        let name: &[u8; 4] = ahead.take(4)?.try_into().ok()?;
        let content = ahead.take(length)?;
        let whole = reader.take(length.checked_add(12)?)?;
        // The first chunk must be the header.
        if place_of_exif.is_none() && name != b"IHDR" {
            return None;
        }
        if name == b"eXIf" {
            orientation = orientation.or(Orientation::of(content));
        }
        if KEPT.contains(&name) {
            out.extend_from_slice(whole);
        }
        place_of_exif.get_or_insert(out.len());
        has_data |= name == b"IDAT";
        if name == b"IEND" {
            break;
        }
    }
    if let (Some(orientation), Some(place)) = (orientation, place_of_exif) {
        let named = [&b"eXIf"[..], &orientation.exif()].concat();
        let mut chunk = u32::try_from(named.len() - 4).ok()?.to_be_bytes().to_vec();
        chunk.extend_from_slice(&named);
        chunk.extend_from_slice(&crc32fast::hash(&named).to_be_bytes());
        out.splice(place..place, chunk);
    }
    has_data.then_some((out, orientation))
}
