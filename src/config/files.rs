//! The files that flags name. Opening one never blocks, whatever the path refers to.

use std::fs::{File, OpenOptions};
use std::io::{Error, Result};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a regular file. Opening a pipe would block startup until somebody writes to it.
pub(super) fn open(path: &Path) -> Result<File> {
    let flags = OFlags::NONBLOCK.bits().try_into().map_err(Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(Error::other("it is not a regular file")),
    }
}
