//! The settings by which Hugo's configuration hides pages: ignored files, files that no mount
//! includes, languages, and all pages.

use regex::{Regex, RegexBuilder};

use super::super::{Glob, LeftOut, MAX_ENTRIES, Reader, folder, texts};
use crate::import::front_matter::node::{Field, Fields, Node};
use crate::import::site::Mount;

/// Maximum length of a pattern in bytes.
const LONGEST: usize = 1024;

/// Maximum size of a compiled pattern in bytes.
const MOST_BYTES: usize = 256 * 1024;

/// `ignoreFiles`, and the mounts of pages (<https://gohugo.io/configuration/module/#mounts>).
pub(super) fn left_out(fields: &Fields, reader: &mut Reader<'_>) -> LeftOut {
    let ignored = texts(fields.value("ignoreFiles"));
    let ignored = ignored.iter().filter_map(|pattern| reader.pattern(pattern, regex));
    let ignored = ignored.collect();
    let mounts = fields.map("module").and_then(|module| module.value("mounts"));
    let mounts = mounts.map_or(&[][..], Node::list).iter().take(MAX_ENTRIES);
    let mounts = mounts.filter_map(|entry| mount(entry.map()?, reader)).collect();
    LeftOut { ignored, mounts, ..LeftOut::default() }
}

/// The languages that a file name may contain, including disabled ones.
pub(super) fn languages(fields: &Fields, languages: &[&Field]) -> Vec<String> {
    let own = languages.iter().map(|language| language.key.clone());
    own.chain(texts(fields.value("disableLanguages"))).collect()
}

/// The languages that are not built or have no pages
/// (<https://gohugo.io/configuration/languages/>).
pub(super) fn disabled(fields: &Fields, languages: &[&Field]) -> Vec<String> {
    let own = languages.iter().filter(|language| {
        let values = language.value.map();
        values.is_some_and(|it| it.truth("disabled") == Some(true) || has_no_pages(it))
    });
    let own: Vec<String> = own.map(|language| language.key.clone()).collect();
    own.into_iter().chain(texts(fields.value("disableLanguages"))).collect()
}

/// `disableKinds` (<https://gohugo.io/configuration/all/#disablekinds>).
pub(super) fn has_no_pages(fields: &Fields) -> bool {
    texts(fields.value("disableKinds")).iter().any(|kind| kind.eq_ignore_ascii_case("page"))
}

fn mount(entry: &Fields, reader: &mut Reader<'_>) -> Option<Mount> {
    let target = folder(entry.text("target")?);
    let is_pages = target == "content" || target.starts_with("content/");
    let mut mount = Mount { folder: folder(entry.text("source")?), ..Mount::default() };
    let mut both = texts(entry.value("includeFiles"));
    both.extend(texts(entry.value("excludeFiles")).into_iter().map(|it| format!("!{it}")));
    both.extend(texts(entry.value("files")));
    for pattern in both.iter().filter(|_| is_pages) {
        let (globs, pattern) = match pattern.trim().strip_prefix('!') {
            Some(pattern) => (&mut mount.exclude, pattern.trim()),
            None => (&mut mount.include, pattern.trim()),
        };
        globs.extend(reader.pattern(pattern, of_files));
    }
    is_pages.then_some(mount)
}

/// A pattern from the top of the mounted folder. A `**` next to other characters also matches
/// slashes.
fn of_files(pattern: &str) -> Option<Glob> {
    let pattern = format!("/{}", pattern.trim_start_matches("./").trim_start_matches('/'));
    let is_strict = pattern.split('/').all(|name| name == "**" || !name.contains("**"));
    if is_strict { Glob::new(&pattern) } else { Glob::loose(&pattern) }
}

fn regex(pattern: &str) -> Option<Regex> {
    let builder = (pattern.len() <= LONGEST).then(|| {
        let mut builder = RegexBuilder::new(pattern);
        builder.size_limit(MOST_BYTES).dfa_size_limit(MOST_BYTES);
        builder
    });
    builder?.build().ok()
}
