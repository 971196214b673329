//! Jekyll's configuration (<https://jekyllrb.com/docs/configuration/options/>).

use super::{
    Cascade, Collection, Config, Content, LeftOut, MAX_ENTRIES, Permalinks, Reader, base, folder,
    texts,
};
use crate::import::front_matter::node::{Field, Fields, Node};
use crate::import::site::Names;

/// The named styles (<https://jekyllrb.com/docs/permalinks/#built-in-formats>).
const STYLES: [(&str, &str); 5] = [
    ("date", "/:categories/:year/:month/:day/:title:output_ext"),
    ("pretty", "/:categories/:year/:month/:day/:title/"),
    ("ordinal", "/:categories/:year/:y_day/:title:output_ext"),
    ("weekdate", "/:categories/:year/W:week/:short_day/:title:output_ext"),
    ("none", "/:categories/:title:output_ext"),
];

/// Always excluded from a site (<https://jekyllrb.com/docs/configuration/options/>, `exclude`).
const EXCLUDED: [&str; 8] = [
    ".sass-cache/",
    ".jekyll-cache/",
    "node_modules/",
    "vendor/bundle/",
    "vendor/cache/",
    "vendor/gems/",
    "vendor/ruby/",
    "_site/",
];

pub(super) fn config(fields: &Fields, reader: &mut Reader<'_>) -> Config {
    let (_, host) = base(fields.text("url"));
    let (base, _) = base(fields.text("baseurl"));
    let style = fields.text("permalink").unwrap_or("date");
    let include = texts(fields.value("include"));
    let mut exclude = texts(fields.value("exclude"));
    // `include` wins over `exclude` for the same name.
    exclude.retain(|name| !include.contains(name));
    let exclude = EXCLUDED.into_iter().chain(exclude.iter().map(String::as_str));
    let left_out = LeftOut {
        exclude: exclude.map(Names::new).collect(),
        include: include.iter().map(|name| Names::new(name)).collect(),
        collections: folder(fields.text("collections_dir").unwrap_or_default()),
        ..LeftOut::default()
    };
    let pattern = STYLES.iter().find(|(name, _)| *name == style).map_or(style, |(_, it)| it);
    let mut permalinks = Vec::new();
    let mut collections = Vec::new();
    for (label, values) in declared(fields.value("collections")) {
        if let Some(pattern) = values.text("permalink") {
            permalinks.push(Permalinks {
                section: Some(label.clone()),
                path: None,
                pattern: pattern.to_owned(),
            });
        }
        collections.push(Collection {
            label,
            output: values.truth("output") == Some(true),
            future: values.truth("future") == Some(true),
        });
    }
    // Pages and collections have patterns with the same ending.
    let ending = match style {
        "pretty" => "/",
        "date" | "ordinal" | "none" => ":output_ext",
        style if style.ends_with('/') => "/",
        style if style.ends_with(":output_ext") => ":output_ext",
        _ => "",
    };
    let section = |name: &str, pattern: String| Permalinks {
        section: Some(name.to_owned()),
        path: None,
        pattern,
    };
    permalinks.push(section("posts", pattern.to_owned()));
    permalinks.push(section("pages", format!("/:path/:basename{ending}")));
    permalinks.push(Permalinks {
        section: None,
        path: None,
        pattern: format!("/:collection/:path{ending}"),
    });
    Config {
        base,
        host,
        content: vec![Content {
            folder: folder(fields.text("source").unwrap_or_default()),
            ..Content::default()
        }],
        zone: reader.zone(fields.text("timezone")),
        future: fields.truth("future") == Some(true),
        taxonomies: vec!["tags".to_owned(), "categories".to_owned()],
        permalinks,
        cascades: defaults(fields, reader),
        collections,
        left_out,
        ..Config::default()
    }
}

/// Reads a list of labels, or a map from labels to settings.
fn declared(node: Option<&Node>) -> Vec<(String, Fields)> {
    let none = Fields::default;
    let one = |field: &Field| (field.key.clone(), field.value.map().cloned().unwrap_or_else(none));
    match node {
        Some(Node::Map(fields)) => fields.0.iter().take(MAX_ENTRIES).map(one).collect(),
        other => texts(other).into_iter().map(|label| (label, none())).collect(),
    }
}

/// Front matter defaults: a longer path takes precedence over a shorter one, and one with a type
/// over one without (<https://jekyllrb.com/docs/configuration/front-matter-defaults/>).
fn defaults(fields: &Fields, reader: &mut Reader<'_>) -> Vec<Cascade> {
    let mut defaults: Vec<(usize, Cascade)> = Vec::new();
    for set in fields.value("defaults").map_or(&[][..], Node::list).iter().take(MAX_ENTRIES) {
        let Some((set, values)) = set.map().and_then(|set| Some((set, set.map("values")?))) else {
            continue;
        };
        let scope = set.map("scope");
        let prefix = folder(scope.and_then(|scope| scope.text("path")).unwrap_or_default());
        let path = match prefix.contains('*') {
            // A folder that matches includes everything below it.
            true => match reader.glob(&format!("{{{prefix},{prefix}/**}}")) {
                Some(glob) => Some(glob),
                None => continue,
            },
            false => None,
        };
        let kind = scope.and_then(|scope| scope.text("type")).map(str::to_owned);
        let rank = prefix.len() * 2 + usize::from(kind.is_some());
        let prefix = if path.is_some() { String::new() } else { prefix };
        defaults.push((rank, Cascade { path, prefix, kind, fields: values.clone() }));
    }
    // Among equals, the last one wins.
    defaults.reverse();
    defaults.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
    defaults.into_iter().map(|(_, cascade)| cascade).collect()
}
