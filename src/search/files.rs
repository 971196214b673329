//! Removes the files of an index, and leaves every other file in the folder alone.

use std::io;
use std::path::Path;

/// Removes the files that Tantivy wrote into `dir`, except for its locks.
pub(super) fn wipe(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && entry.file_name().to_str().is_some_and(is_of_an_index) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn is_of_an_index(name: &str) -> bool {
    let segment = name.split_once('.').is_some_and(|(segment, _)| {
        segment.len() == 32 && segment.bytes().all(|b| b.is_ascii_hexdigit())
    });
    segment || matches!(name, "meta.json" | ".managed.json") || name.starts_with(".tmp")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_an_index_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let segment = format!("{}.store", "0a".repeat(16));
        for name in
            ["meta.json", ".managed.json", &segment, "kilonova.sqlite3", ".tantivy-writer.lock"]
        {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        wipe(dir.path()).unwrap();
        let mut left: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, [".tantivy-writer.lock", "kilonova.sqlite3"]);
    }
}
