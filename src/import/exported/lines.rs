//! Reads JSON lines one by one from a file of any length; the length of each line is bounded.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::super::file;
use super::super::report::Note;
use crate::changeset::Params;
use crate::export::format::MAX_HEAD;

/// The lines of a file.
pub(super) struct Lines {
    reader: Option<BufReader<File>>,
    number: usize,
}

impl Lines {
    /// The lines of a regular file; none if the file does not exist.
    pub(super) fn of(path: &Path) -> Result<Lines, Note> {
        let reader = file::open(path)?.map(|(file, _)| BufReader::new(file));
        Ok(Lines { reader, number: 0 })
    }

    /// The next line, cut at the bound, and whether it is complete.
    fn line(&mut self) -> std::io::Result<Option<(Vec<u8>, bool)>> {
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let mut line = Vec::new();
        reader.by_ref().take(MAX_HEAD as u64 + 1).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        let is_whole = line.len() <= MAX_HEAD || line.ends_with(b"\n");
        if !is_whole {
            reader.skip_until(b'\n')?;
        }
        Ok(Some((line, is_whole)))
    }
}

/// Yields the number of each line with its fields, or why it has none. Skips blank lines.
impl Iterator for Lines {
    type Item = (usize, Result<Params, Note>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.number += 1;
            let (line, is_whole) = match self.line() {
                Ok(line) => line?,
                Err(error) => {
                    self.reader = None;
                    return Some((
                        self.number,
                        Err(Note::lost("cannot be read", error.to_string())),
                    ));
                }
            };
            if !is_whole {
                return Some((self.number, Err(Note::lost("a line is larger than 4 MiB", ""))));
            }
            if !line.trim_ascii().is_empty() {
                let fields = serde_json::from_slice::<Params>(&line);
                let fields = fields.map_err(|error| {
                    let why: String = error.to_string().chars().take(160).collect();
                    Note::lost("a line is not a JSON object", why)
                });
                return Some((self.number, fields.map_err(|note| note.on(self.number))));
            }
        }
    }
}
