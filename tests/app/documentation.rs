//! What the documentation says of the tests: each one that it names is there.

use std::path::{Path, PathBuf};

/// The texts between backticks, and what follows each.
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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/app");
    modules.iter().fold(root, |path, module| path.join(module)).with_extension("rs")
}

#[test]
fn the_tests_that_the_documentation_names_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let mut checked = 0;
    for (name, after) in code(&text) {
        let elsewhere = after.strip_prefix(" in `").and_then(|rest| rest.split('`').next());
        let parts: Vec<&str> = name.split("::").collect();
        let (file, name) = match (elsewhere, parts.as_slice()) {
            (Some(file), [name]) => (root.join(file), *name),
            (None, [modules @ .., name]) if !modules.is_empty() => (file_of(modules), *name),
            _ => continue,
        };
        assert!(has(&file, name), "{} has no test {name}", file.display());
        checked += 1;
    }
    assert!(checked > 50, "{checked}");
}
