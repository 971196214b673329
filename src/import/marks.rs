//! Shortcodes of Hugo and Zola, and Liquid of Jekyll: those that have an exact meaning in Markdown
//! are translated; all others stay in the text and are noted. Pure, and takes time in proportion to
//! the text.

mod scan;
mod translate;

use std::collections::BTreeMap;

use self::scan::Scanner;
use super::report::Note;
use super::site::Site;

/// Maximum number of kinds of marks that are noted for one text.
const KINDS: usize = 20;

/// Translates the marks of a text. `line` is the line of the file on which the text begins.
pub(super) fn translated(body: &str, site: &Site, line: usize, notes: &mut Vec<Note>) -> String {
    let mut scanner = Scanner::new(body, site.generator);
    let mut out = String::with_capacity(body.len());
    let mut left: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    // Lines are counted incrementally, because marks come in order.
    let (mut counted, mut lines) = (0, line);
    while let Some(mark) = scanner.next(&mut out) {
        if translate::mark(&mark, &mut scanner, site, &mut out) {
            continue;
        }
        lines += body.get(counted..mark.at).unwrap_or_default().matches('\n').count();
        counted = mark.at;
        out.push_str(mark.text);
        if mark.is_end() {
            continue;
        }
        if left.len() < KINDS || left.contains_key(&mark.kind()) {
            left.entry(mark.kind()).or_insert((0, lines)).0 += 1;
        }
    }
    for (kind, (times, line)) in left {
        let times = if times == 1 { String::new() } else { format!("{times} times") };
        notes.push(Note::lost(format!("with {kind} as text"), times).on(line));
    }
    out
}

#[cfg(test)]
mod tests;
