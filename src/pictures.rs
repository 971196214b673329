//! Cleans untrusted pictures. It recognizes their format by content and removes everything other
//! than the picture: places, times, devices, comments, previews, and data after the end.
//!
//! It parses only the containers and keeps the image data unchanged. Nothing is decoded, so a small
//! file cannot cost much memory and no quality is lost. Of the metadata it keeps the colour profile
//! and the orientation, without which the picture would be shown rotated. The functions are pure;
//! time and memory are proportional to the file's length.

mod avif;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod gif;
mod jpeg;
mod orientation;
mod png;
mod reader;
mod webp;

use thiserror::Error;

/// The maximum width and height in pixels.
const MAX_SIDE: usize = 30_000;

/// The maximum number of pixels.
const MAX_AREA: usize = 100_000_000;

/// A format that browsers show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// PNG, including APNG.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
    /// WebP.
    Webp,
    /// AVIF.
    Avif,
}

/// A picture without metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its format.
    pub format: Format,
    /// The displayed width in pixels.
    pub width: u32,
    /// The displayed height in pixels.
    pub height: u32,
    /// The cleaned file.
    pub bytes: Vec<u8>,
}

/// The reason why a file is not accepted as a picture.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Unfit {
    /// The file has none of the supported formats.
    #[error("expected a picture: png, jpeg, gif, webp or avif")]
    Unknown,
    /// The file violates its format or ends early.
    #[error("the {0} file is damaged or incomplete")]
    Damaged(&'static str),
    /// The picture has too many pixels.
    #[error("the picture is too large: at most 30,000 pixels a side and 100 million in all")]
    TooLarge,
}

impl Format {
    const ALL: [Format; 5] = [Format::Png, Format::Jpeg, Format::Gif, Format::Webp, Format::Avif];

    /// Detects the format from the first bytes of a file.
    fn of(bytes: &[u8]) -> Option<Format> {
        let starts = |magic: &[u8]| bytes.starts_with(magic);
        match () {
            () if starts(png::SIGNATURE) => Some(Format::Png),
            () if starts(b"\xff\xd8\xff") => Some(Format::Jpeg),
            () if starts(b"GIF87a") || starts(b"GIF89a") => Some(Format::Gif),
            () if starts(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") => Some(Format::Webp),
            () if avif::is_avif(bytes) => Some(Format::Avif),
            () => None,
        }
    }

    /// Returns the format with this media type.
    pub fn of_media_type(media_type: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.media_type() == media_type)
    }

    /// Returns the format with this file extension.
    pub fn of_extension(extension: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.extension() == extension)
    }

    /// The format's media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Png => "image/png",
            Format::Jpeg => "image/jpeg",
            Format::Gif => "image/gif",
            Format::Webp => "image/webp",
            Format::Avif => "image/avif",
        }
    }

    /// The format's file extension, which is also its short name.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Png => "png",
            Format::Jpeg => "jpg",
            Format::Gif => "gif",
            Format::Webp => "webp",
            Format::Avif => "avif",
        }
    }
}

/// Returns the picture in a file, without its metadata.
pub fn clean(file: &[u8]) -> Result<Picture, Unfit> {
    let format = Format::of(file).ok_or(Unfit::Unknown)?;
    let damaged = Unfit::Damaged(format.extension());
    let (bytes, orientation) = match format {
        Format::Png => png::clean(file),
        Format::Jpeg => jpeg::clean(file),
        Format::Gif => gif::clean(file).map(|bytes| (bytes, None)),
        Format::Webp => webp::clean(file).map(|bytes| (bytes, None)),
        Format::Avif => avif::clean(file).map(|bytes| (bytes, None)),
    }
    .ok_or(damaged)?;
    let size = imagesize::blob_size(&bytes).map_err(|_| damaged)?;
    let (mut width, mut height) = (size.width, size.height);
    if orientation.is_some_and(orientation::Orientation::is_on_its_side) {
        (width, height) = (height, width);
    }
    if width == 0 || height == 0 {
        return Err(damaged);
    }
    if width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_AREA {
        return Err(Unfit::TooLarge);
    }
    let side = |pixels: usize| u32::try_from(pixels).map_err(|_| Unfit::TooLarge);
    Ok(Picture { format, width: side(width)?, height: side(height)?, bytes })
}

#[cfg(test)]
mod tests;
