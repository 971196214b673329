//! Cleaning of files that hold every kind of metadata.

use super::*;

/// A location as a camera would store it. The tests search the cleaned files for it.
const SECRET: &[u8] = b"52.5163N 13.3777E";

/// Exif with an orientation and a secret.
fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"II\x2a\0\x08\0\0\0\x02\0".to_vec();
    exif.extend_from_slice(&[0x0e, 1, 2, 0, 17, 0, 0, 0, 38, 0, 0, 0]);
    exif.extend_from_slice(&[0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
    exif.extend_from_slice(&[0; 4]);
    exif.extend_from_slice(SECRET);
    exif
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap();
    [&[0xff, marker], &length.to_be_bytes()[..], content].concat()
}

/// 3 × 2 pixels.
fn jpeg(orientation: u8) -> Vec<u8> {
    let thumbnail = [b"JFIF\0\x01\x01\0\0\x01\0\x01\x01\x01", &SECRET[..3]].concat();
    [
        b"\xff\xd8".to_vec(),
        segment(0xe0, &thumbnail),
        segment(0xe1, &[b"Exif\0\0", &exif(orientation)[..]].concat()),
        segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", SECRET].concat()),
        segment(0xe2, b"ICC_PROFILE\0\x01\x01colours"),
        segment(0xe2, &[b"MPF\0", SECRET].concat()),
        segment(0xed, SECRET),
        segment(0xfe, SECRET),
        segment(0xdb, &[1; 65]),
        b"\xff\xff".to_vec(),
        segment(0xc0, b"\x08\0\x02\0\x03\x01\x01\x11\0"),
        segment(0xda, b"\x01\x01\0\0\x3f\0"),
        b"data\xff\0more\xff\xd0rest".to_vec(),
        segment(0xfe, SECRET),
        segment(0xda, b"\x01\x01\0\0\x3f\0"),
        b"second scan".to_vec(),
        b"\xff\xd9".to_vec(),
        SECRET.to_vec(),
    ]
    .concat()
}

fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let named = [name, content].concat();
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&length, &named[..], &crc32fast::hash(&named).to_be_bytes()].concat()
}

fn png(orientation: u8) -> Vec<u8> {
    [
        png::SIGNATURE.to_vec(),
        chunk(b"IHDR", &[0, 0, 0, 3, 0, 0, 0, 2, 8, 2, 0, 0, 0]),
        chunk(b"tEXt", &[b"Comment\0", SECRET].concat()),
        chunk(b"eXIf", &exif(orientation)),
        chunk(b"gAMA", &[0, 0, 0xb1, 0x8f]),
        chunk(b"IDAT", b"some data"),
        chunk(b"prVt", SECRET),
        chunk(b"IEND", b""),
        SECRET.to_vec(),
    ]
    .concat()
}

fn gif() -> Vec<u8> {
    let told = |label: u8, first: &[u8], rest: &[u8]| {
        let lengths = [u8::try_from(first.len()).unwrap(), u8::try_from(rest.len()).unwrap()];
        [&[0x21, label, lengths[0]], first, &[lengths[1]], rest, &[0]].concat()
    };
    [
        b"GIF89a\x03\0\x02\0\x80\0\0".to_vec(),
        vec![0, 0, 0, 255, 255, 255],
        told(0xff, b"NETSCAPE2.0", &[1, 0, 0]),
        told(0xff, b"XMP DataXMP", SECRET),
        told(0xfe, SECRET, SECRET),
        b"\x21\xf9\x04\0\x0a\0\0\0".to_vec(),
        b"\x2c\0\0\0\0\x03\0\x02\0\0\x02\x02\x4c\x01\0".to_vec(),
        b";".to_vec(),
        SECRET.to_vec(),
    ]
    .concat()
}

fn riff(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_le_bytes();
    [name, &length, content, &vec![0; content.len() % 2]].concat()
}

