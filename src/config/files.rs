//! The files that flags name. Opening one never waits, whatever is there.

use std::fs::{File, OpenOptions};
use std::io::{Error, Result};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// A regular file. A pipe would keep the start waiting for somebody to write into it.
pub(super) fn open(path: &Path) -> Result<File> {
    let flags = OFlags::NONBLOCK.bits().try_into().map_err(Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(Error::other("it is no regular file")),
    }
}
