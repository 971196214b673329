//! WebP (RFC 9649): chunks of RIFF.

use super::reader::Reader;

/// The chunks that are kept: the picture, its colours and its animation.
const KEPT: [&[u8; 4]; 7] = [b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"];

/// The flags of VP8X for Exif and XMP.
const METADATA: u8 = 0x0c;

/// The file without Exif, XMP, unknown chunks and trailing bytes.
pub(super) fn clean(file: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Reader(file);
    let start = whole.take(4)?;
    let size = usize::try_from(whole.u32_le()?).ok()?;
    let mut reader = Reader(whole.take(size)?);
    let mut out = Vec::with_capacity(file.len());
    out.extend_from_slice(start);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(reader.take(4)?);
    let mut has_image = false;
    while !reader.is_empty() {
        let mut ahead = reader;
        let name: &[u8; 4] = ahead.take(4)?.try_into().ok()?;
        let length = usize::try_from(ahead.u32_le()?).ok()?;
        let padded = length.checked_add(length % 2)?.checked_add(8)?;
        // Some writers leave out the last padding.
        let chunk = reader.take(padded).or_else(|| reader.take(padded - length % 2))?;
        has_image |= matches!(name, b"VP8 " | b"VP8L" | b"ANMF");
        if !KEPT.contains(&name) {
            continue;
        }
        let at = out.len();
        out.extend_from_slice(chunk);
        out.resize(out.len() + chunk.len() % 2, 0);
        if name == b"VP8X"
            && let Some(flags) = out.get_mut(at + 8)
        {
            *flags &= !METADATA;
        }
    }
    let size = u32::try_from(out.len() - 8).ok()?;
    out.get_mut(4..8)?.copy_from_slice(&size.to_le_bytes());
    has_image.then_some(out)
}