fn webp() -> Vec<u8> {
    let body = [
        b"WEBP".to_vec(),
        riff(b"VP8X", &[0x0c, 0, 0, 0, 2, 0, 0, 1, 0, 0]),
        riff(b"VP8L", b"\x2f\x02\x40\0\0data!"),
        riff(b"EXIF", &exif(6)),
        riff(b"XMP ", SECRET),
        riff(b"PRVT", SECRET),
    ]
    .concat();
    [riff(b"RIFF", &body), SECRET.to_vec()].concat()
}

fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 8).unwrap().to_be_bytes();
    [&length, &name[..], content].concat()
}

/// A file with its Exif in `mdat` and its XMP in `idat`.
fn avif() -> Vec<u8> {
    let entry = |id: u8, kind: &[u8; 4], rest: &[u8]| {
        boxed(b"infe", &[&[2, 0, 0, 0, 0, id, 0, 0], &kind[..], rest].concat())
    };
    let entries = [
        entry(1, b"av01", b"\0"),
        entry(2, b"Exif", &[SECRET, b"\0"].concat()),
        entry(3, b"mime", b"\0application/rdf+xml\0"),
    ];
    let infos = boxed(b"iinf", &[b"\0\0\0\0\0\x03".to_vec(), entries.concat()].concat());
    let sizes = boxed(b"ispe", b"\0\0\0\0\0\0\0\x03\0\0\0\x02");
    let properties = boxed(b"iprp", &boxed(b"ipco", &sizes));
    let data = boxed(b"idat", SECRET);
    let secret = u8::try_from(SECRET.len()).unwrap();
    let start = boxed(b"ftyp", b"avif\0\0\0\0avifmif1");
    let whole = |at: u32| {
        let place = |id: u8, method: u8, offset: u32, length: u8| {
            let head = [0, id, 0, method, 0, 0, 0, 1];
            [&head[..], &offset.to_be_bytes(), &[0, 0, 0, length]].concat()
        };
        let places = [place(1, 0, at, 4), place(2, 0, at + 4, secret), place(3, 1, 0, secret)];
        let locations =
            boxed(b"iloc", &[b"\x01\0\0\0\x44\0\0\x03".to_vec(), places.concat()].concat());
        let items = [infos.clone(), locations, properties.clone(), data.clone()].concat();
        let meta = boxed(b"meta", &[vec![0; 4], items, boxed(b"uuid", SECRET)].concat());
        let before = [start.clone(), meta].concat();
        (before.len() + 8, [before, boxed(b"mdat", &[b"DATA", SECRET].concat())].concat())
    };
    let at = u32::try_from(whole(0).0).unwrap();
    [whole(at).1, boxed(b"free", SECRET)].concat()
}

/// Files of each format, all 3 × 2 pixels.
pub(super) fn samples() -> Vec<(Format, Vec<u8>)> {
    vec![
        (Format::Jpeg, jpeg(1)),
        (Format::Jpeg, jpeg(6)),
        (Format::Png, png(1)),
        (Format::Png, png(8)),
        (Format::Gif, gif()),
        (Format::Webp, webp()),
        (Format::Avif, avif()),
    ]
}

