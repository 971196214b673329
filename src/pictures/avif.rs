//! AVIF: items in boxes of ISO media files (ISO/IEC 14496-12, 23008-12).
//!
//! Boxes refer to byte offsets in the file, so nothing is removed: metadata is overwritten with
//! zeros in place.

use std::ops::Range;

use super::reader::Reader;

/// The deepest nesting of the boxes that are parsed: `moov`, `trak`, `mdia`, `minf`.
const MAX_DEPTH: usize = 6;

/// Boxes that may hold metadata.
const TELLING: [&[u8; 4]; 5] = [b"uuid", b"udta", b"free", b"skip", b"meco"];

/// Boxes of a sequence that contain boxes.
const HOLDING: [&[u8; 4]; 5] = [b"moov", b"trak", b"mdia", b"minf", b"stbl"];

pub(super) fn is_avif(file: &[u8]) -> bool {
    let mut reader = Reader(file);
    let Some(ftyp) = next(&mut reader, 0).filter(|it| it.name == b"ftyp") else { return false };
    let brands = file.get(ftyp.content).unwrap_or_default();
    let (major, rest) = brands.split_at(brands.len().min(4));
    let others = rest.get(4..).unwrap_or_default().chunks(4);
    std::iter::once(major).chain(others).any(|brand| matches!(brand, b"avif" | b"avis"))
}

/// The file with its metadata overwritten.
pub(super) fn clean(file: &[u8]) -> Option<Vec<u8>> {
    let clean = overwritten(file)?;
    // Overwriting an item that overlaps boxes changes them, and may expose other metadata.
    (overwritten(&clean)? == clean).then_some(clean)
}

fn overwritten(file: &[u8]) -> Option<Vec<u8>> {
    let mut out = file.to_vec();
    let mut has_items = false;
    let mut end = 0;
    let mut reader = Reader(file);
    while !reader.is_empty() {
        let found = next(&mut reader, end)?;
        end = found.end;
        match found.name {
            b"meta" => {
                items(file, found.content.clone(), &mut out)?;
                has_items = true;
            }
            name if TELLING.contains(&name) => forget(&mut out, &found),
            name if HOLDING.contains(&name) => sequence(file, found.content, &mut out, 0)?,
            _ => {}
        }
    }
    has_items.then_some(out)
}

/// A box, by its offsets in the file.
struct Found<'a> {
    name: &'a [u8; 4],
    name_at: usize,
    content: Range<usize>,
    end: usize,
}

/// The next box. The reader's first byte is at the offset `start`.
fn next<'a>(reader: &mut Reader<'a>, start: usize) -> Option<Found<'a>> {
    let length = reader.0.len();
    let mut ahead = *reader;
    let short = ahead.u32_be()?;
    let name: &[u8; 4] = ahead.take(4)?.try_into().ok()?;
    let size = match short {
        // The box extends to the end of the file.
        0 => length,
        1 => usize::try_from(ahead.number_be(8)?).ok()?,
        size => usize::try_from(size).ok()?,
    };
    let header = length - ahead.0.len();
    if size < header {
        return None;
    }
    reader.take(size)?;
    Some(Found {
        name,
        name_at: start + 4,
        content: start + header..start + size,
        end: start + size,
    })
}

/// Overwrites a box and turns it into a `free` one, which readers ignore.
fn forget(out: &mut [u8], found: &Found<'_>) {
    if let Some(name) = out.get_mut(found.name_at..found.name_at + 4) {
        name.copy_from_slice(b"free");
    }
    zero(out, found.content.clone());
}

fn zero(out: &mut [u8], range: Range<usize>) -> bool {
    out.get_mut(range).map(|bytes| bytes.fill(0)).is_some()
}

/// Overwrites the metadata in the boxes of a sequence.
fn sequence(file: &[u8], content: Range<usize>, out: &mut [u8], depth: usize) -> Option<()> {
    if depth == MAX_DEPTH {
        return None;
    }
    let mut at = content.start;
    let mut reader = Reader(file.get(content)?);
    while !reader.is_empty() {
        let found = next(&mut reader, at)?;
        at = found.end;
        match found.name {
            name if TELLING.contains(&name) || name == b"meta" => forget(out, &found),
            name if HOLDING.contains(&name) => sequence(file, found.content, out, depth + 1)?,
            _ => {}
        }
    }
    Some(())
}

/// Overwrites the items that hold metadata: Exif and XMP.
fn items(file: &[u8], content: Range<usize>, out: &mut [u8]) -> Option<()> {
    let (mut at, mut reader) = (content.start, Reader(file.get(content)?));
    reader.take(4)?;
    at += 4;
    let (mut telling, mut locations, mut data) = (Vec::new(), None, None);
    while !reader.is_empty() {
        let found = next(&mut reader, at)?;
        at = found.end;
        match found.name {
            b"iinf" => telling = tellers(file, found.content, out)?,
            b"iloc" => locations = Some(found.content),
            b"idat" => data = Some(found.content),
            name if TELLING.contains(&name) => forget(out, &found),
            _ => {}
        }
    }
    if telling.is_empty() {
        return Some(());
    }
    telling.sort_unstable();
    overwrite(Reader(file.get(locations?)?), &telling, data, out)
}

