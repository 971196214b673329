//! The owner's icon: a picture in a format that uploads may have, or a Windows icon file of such
//! pictures.

use super::{File, Unfit};
use crate::pictures;

/// The most bytes of an icon, which every reader loads.
const MAX: usize = 256 * 1024;

/// The most pictures of a Windows icon file.
const MAX_PICTURES: usize = 32;

const HEAD: usize = 6;
const ENTRY: usize = 16;

const UNKNOWN: Unfit = Unfit::Icon(
    "expected a picture: png, webp, ico, gif, jpeg or avif (svg can hold scripts; convert it to png)",
);
const DAMAGED: Unfit = Unfit::Icon("the file is damaged or incomplete");
const TOO_LARGE: Unfit = Unfit::Icon("the file is larger than 256 KiB");

/// The icon of the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icon {
    /// The picture, without metadata.
    pub file: File,
    /// Its media type.
    pub media_type: &'static str,
    extension: &'static str,
}

impl Icon {
    /// Reads an icon from the bytes of a file.
    pub fn of(file: &[u8]) -> Result<Icon, Unfit> {
        if file.len() > MAX {
            return Err(TOO_LARGE);
        }
        if file.starts_with(&[0, 0, 1, 0]) {
            let file = File::of(windows(file).ok_or(DAMAGED)?);
            return Ok(Icon { file, media_type: "image/x-icon", extension: "ico" });
        }
        let picture = pictures::clean(file).map_err(|unfit| match unfit {
            pictures::Unfit::Unknown => UNKNOWN,
            pictures::Unfit::Damaged(_) => DAMAGED,
            pictures::Unfit::TooLarge => Unfit::Icon("the picture has too many pixels"),
        })?;
        let (media_type, extension) = (picture.format.media_type(), picture.format.extension());
        Ok(Icon { file: File::of(picture.bytes), media_type, extension })
    }

    /// Its file name.
    pub fn name(&self) -> String {
        format!("site-icon.{}", self.extension)
    }

    /// True if a phone can put it on its home screen.
    pub fn is_png(&self) -> bool {
        self.extension == "png"
    }
}

/// Rebuilds a Windows icon file from its pictures alone, without metadata; `None` if it is damaged.
fn windows(file: &[u8]) -> Option<Vec<u8>> {
    let count = usize::from(u16::from_le_bytes(file.get(4..HEAD)?.try_into().ok()?));
    if !(1..=MAX_PICTURES).contains(&count) {
        return None;
    }
    let mut head = file.get(..HEAD)?.to_vec();
    let mut body = Vec::new();
    for number in 0..count {
        let entry = file.get(HEAD + number * ENTRY..HEAD + (number + 1) * ENTRY)?;
        let read = |at: usize| {
            let bytes = entry.get(at..at + 4)?.try_into().ok()?;
            usize::try_from(u32::from_le_bytes(bytes)).ok()
        };
        let (length, start) = (read(8)?, read(12)?);
        let picture = file.get(start..start.checked_add(length)?).filter(|it| !it.is_empty())?;
        let cleaned = match pictures::clean(picture) {
            Ok(picture) => picture.bytes,
            // A bitmap without its file header. It has no metadata.
            Err(pictures::Unfit::Unknown) => picture.to_vec(),
            Err(_) => return None,
        };
        head.extend(entry.get(..8)?);
        head.extend(u32::try_from(cleaned.len()).ok()?.to_le_bytes());
        let at = HEAD + count * ENTRY + body.len();
        head.extend(u32::try_from(at).ok()?.to_le_bytes());
        body.extend(cleaned);
        // Entries may share bytes, so a small file could grow without this check.
        if body.len() > MAX {
            return None;
        }
    }
    head.extend(body);
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An icon file of these pictures.
    fn ico(pictures: &[&[u8]]) -> Vec<u8> {
        let mut file = vec![0, 0, 1, 0, u8::try_from(pictures.len()).unwrap(), 0];
        let mut at = HEAD + ENTRY * pictures.len();
        for picture in pictures {
            file.extend([16, 16, 0, 0, 1, 0, 32, 0]);
            file.extend(u32::try_from(picture.len()).unwrap().to_le_bytes());
            file.extend(u32::try_from(at).unwrap().to_le_bytes());
            at += picture.len();
        }
        file.extend(pictures.concat());
        file
    }

    #[test]
    fn an_icon_file_keeps_its_pictures_and_no_trailing_bytes() {
        let bitmap = [40, 0, 0, 0, 1, 2, 3];
        let file = ico(&[&bitmap, b"(another"]);
        let told = [&file[..], b"told by nobody"].concat();
        let icon = Icon::of(&told).unwrap();
        assert_eq!(&*icon.file.bytes, &*file);
        assert_eq!((icon.media_type, &*icon.name()), ("image/x-icon", "site-icon.ico"));
    }

    #[test]
    fn files_that_are_not_pictures_are_refused() {
        let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
        assert_eq!(Icon::of(svg), Err(UNKNOWN));
        assert_eq!(Icon::of(b""), Err(UNKNOWN));
        assert_eq!(Icon::of(&vec![0; MAX + 1]), Err(TOO_LARGE));
        let file = ico(&[b"(bitmap"]);
        for end in 4..file.len() {
            assert_eq!(Icon::of(&file[..end]), Err(DAMAGED), "{end}");
        }
        let mut beyond = file.clone();
        beyond[14..18].fill(0xff);
        assert_eq!(Icon::of(&beyond), Err(DAMAGED));
        // Entries that share the same bytes.
        let large = vec![40; 200 * 1024];
        let mut shared = ico(&[&large, b"(x"]);
        let first = shared[6..22].to_vec();
        shared[22..38].copy_from_slice(&first);
        assert_eq!(Icon::of(&shared), Err(DAMAGED));
    }
}
