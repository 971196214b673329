//! The documentation: the tests and links that it names exist, and its commands work.

mod book;
mod commands;
mod flags;
mod markdown;
mod output;
mod shell;

use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the repository.
fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The Markdown files directly in a folder of the repository, sorted by name.
fn files(folder: &str) -> Vec<String> {
    let entries = root().join(folder).read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    let names = entries.map(|name| name.into_string().unwrap());
    let mut paths: Vec<_> =
        names.filter(|name| name.ends_with(".md")).map(|name| format!("{folder}/{name}")).collect();
    paths.sort();
    paths
}

/// The texts between backticks, each with the text after it.
fn code(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once('`') {
        let Some((code, after)) = begun.split_once('`') else { break };
        found.push((code, after));
        rest = after;
    }
    found
}

/// Whether the file has a test of this name.
fn has(file: &Path, name: &str) -> bool {
    let source = std::fs::read_to_string(file).unwrap_or_default();
    source.contains(&format!("fn {name}("))
}

/// The file of the test `a::b::name`, below `tests/app`.
fn file_of(modules: &[&str]) -> PathBuf {
    let root = root().join("tests/app");
    modules.iter().fold(root, |path, module| path.join(module)).with_extension("rs")
}

#[test]
fn the_tests_that_the_documentation_names_exist() {
    let text = read("docs/security.md");
    let mut checked = 0;
    for (name, after) in code(&text) {
        let elsewhere = after.strip_prefix(" in `").and_then(|rest| rest.split('`').next());
        let parts: Vec<&str> = name.split("::").collect();
        let (file, name) = match (elsewhere, parts.as_slice()) {
            (Some(file), [name]) => (root().join(file), *name),
            (None, [modules @ .., name]) if !modules.is_empty() => (file_of(modules), *name),
            _ => continue,
        };
        assert!(has(&file, name), "{} has no test {name}", file.display());
        checked += 1;
    }
    assert!(checked > 50, "{checked}");
}
