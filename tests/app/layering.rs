//! The modules of `src/` import each other in one direction only, which ARCHITECTURE.md describes
//! under "Who may import whom".

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Each top-level module of the crate, with the modules that its files name after `crate::`.
type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn modules_import_each_other_in_one_direction() {
    let mut imports = Imports::new();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in walkdir::WalkDir::new(&src) {
        let file = file.expect("a file of src/");
        if file.path().extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let inside = file.path().strip_prefix(&src).expect("a file of src/");
        let top = inside.iter().next().and_then(|top| Path::new(top).file_stem());
        let top = top.expect("a name").to_string_lossy().into_owned();
        let source = std::fs::read_to_string(file.path()).expect("a source file");
        imports.entry(top).or_default().extend(named(&source));
    }
    assert!(imports["controllers"].contains("models"), "the sources are not read: {imports:?}");
    assert_eq!(cycle(&imports), None);
}

#[test]
fn every_way_to_name_a_module_counts() {
    let source = "use crate::a::b;\n use crate::{c::{x, y}, d, e as f};\n\
                  fn g() { crate::h::i() } // crate::no\n pub(in crate::j) struct K; $crate::no!()";
    let expected = ["a", "c", "d", "e", "h", "j"];
    assert_eq!(named(source), expected.map(str::to_owned).into());
}

#[test]
fn a_cycle_is_found_whatever_else_is_imported() {
    let imports = |edges: &[(&str, &str)]| {
        let mut imports = Imports::new();
        for (from, to) in edges {
            imports.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        imports
    };
    let diamond = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("d", "d")];
    assert_eq!(cycle(&imports(&diamond)), None);
    let round = [&diamond[..], &[("d", "e"), ("e", "b")]].concat();
    assert_eq!(cycle(&imports(&round)).as_deref(), Some("b → d → e → b"));
}

/// The modules that the code of a source names after `crate::`.
fn named(source: &str) -> BTreeSet<String> {
    let code: Vec<&str> =
        source.lines().map(|line| line.split("//").next().unwrap_or("")).collect();
    let code = code.join("\n");
    let mut named = BTreeSet::new();
    for (at, path) in code.match_indices("crate::") {
        if code[..at].ends_with('$') {
            continue;
        }
        let rest = &code[at + path.len()..];
        match rest.strip_prefix('{') {
            None => named.extend(identifier(rest)),
            Some(group) => named.extend(members(group)),
        }
    }
    named
}

/// The first name of each member of a group of imports. `group` starts after the opening brace.
fn members(group: &str) -> Vec<String> {
    let mut members = Vec::new();
    let (mut depth, mut start) = (1, 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && character == ',') {
            members.extend(identifier(&group[start..at]));
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    members
}

/// The identifier at the start of a text, if it can be a module's.
fn identifier(text: &str) -> Option<String> {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let name = &text[..end];
    name.starts_with(|c: char| c.is_lowercase()).then(|| name.to_owned())
}

/// A path of imports from a module back to itself.
fn cycle(imports: &Imports) -> Option<String> {
    fn search<'a>(
        imports: &'a Imports,
        way: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<String> {
        let here = way.last().copied()?;
        for next in imports.get(here).into_iter().flatten().filter(|next| *next != here) {
            if let Some(from) = way.iter().position(|module| module == next) {
                way.push(next);
                return Some(way[from..].join(" → "));
            }
            if !done.contains(next.as_str()) {
                way.push(next);
                if let Some(found) = search(imports, way, done) {
                    return Some(found);
                }
                way.pop();
            }
        }
        done.insert(here);
        None
    }
    let mut done = BTreeSet::new();
    imports.keys().find_map(|start| search(imports, &mut vec![start], &mut done))
}