fn has(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn no_metadata_of_a_picture_is_left() {
    for (format, file) in samples() {
        assert!(has(&file, SECRET), "{format:?}");
        let picture = clean(&file).unwrap_or_else(|unfit| panic!("{format:?}: {unfit}"));
        assert_eq!(picture.format, format);
        assert!(!has(&picture.bytes, SECRET), "{format:?}");
        assert!(!has(&picture.bytes, &SECRET[..3]), "{format:?}: the thumbnail");
        assert!(has(&picture.bytes, b"data") || format != Format::Jpeg);
    }
}

#[test]
fn the_picture_itself_stays() {
    let kept = clean(&jpeg(1)).unwrap().bytes;
    assert!(has(&kept, b"data\xff\0more\xff\xd0rest") && has(&kept, b"second scan\xff\xd9"));
    assert!(has(&kept, b"ICC_PROFILE\0\x01\x01colours"));
    let kept = clean(&png(1)).unwrap().bytes;
    assert!(
        has(&kept, b"gAMA") && has(&kept, b"IDATsome data") && kept.ends_with(&chunk(b"IEND", b""))
    );
    let kept = clean(&gif()).unwrap().bytes;
    assert!(has(&kept, b"NETSCAPE2.0") && has(&kept, b"\x21\xf9\x04\0\x0a\0\0\0\x2c"));
    let kept = clean(&webp()).unwrap().bytes;
    assert!(has(&kept, b"VP8L") && kept[20] == 0, "no flag for metadata");
    assert!(has(&clean(&avif()).unwrap().bytes, b"DATA"));
}

#[test]
fn the_size_of_a_picture_is_the_one_shown() {
    for (format, file) in samples() {
        let picture = clean(&file).unwrap();
        let is_turned = [jpeg(6), png(8)].contains(&file);
        let expected = if is_turned { (2, 3) } else { (3, 2) };
        assert_eq!((picture.width, picture.height), expected, "{format:?}");
        // Rotated pictures keep their orientation.
        assert_eq!(has(&picture.bytes, b"MM\0\x2a"), is_turned, "{format:?}");
    }
}

#[test]
fn a_truncated_picture_is_refused() {
    for (format, file) in samples() {
        let kept = clean(&file).unwrap().bytes;
        for end in 0..kept.len() - 1 {
            match clean(&kept[..end]) {
                Err(Unfit::Unknown) => assert!(end < 40, "{format:?}: {end}"),
                Err(Unfit::Damaged(_)) => {}
                // GIF files may lack the trailer; the content of overwritten boxes may be missing.
                other => assert!(
                    matches!(format, Format::Gif | Format::Avif),
                    "{format:?}: {end}: {other:?}"
                ),
            }
        }
    }
}

#[test]
fn files_that_are_not_pictures_are_refused() {
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    let heic = boxed(b"ftyp", b"heic\0\0\0\0mif1");
    for other in [&b""[..], b"GIF", b"hello", svg, b"%PDF-1.7", b"BM", &heic, b"MZ\x90"] {
        assert_eq!(clean(other), Err(Unfit::Unknown), "{other:?}");
    }
    let page = b"GIF89a/*<script>alert(1)</script>*/";
    assert_eq!(clean(page), Err(Unfit::Damaged("gif")));
}

#[test]
fn a_picture_of_too_many_pixels_is_refused() {
    for (width, height) in [(30_001_u32, 1_u32), (20_000, 20_000), (u32::MAX, u32::MAX)] {
        let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
        let file = [
            png::SIGNATURE.to_vec(),
            chunk(b"IHDR", &header),
            chunk(b"IDAT", b"x"),
            chunk(b"IEND", b""),
        ];
        assert_eq!(clean(&file.concat()), Err(Unfit::TooLarge));
    }
}

#[test]
fn overlapping_items_take_little_time() {
    let entry = boxed(b"infe", b"\x02\0\0\0\0\x02\0\0Exif\0");
    let infos = boxed(b"iinf", &[&b"\0\0\0\0\0\x01"[..], &entry].concat());
    // 60,000 extents, each of the whole file.
    let mut locations = b"\x00\0\0\0\0\0\0\x01\0\x02\0\0".to_vec();
    locations.extend_from_slice(&60_000_u16.to_be_bytes());
    let meta = boxed(b"meta", &[vec![0; 4], infos, boxed(b"iloc", &locations)].concat());
    let file = [boxed(b"ftyp", b"avif\0\0\0\0"), meta, boxed(b"mdat", &vec![1; 4 << 20])].concat();
    let begun = std::time::Instant::now();
    assert_eq!(clean(&file), Err(Unfit::Damaged("avif")));
    assert!(begun.elapsed().as_secs() < 5);
}

/// An export has the cleaned file, and the import cleans it again: it must stay the same upload.
#[test]
fn cleaning_a_clean_file_changes_nothing_in_every_format() {
    let mut formats = Vec::new();
    for (format, file) in samples() {
        let once = clean(&file).unwrap();
        assert_eq!(clean(&once.bytes).as_ref(), Ok(&once), "{format:?}");
        formats.push(once.format);
    }
    assert!(Format::ALL.iter().all(|format| formats.contains(format)), "{formats:?}");
}
