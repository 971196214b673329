//! GIF (89a): blocks of sub-blocks.

use super::reader::Reader;

/// The application extensions that are kept: they set how often an animation repeats.
const LOOPS: [&[u8]; 2] = [b"NETSCAPE2.0", b"ANIMEXTS1.0"];

/// The file without comments, texts, application extensions and trailing bytes.
pub(super) fn clean(file: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader(file);
    let mut out = Vec::with_capacity(file.len());
    let header = reader.take(13)?;
    out.extend_from_slice(header);
    out.extend_from_slice(reader.take(colours(header[10]))?);
    let mut has_image = false;
    // Many files lack the trailer byte.
    while !reader.is_empty() {
        let start = reader;
        match reader.u8()? {
            0x21 => {
                let label = reader.u8()?;
                let mut ahead = reader;
                let first = ahead.u8().and_then(|length| ahead.take(length.into()))?;
                blocks(&mut reader)?;
                if label == 0xf9 || label == 0xff && LOOPS.contains(&first) {
                    out.extend_from_slice(between(start, reader));
                }
            }
            0x2c => {
                let flags = reader.take(9)?[8];
                reader.take(colours(flags) + 1)?;
                blocks(&mut reader)?;
                out.extend_from_slice(between(start, reader));
                has_image = true;
            }
            0x3b => break,
            _ => return None,
        }
    }
    out.push(0x3b);
    has_image.then_some(out)
}

/// The size in bytes of the colour table that these flags declare.
fn colours(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Skips sub-blocks up to and including the empty one that ends them.
fn blocks(reader: &mut Reader<'_>) -> Option<()> {
    loop {
        let length = reader.u8()?;
        reader.take(length.into())?;
        if length == 0 {
            return Some(());
        }
    }
}

fn between<'a>(start: Reader<'a>, end: Reader<'a>) -> &'a [u8] {
    start.0.get(..start.0.len() - end.0.len()).unwrap_or_default()
}
