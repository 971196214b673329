//! The password, where Zenoh reads it: in a file.

use std::io::Write;

use tempfile::NamedTempFile;

use super::proof::Proof;
use super::{Error, Options};

/// The one user as whom all nodes connect.
pub(super) const USER: &str = "kilonova";

/// Writes the file; only this user may read it (`tempfile` makes it so), and it goes with the
/// value.
pub(super) fn write(options: &Options) -> Result<NamedTempFile, Error> {
    let failed = |source| Error::Folder { folder: options.folder.clone(), source };
    let mut file = tempfile::Builder::new()
        .prefix(".cluster-")
        .tempfile_in(&options.folder)
        .map_err(failed)?;
    writeln!(file, "{USER}:{}", Proof::password(&options.secret)).map_err(failed)?;
    Ok(file)
}
