//! The one place that decides which elements and attributes reach a page. Owns ammonia's settings.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative, UrlRelativeEvaluate};
use url::Url;

use super::own;

static PAGE: LazyLock<Builder<'static>> = LazyLock::new(|| page_policy("", None));

fn page_policy<'a>(root: &'a str, base: Option<&'a Url>) -> Builder<'a> {
    let mut builder = policy();
    builder
        .url_relative(UrlRelative::Custom(Box::new(Relative { root, base })))
        // The elements that `html` itself writes: task lists, frames of wide tables, footnotes. A
        // writer's elements have neither ids nor classes, see `raw` and `block`.
        .add_tags(["input"])
        .add_tag_attribute_values("input", "type", ["checkbox"])
        .add_tag_attributes("input", ["checked", "disabled", "aria-label"])
        .add_tag_attributes("a", ["aria-label"])
        .add_tag_attributes("ol", ["aria-label"])
        .add_tag_attributes("sup", ["id"])
        .add_tag_attributes("li", ["id"])
        .add_allowed_classes("div", DIVISIONS)
        .add_allowed_classes("p", ["alert-title"])
        .add_allowed_classes("ol", ["footnotes"])
        .add_allowed_classes("span", super::colour::CLASSES)
        .attribute_filter(|element, attribute, value| {
            let kept = match (element, attribute) {
                ("sup" | "li", "id") => is_footnote(value),
                ("input", "type") => value == "checkbox",
                ("a", "aria-label") => is_name_of_link(value),
                _ => true,
            };
            kept.then_some(Cow::Borrowed(value))
        });
    for heading in ["h2", "h3", "h4", "h5", "h6"] {
        builder.add_tag_attributes(heading, ["id"]);
    }
    for part in ["div", "pre", "table"] {
        builder.add_tag_attributes(part, REACHABLE);
    }
    builder
}

/// Resolves a text's relative addresses.
struct Relative<'a> {
    root: &'a str,
    base: Option<&'a Url>,
}

impl<'a> UrlRelativeEvaluate<'a> for Relative<'a> {
    fn evaluate<'url>(&self, address: &'url str) -> Option<Cow<'url, str>> {
        let address = own::placed(address, self.root);
        match self.base {
            None => Some(address),
            Some(base) => base.join(&address).ok().map(|url| Cow::Owned(url.into())),
        }
    }
}

/// The classes of the elements around tables and alerts.
const DIVISIONS: [&str; 7] = [
    "alert",
    "alert-caution",
    "alert-important",
    "alert-note",
    "alert-tip",
    "alert-warning",
    "scroll",
];

/// The attributes of elements that the keyboard can reach and scroll.
const REACHABLE: [&str; 3] = ["tabindex", "role", "aria-label"];

static BLOCK: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = policy();
    builder
        // `page` sets it later, when it cleans the whole text.
        .rm_set_tag_attribute_value("table", "dir")
        .set_tag_attribute_value("table", "tabindex", "0")
        .set_tag_attribute_value("pre", BOX.0, BOX.1);
    builder
});

/// ammonia adds attributes in an order that differs between processes, so it adds only one, and the
/// others are inserted after it. Quotes are escaped in attributes and `>` in text, so the replaced
/// string can only be the end of a tag.
const PICTURE: (&str, &str) = ("loading", "lazy");
const PICTURES: (&str, &str) = (" loading=\"lazy\">", " loading=\"lazy\" decoding=\"async\">");
const BOX: (&str, &str) = ("role", "group");
const BOXES: (&str, &str) =
    (" role=\"group\">", " tabindex=\"0\" role=\"group\" aria-label=\"Text\">");

/// Cleans a whole text of the site below `root`. With a base, makes relative addresses absolute.
pub(super) fn page(html: &str, root: &str, base: Option<&Url>) -> String {
    let clean = match (root, base) {
        ("", None) => PAGE.clean(html),
        _ => page_policy(root, base).clean(html),
    };
    let clean = clean.to_string();
    clean.replace(PICTURES.0, PICTURES.1)
}

/// Cleans one block of a writer's HTML and closes the elements that it leaves open.
pub(super) fn block(html: &str) -> String {
    BLOCK.clean(html).to_string().replace(BOXES.0, BOXES.1)
}

fn policy<'a>() -> Builder<'a> {
    let mut builder = Builder::default();
    builder
        // The landmarks and the only `h1` belong to the page.
        .rm_tags(["article", "area", "footer", "h1", "header", "hgroup", "map", "nav"])
        // A rule with a width could widen the page.
        .rm_tag_attributes("hr", ["align", "size", "width"])
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .link_rel(Some("nofollow ugc noopener"))
        .set_tag_attribute_value("img", PICTURE.0, PICTURE.1);
    for block in ["p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dt", "dd", "blockquote", "table"]
    {
        builder.set_tag_attribute_value(block, "dir", "auto");
    }
    builder
}

/// Whether `footnotes` makes such an id: the container's, then `-fn-` or `-fnref-` and numbers.
fn is_footnote(id: &str) -> bool {
    let number = id.rsplit_once("-fnref-").or_else(|| id.rsplit_once("-fn-"));
    number.is_some_and(|(_, number)| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    })
}

/// Whether `footnotes` gives links such a name: a writer's links are named by their text.
fn is_name_of_link(name: &str) -> bool {
    let number = name.strip_prefix("Footnote ").or_else(|| name.strip_prefix("Back to reference "));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_process_writes_the_same_bytes() {
        let html = "<img decoding=sync alt=a src=/a loading=eager> role=\"group\"&gt; \
                    loading=\"lazy\"&gt;";
        assert_eq!(
            page(html, "", None),
            "<img alt=\"a\" src=\"/a\" loading=\"lazy\" decoding=\"async\"> \
             role=\"group\"&gt; loading=\"lazy\"&gt;"
        );
        assert_eq!(
            block("<pre role=x tabindex=9>a</pre><table><tr><td>b</table>"),
            "<pre tabindex=\"0\" role=\"group\" aria-label=\"Text\">a</pre>\
             <table tabindex=\"0\"><tbody><tr><td>b</td></tr></tbody></table>"
        );
        let table = page(&block("<table><tr><td>b</table>"), "", None);
        assert!(table.starts_with("<table tabindex=\"0\" dir=\"auto\">"), "{table}");
    }
}
