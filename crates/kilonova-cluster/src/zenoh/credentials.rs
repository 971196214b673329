//! The password file that Zenoh reads.

use std::io::Write;

use tempfile::NamedTempFile;

use super::proof::Proof;
use super::{Error, Options};

/// The user name that all nodes connect with.
pub(super) const USER: &str = "kilonova";

/// Writes the password file. Only this user can read it (`tempfile` ensures that), and dropping the
/// returned value deletes it.
pub(super) fn write(options: &Options) -> Result<NamedTempFile, Error> {
    let failed = |source| Error::Folder { folder: options.folder.clone(), source };
    let mut file = tempfile::Builder::new()
        .prefix(".cluster-")
        .tempfile_in(&options.folder)
        .map_err(failed)?;
    writeln!(file, "{USER}:{}", Proof::password(&options.secret)).map_err(failed)?;
    Ok(file)
}
