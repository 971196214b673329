//! Uploads of an export. Their bytes decide what they are: a picture is cleaned like any other, and
//! the digest is that of the bytes kept, whatever the name of the file.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::super::report::Note;
use super::super::{ImportError, Target, file, store};
use super::fields::{self, Given};
use super::lines::Lines;
use super::{Import, Users};
use crate::changeset::{Errors, Params, Text};
use crate::db::{Db, Tx};
use crate::export::format::{UPLOAD_KEYS, UPLOAD_LINES, UPLOADS};
use crate::models::clock;
use crate::models::old_address::{self, Claimed, Target as Led};
use crate::models::upload::{self, NewUpload};
use crate::pictures;

/// Maximum size of an upload in bytes; it is held in memory.
const MAX: u64 = 256 * 1024 * 1024;

/// Maximum number of uploads whose digest differs from their name.
const MOST_RENAMED: usize = 100_000;

const FILE: Text = Text { required: true, min: 1, max: 60, max_bytes: 60, single_line: true };
const NAME: Text =
    Text { required: false, min: 1, max: usize::MAX, max_bytes: 1024, single_line: true };

/// The description of an upload in one line.
struct Line {
    /// The name of its file.
    file: String,
    /// A download's name; pictures have none.
    name: Option<String>,
    account: Option<String>,
    aliases: Vec<String>,
}

/// Imports all uploads that have a line; returns the number of lines.
pub(super) fn run(import: &mut Import<'_>) -> Result<usize, ImportError> {
    let path = Path::new(UPLOAD_LINES);
    let lines = match Lines::of(&import.folder.join(path)) {
        Ok(lines) => lines,
        Err(note) => {
            import.summary.note(path, vec![note]);
            return Ok(0);
        }
    };
    let (mut count, mut seen) = (0, HashSet::new());
    for (number, read) in lines {
        import.step()?;
        count += 1;
        let read = read.and_then(|params| {
            let given = Given::of_line(params, number, &UPLOAD_KEYS);
            let line = parse(&given.params).map_err(|errors| given.refused(&errors))?;
            Ok((line, given.unknown()))
        });
        let (line, notes) = match read {
            Ok(read) => read,
            Err(note) => {
                import.summary.note(path, vec![note]);
                continue;
            }
        };
        import.summary.note(path, notes);
        let file = Path::new(UPLOADS).join(&line.file);
        seen.insert(line.file.clone());
        match bytes(import.folder, &line) {
            Ok((new, note)) => {
                import.summary.note(&file, note.into_iter().collect());
                keep(import, &file, line, new)?;
            }
            Err(note) => import.summary.note(&file, vec![note]),
        }
    }
    unnamed(import, &seen);
    Ok(count)
}

fn parse(params: &Params) -> Result<Line, Errors> {
    let mut changeset = fields::changeset(params);
    let file = changeset.text("file", FILE);
    // A digest and an ending cannot form a path.
    let is_name = |name: &str| {
        let (digest, ending) = name.split_once('.').unwrap_or_default();
        upload::is_digest(digest) && ending.bytes().all(|byte| byte.is_ascii_lowercase())
    };
    let file = changeset.format("file", file, is_name, "is invalid");
    let name = changeset.text("name", NAME);
    let account = fields::account(&mut changeset);
    let aliases = fields::aliases(params)?;
    changeset.finish(|| Some(Line { file: file?, name, account, aliases }))
}

fn bytes(folder: &Path, line: &Line) -> Result<(NewUpload, Option<Note>), Note> {
    let name = format!("{UPLOADS}/{}", line.file);
    let gone = || Note::lost("a file that a page links to is missing", "");
    // Neither the folder nor the file may be a symbolic link.
    if !file::is_below(folder, &name) {
        return Err(gone());
    }
    let bytes = file::bytes(&folder.join(&name), MAX)?.ok_or_else(gone)?.bytes;
    let download = |bytes| NewUpload::file(bytes, line.name.as_deref().unwrap_or(&line.file));
    Ok(match pictures::clean(&bytes) {
        Ok(picture) => (NewUpload::picture(picture, None), None),
        Err(_) if line.name.is_some() => (download(bytes), None),
        Err(unfit) => {
            let note = Note::lost("a picture that cannot be read", unfit.to_string());
            (download(bytes), Some(note))
        }
    })
}

/// Stores an upload and its old addresses.
fn keep(
    import: &mut Import<'_>,
    file: &Path,
    line: Line,
    new: NewUpload,
) -> Result<(), ImportError> {
    let name = new.upload.file_name();
    if name != line.file {
        let note = match import.renamed.len() {
            0..MOST_RENAMED => {
                let digest = line.file.split('.').next().unwrap_or_default().to_owned();
                import.renamed.insert(digest, (line.file.clone(), name.clone()));
                Note::told("an upload whose bytes do not match its name", format!("it is {name}"))
            }
            _ => Note::lost("more than 100,000 uploads whose bytes do not match their names", ""),
        };
        import.summary.note(file, vec![note]);
    }
    import.summary.files += 1;
    let (mut addresses, mut notes) = (0, Vec::new());
    let written = match &*import.target {
        Target::Database(db) => write(db, line, new),
        Target::DryRun(_) => {
            let claimed = |alias: String| {
                let claimed = old_address::own(&alias).err().unwrap_or(Claimed::Yes);
                (alias, claimed)
            };
            Ok((line.aliases.into_iter().map(claimed).collect(), Vec::new()))
        }
    };
    let (claims, missing) = written.map_err(|error| import.failed(error))?;
    for (alias, claimed) in claims {
        store::tell(claimed, &alias, &mut addresses, &mut notes);
    }
    import.summary.addresses += addresses;
    import.summary.note(file, notes);
    import.missing(file, missing);
    Ok(())
}

type Claims = Vec<(String, Claimed)>;

fn write(db: &Db, line: Line, new: NewUpload) -> Result<(Claims, Vec<String>), ImportError> {
    let written = db.transaction_blocking(move |tx: &mut Tx<'_>| {
        let (at, digest) = (clock(tx.connection)?, new.upload.digest.clone());
        let mut users = Users::default();
        let user = users.named(tx.connection, line.account.as_deref())?;
        if upload::renew(tx.connection, &digest, at)?.is_none() {
            upload::insert(tx.connection, new, at)?;
        }
        if let Some(user) = user {
            upload::adopt(tx.connection, &digest, user.id)?;
        }
        let mut claims = Vec::new();
        for alias in line.aliases {
            let claimed = old_address::claim(tx.connection, &alias, Led::Upload(&digest))?;
            claims.push((alias, claimed));
        }
        Ok::<_, ImportError>((claims, users.missing))
    })?;
    Ok(written.value)
}

/// Notes the files that have no line.
fn unnamed(import: &mut Import<'_>, seen: &HashSet<String>) {
    let folder = import.folder.join(UPLOADS);
    let all = WalkDir::new(folder).min_depth(1).max_depth(1).follow_root_links(false);
    for entry in all.sort_by_file_name().into_iter().filter_map(Result::ok) {
        let name = entry.file_name();
        let is_seen = name.to_str().is_some_and(|name| seen.contains(name));
        if !is_seen && !name.as_encoded_bytes().starts_with(b".") {
            let path: PathBuf = Path::new(UPLOADS).join(name);
            let what = "a file that uploads.jsonl does not list";
            import.summary.note(&path, vec![Note::lost(what, "")]);
        }
    }
}
