//! The last line of a backup: the format, the version that wrote it, and the SHA-256 of everything
//! before the line. It proves that the file is complete and unchanged before its content is read.
//! SQLite ignores data after its last page.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::VERSION;

/// The prefix of the line.
const NAME: &str = "kilonova-backup ";

/// The format that this version writes, and the newest that it reads.
const FORMAT: u32 = 1;

/// The maximum length of the line in bytes.
const LINE: usize = 256;

/// The number of bytes read at a time.
const PART: usize = 256 * 1024;

/// The reason why a file is not a usable backup.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The line is missing.
    #[error("it is not a backup, or its end is missing")]
    Unsealed,
    /// A newer version made it.
    #[error("a newer version of kilonova ({0}) made it; use that version")]
    Newer(String),
    /// The digest does not match.
    #[error("it is damaged: its checksum does not match; use another backup")]
    Damaged,
    /// It cannot be read.
    #[error("cannot read it: {0}")]
    Read(#[source] io::Error),
    /// The copy cannot be written.
    #[error("cannot write a copy of it to the data folder: {0}")]
    Write(#[source] io::Error),
    /// The caller stopped the copy.
    #[error("stopped")]
    Stopped,
}

/// A backup whose last line is present and valid.
pub(super) struct Sealed {
    file: File,
    /// Bytes before the line.
    length: u64,
    line: Line,
}

/// The content of the line.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    version: String,
    digest: String,
}

/// Appends the line to a file that is open for reading and appending.
pub(super) fn append(file: &mut File) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut digest = Sha256::new();
    read(file, length, |part| {
        digest.update(part);
        Ok::<_, io::Error>(())
    })?;
    let line = Line { version: VERSION.to_owned(), digest: HEXLOWER.encode(&digest.finalize()) };
    file.write_all(line.to_string().as_bytes())
}

impl Sealed {
    /// Reads the last line of a file.
    pub(super) fn of(file: File) -> Result<Sealed, Broken> {
        let all = file.metadata().map_err(Broken::Read)?.len();
        let start = all.saturating_sub(LINE as u64);
        let mut end = Vec::new();
        let mut bytes = [0; LINE];
        let mut at = start;
        while at < all {
            match file.read_at(&mut bytes, at).map_err(Broken::Read)? {
                0 => break,
                count => {
                    end.extend_from_slice(bytes.get(..count).unwrap_or_default());
                    at += count as u64;
                }
            }
        }
        let begun = end.windows(NAME.len()).rposition(|window| window == NAME.as_bytes());
        let begun = begun.ok_or(Broken::Unsealed)?;
        let line = Line::parse(end.get(begun..).unwrap_or_default())?;
        Ok(Sealed { file, length: start + begun as u64, line })
    }

    /// The version that made the backup.
    pub(super) fn version(&self) -> &str {
        &self.line.version
    }

    /// Bytes before the line.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Copies everything before the line to another file and verifies the checksum. `step` receives
    /// the number of bytes copied; if it returns false, the copy stops with [`Broken::Stopped`].
    pub(super) fn copy_to(&self, mut to: &File, step: impl Fn(u64) -> bool) -> Result<(), Broken> {
        let mut digest = Sha256::new();
        read(&self.file, self.length, |part| {
            digest.update(part);
            to.write_all(part).map_err(Broken::Write)?;
            if step(part.len() as u64) { Ok(()) } else { Err(Broken::Stopped) }
        })?;
        match HEXLOWER.encode(&digest.finalize()) == self.line.digest {
            true => Ok(()),
            false => Err(Broken::Damaged),
        }
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Broken {
        Broken::Read(error)
    }
}

/// Reads the first `length` bytes of a file in parts.
fn read<E: From<io::Error>>(
    file: &File,
    length: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut part = vec![0; PART];
    let mut at = 0;
    while at < length {
        let most = usize::try_from(length - at).unwrap_or(PART).min(PART);
        let room = part.get_mut(..most).unwrap_or_default();
        let count = file.read_at(room, at)?;
        if count == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        take(room.get(..count).unwrap_or_default())?;
        at += count as u64;
    }
    Ok(())
}

impl Line {
    fn parse(line: &[u8]) -> Result<Line, Broken> {
        let line = std::str::from_utf8(line).map_err(|_| Broken::Unsealed)?;
        let words = line.strip_suffix('\n').and_then(|line| line.strip_prefix(NAME));
        let words: Vec<&str> = words.ok_or(Broken::Unsealed)?.split(' ').collect();
        let [format, version, digest @ ..] = words.as_slice() else {
            return Err(Broken::Unsealed);
        };
        let version = version.chars().filter(|c| !c.is_control()).collect();
        match (format.parse::<u32>(), digest) {
            (Ok(format), _) if format > FORMAT => Err(Broken::Newer(version)),
            (Ok(1..), [digest]) => Ok(Line { version, digest: (*digest).to_owned() }),
            _ => Err(Broken::Unsealed),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{NAME}{FORMAT} {} {}", self.version, self.digest)
    }
}
