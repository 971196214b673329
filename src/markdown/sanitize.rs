//! The one place that decides which elements and attributes reach a page. Owns ammonia's settings.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use url::Url;

static PAGE: LazyLock<Builder<'static>> = LazyLock::new(page_policy);

fn page_policy() -> Builder<'static> {
    let mut builder = policy();
    builder
        // The elements that `html` itself writes: task lists, frames of wide tables, footnotes.
        .add_tags(["input"])
        .add_tag_attribute_values("input", "type", ["checkbox"])
        .add_tag_attributes("input", ["checked", "disabled"])
        .add_tag_attributes("sup", ["id"])
        .add_tag_attributes("aside", ["id"])
        .add_allowed_classes("div", ["scroll"])
        .add_allowed_classes("aside", ["footnote"])
        .attribute_filter(|element, attribute, value| {
            let own = attribute != "id" || is_footnote(value);
            let kept = own && (element != "input" || attribute != "type" || value == "checkbox");
            kept.then_some(Cow::Borrowed(value))
        });
    builder
}

static BLOCK: LazyLock<Builder<'static>> = LazyLock::new(policy);

/// Cleans a whole text. With a base, relative addresses become whole ones.
pub(super) fn page(html: &str, base: Option<&Url>) -> String {
    let Some(base) = base else { return PAGE.clean(html).to_string() };
    let mut builder = page_policy();
    builder.url_relative(UrlRelative::RewriteWithBase(base.clone()));
    builder.clean(html).to_string()
}

/// Cleans one block of a writer's own HTML; what it leaves open is closed.
pub(super) fn block(html: &str) -> String {
    BLOCK.clean(html).to_string()
}

fn policy() -> Builder<'static> {
    let mut builder = Builder::default();
    builder
        // The page's landmarks and its one `h1` are not the text's to set.
        .rm_tags(["article", "area", "footer", "h1", "header", "hgroup", "map", "nav"])
        // A rule of any width would widen the page.
        .rm_tag_attributes("hr", ["align", "size", "width"])
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .link_rel(Some("nofollow ugc noopener"))
        .set_tag_attribute_value("img", "loading", "lazy")
        .set_tag_attribute_value("img", "decoding", "async");
    for block in ["p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "table"] {
        builder.set_tag_attribute_value(block, "dir", "auto");
    }
    builder
}

/// True for the ids that `html` gives: they end in `-fn-` or `-fnref-` and a number.
fn is_footnote(id: &str) -> bool {
    let Some((stem, number)) = id.rsplit_once('-') else { return false };
    number.bytes().all(|byte| byte.is_ascii_digit())
        && (stem.ends_with("-fn") || stem.ends_with("-fnref"))
}
