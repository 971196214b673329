//! `kilonova backup` and `kilonova restore`, run as the real binary.

mod dump;
mod refused;
mod resume;
mod stopped;
mod versions;
mod whole;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::crash::{complaint, kilonova};
use crate::databases::Home;

/// A command for the site in a home.
fn on(home: &Home, arguments: &[&str]) -> Command {
    let mut command = kilonova(arguments);
    command.arg("--data-dir").arg(home.path());
    command.envs(home.url().map(|url| ("DATABASE_URL", url)));
    command
}

fn backup(home: &Home, file: &Path) -> Command {
    on(home, &["backup", file.to_str().unwrap()])
}

fn restore(home: &Home, file: &Path) -> Command {
    on(home, &["restore", file.to_str().unwrap()])
}

/// Runs a command that must succeed, and returns its output.
#[track_caller]
fn done(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    assert_eq!(String::from_utf8_lossy(&stderr), "");
    String::from_utf8(stdout).unwrap()
}

/// Runs a command that must fail with one line that contains these words.
#[track_caller]
fn refused(command: Command, words: &[&str]) {
    let line = complaint(command);
    words.iter().for_each(|word| assert!(line.contains(word), "{word}: {line}"));
}

/// Makes a backup, which must succeed.
pub(crate) fn backed_up(home: &Home, file: &Path) {
    done(backup(home, file));
}

/// Restores a backup, which must succeed.
pub(crate) fn restored(home: &Home, file: &Path) {
    done(restore(home, file));
}

/// Makes a backup from the content of an SQLite file, as if this version had written it.
fn sealed(folder: &Path, mut content: Vec<u8>) -> PathBuf {
    let digest = HEXLOWER.encode(&Sha256::digest(&content));
    content.extend(format!("kilonova-backup 1 0.0.1 {digest}\n").bytes());
    let file = folder.join("sealed.backup");
    std::fs::write(&file, content).unwrap();
    file
}

/// The names of all entries of a folder.
fn names(folder: &Path) -> Vec<String> {
    let names = folder.read_dir().unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