/// Returns the ids of the items that hold metadata, and overwrites their types.
fn tellers(file: &[u8], content: Range<usize>, out: &mut [u8]) -> Option<Vec<u32>> {
    let mut reader = Reader(file.get(content.clone())?);
    let version = reader.u8()?;
    reader.take(3)?;
    reader.take(if version == 0 { 2 } else { 4 })?;
    let mut at = content.end - reader.0.len();
    let mut telling = Vec::new();
    while !reader.is_empty() {
        let found = next(&mut reader, at)?;
        at = found.end;
        if found.name != b"infe" {
            continue;
        }
        let mut entry = Reader(file.get(found.content.clone())?);
        let version = entry.u8()?;
        entry.take(3)?;
        let id = match version {
            2 => u32::from(entry.u16_be()?),
            3 => entry.u32_be()?,
            _ => return None,
        };
        entry.take(2)?;
        let kind_at = found.content.end - entry.0.len();
        if matches!(entry.take(4)?, b"Exif" | b"mime" | b"uri ") {
            out.get_mut(kind_at..kind_at + 4)?.copy_from_slice(b"free");
            zero(out, kind_at + 4..found.content.end);
            telling.push(id);
        }
    }
    Some(telling)
}

/// Overwrites the content of items, which the item location box (`iloc`) locates.
fn overwrite(
    mut reader: Reader<'_>,
    ids: &[u32],
    data: Option<Range<usize>>,
    out: &mut [u8],
) -> Option<()> {
    let version = reader.u8()?;
    reader.take(3)?;
    let (sizes, more) = (reader.u8()?, reader.u8()?);
    let (offset_size, length_size, base_size) = (sizes >> 4, sizes & 15, more >> 4);
    let index_size = if version == 0 { 0 } else { more & 15 };
    let wide = version == 2;
    let number = |reader: &mut Reader<'_>| reader.number_be(if wide { 4 } else { 2 });
    // Items may overlap: bound the bytes overwritten, or the same bytes cost time again and again.
    let mut left = out.len();
    for _ in 0..number(&mut reader)? {
        let id = u32::try_from(number(&mut reader)?).ok()?;
        let method = if version == 0 { 0 } else { reader.u16_be()? & 15 };
        let source = reader.u16_be()?;
        let base = reader.number_be(base_size)?;
        let extents = reader.u16_be()?;
        for _ in 0..extents {
            reader.number_be(index_size)?;
            let offset = reader.number_be(offset_size)?;
            let length = reader.number_be(length_size)?;
            if ids.binary_search(&id).is_err() {
                continue;
            }
            let within = match (method, source) {
                (0, 0) => 0..out.len(),
                (1, 0) => data.clone()?,
                _ => return None,
            };
            let start = usize::try_from(base.checked_add(offset)?).ok()?;
            let start = within.start.checked_add(start)?;
            // A length of zero means everything up to the end.
            let end = match usize::try_from(length).ok()? {
                0 => within.end,
                length => start.checked_add(length)?,
            };
            left = left.checked_sub(end.checked_sub(start)?)?;
            if end > within.end || !zero(out, start..end) {
                return None;
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file whose Exif item overlaps the boxes after it.
    const OVERLAID: &[u8] = b"\
        \x00\x00\x00\x18ftypavif\x00\x00\x00\x00avifmif1\x00\x00\x01\x14meta\x00\x00\x00\x00\
        \x00\x00\x00riinf\x00\x00\x00\x00\x00\x03\x00\x00\x00\x15infe\x02\x00\x00\x00\x00\
        \x01\x00\x00av01\x00\x00\x00\x00&infe\x02\x00\x00\x00\x00\x02\x00\x00Exif52.5163N 13\
        .3777E\x00\x00\x00\x00)infe\x02\x00\x00\x00\x00\x03\x00\x00mime\x00application/rdf+x\
        ml\x00\x00\x00\x00@iloc\x01\x00\x00\x00D\x00\x00\x03\x00\x01\x00\x00\x00\x00\x00\x01\
        \x00\x00\x014\x00\x00\x00\x04\x00\x02\x00\x00\x00\x00\x00\x01\x00\x00\x018\x00\x00\
        \x00n\x00\x03\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x11\x00\x00\x00$ip\
        rp\x00\x00\x00\x1cipco\x00\x00\x00\x14ispe\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\
        \x00\x02\x00\x00\x00\x19idat52.5163N 13.3777E\x00\x00\x00\x19uuid52.5163N 13.3777E\
        \x00\x00\x00\x1dmdatDATA52.5163N 13.3777E\x00\x00\x00\x19free52.5163\x00\x00\x00\x00\
        &infe\x02\x00\x00\x00\x00\x02\x00\x00Exif52.5163N 13.3777E\x00\x00\x00\x00)infe\x02\
        \x00\x00\x00\x00\x03\x00\x00mime\x00application/rdf+xml\x00\x00\x00\x00@iloc\x01\x00\
        \x00\x00D\x00\x00\x03\x00\x01\x00\x00\x00\x00\x00\x01\x00\x00\x014\x00\x00\x00\x04\
        \x00\x02\x00\x00\x00\x00\x00\x01\x00\x00\x018\x00\x00\x00\x11\x00\x03\x00\x01\x00\
        \x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x11\x00\x00\x00$iprp\x00\x00\x00\x1cipco\
        \x00\x00\x00\x14ispe\x00\x00\x00\x00\x00\x00\x00N 13.3777E";

    #[test]
    fn a_file_whose_items_overlap_its_boxes_is_refused() {
        assert!(is_avif(OVERLAID));
        assert_eq!(clean(OVERLAID), None);
    }
}
