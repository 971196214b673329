//! Safely reads a file that somebody else may control: only a regular file, not through a symbolic
//! link, without waiting for a pipe, up to a size limit, and only if it does not change during the
//! read.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::OFlags;

use super::report::Note;

/// A file's text and modification time.
pub(super) struct Text {
    pub(super) text: String,
    pub(super) modified: Option<SystemTime>,
}

/// A file's bytes and modification time.
pub(super) struct Bytes {
    pub(super) bytes: Vec<u8>,
    pub(super) modified: Option<SystemTime>,
}

/// Opens a regular file; `None` if it does not exist.
pub(super) fn open(path: &Path) -> Result<Option<(File, Metadata)>, Note> {
    // If the name is a pipe's by now, a blocking open would wait for a writer.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(Note::lost("symbolic link", ""));
        }
        Err(error) => return Err(unreadable(error)),
    };
    let metadata = file.metadata().map_err(unreadable)?;
    match metadata.is_file() {
        true => Ok(Some((file, metadata))),
        false => Err(Note::lost("not a file", "")),
    }
}

fn unreadable(error: std::io::Error) -> Note {
    Note::lost("cannot be read", error.to_string())
}

/// Reads a file of at most `most` bytes; `None` if it does not exist.
pub(super) fn bytes(path: &Path, most: u64) -> Result<Option<Bytes>, Note> {
    let Some((mut file, before)) = open(path)? else { return Ok(None) };
    if before.len() > most {
        return Err(too_large(most));
    }
    let bytes = take(&mut file, most).map_err(unreadable)?;
    if bytes.len() as u64 > most {
        return Err(too_large(most));
    }
    let after = file.metadata().map_err(unreadable)?;
    if changed(&before, &after) || bytes.len() as u64 != after.len() {
        return Err(Note::lost("changed while it was read", "import it again"));
    }
    Ok(Some(Bytes { bytes, modified: after.modified().ok() }))
}

/// Reads a text of at most `most` bytes; `None` if the file does not exist.
pub(super) fn read(path: &Path, most: u64) -> Result<Option<Text>, Note> {
    let Some(Bytes { bytes, modified }) = bytes(path, most)? else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..valid).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let wrong = error.as_bytes().get(valid).copied().unwrap_or_default();
        Note::lost("not UTF-8", format!("byte 0x{wrong:02X}; convert the file, e.g. with iconv"))
            .on(line)
    })?;
    Ok(Some(Text { text, modified }))
}

/// Whether `name`, a path with `/`, is a regular file below a folder, with no symbolic link on the
/// path.
pub(super) fn is_below(folder: &Path, name: &str) -> bool {
    let mut path = folder.to_owned();
    let mut parts = name.split('/').peekable();
    while let Some(part) = parts.next() {
        path.push(part);
        let Ok(found) = path.symlink_metadata() else { return false };
        let fits = if parts.peek().is_none() { found.is_file() } else { found.is_dir() };
        if !fits {
            return false;
        }
    }
    true
}

fn take(file: &mut File, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn changed(before: &Metadata, after: &Metadata) -> bool {
    before.len() != after.len() || before.modified().ok() != after.modified().ok()
}

fn too_large(most: u64) -> Note {
    match most / (1024 * 1024) {
        0 => Note::lost(format!("larger than {} KiB", most / 1024), ""),
        mebibytes => Note::lost(format!("larger than {mebibytes} MiB"), ""),
    }
}
