//! Zola's configuration (<https://www.getzola.org/documentation/getting-started/configuration/>).

use super::{Config, Content, Glob, LeftOut, Paths, Reader, base, texts};
use crate::import::front_matter::node::{Fields, Node};

pub(super) fn config(fields: &Fields, reader: &mut Reader<'_>) -> Config {
    let (base, host) = base(fields.text("base_url"));
    let slugify = fields.map("slugify");
    let keep_signs = match slugify.and_then(|slugify| slugify.value("paths")) {
        Some(node) => !matches!(node.text(), Some("on" | "true")),
        // The setting before Zola 0.11.
        None => fields.truth("slugify_paths") == Some(false),
    };
    let taxonomies = fields.value("taxonomies").map_or(&[][..], Node::list);
    let name = |taxonomy: &Node| taxonomy.map()?.text("name").map(str::to_owned);
    let languages = match fields.value("languages") {
        Some(Node::Map(languages)) => languages.0.iter().map(|field| field.key.clone()).collect(),
        Some(list) => {
            list.list().iter().filter_map(|it| Some(it.map()?.text("code")?.into())).collect()
        }
        None => Vec::new(),
    };
    let ignored = texts(fields.value("ignored_content"));
    let ignored = ignored.iter().filter_map(|pattern| reader.pattern(pattern, Glob::loose));
    Config {
        base,
        host,
        content: vec![Content { folder: "content".to_owned(), ..Content::default() }],
        taxonomies: taxonomies.iter().take(super::MAX_ENTRIES).filter_map(name).collect(),
        languages,
        default_language: fields.text("default_language").unwrap_or("en").to_owned(),
        paths: Paths {
            keep_signs,
            keep_dates: slugify.and_then(|it| it.truth("paths_keep_dates")) == Some(true),
            ..Paths::default()
        },
        left_out: LeftOut { content: ignored.collect(), ..LeftOut::default() },
        ..Config::default()
    }
}
