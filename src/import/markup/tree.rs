//! The elements of a text, as a tree of bounded depth.

/// The kind of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Begins and ends a paragraph.
    Block,
    /// A block that holds only blocks of certain kinds, no text.
    Frame,
    /// Part of a paragraph.
    Inline,
    /// Part of a paragraph, without content.
    Void,
}

/// A part of a text.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Characters.
    Text(String),
    /// An element.
    Element(Element),
}

/// An element with the attributes that count.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) attributes: Vec<(&'static str, String)>,
    pub(super) children: Vec<Node>,
}

impl Element {
    /// The value of an attribute; empty if there is none.
    pub(super) fn value(&self, name: &str) -> &str {
        let found = self.attributes.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// The same element without content.
    pub(super) fn shell(&self) -> Element {
        Element { children: Vec::new(), attributes: self.attributes.clone(), ..*self }
    }

    pub(super) fn is_block(&self) -> bool {
        matches!(self.kind, Kind::Block | Kind::Frame)
    }

    /// Whether it only groups blocks, which Markdown cannot express.
    pub(super) fn is_transparent(&self) -> bool {
        matches!(self.name, "div" | "figure" | "figcaption")
    }
}

/// The names of elements, the names that they count as, and their kinds.
const KNOWN: [(&str, &str, Kind); 79] = [
    ("p", "p", Kind::Block),
    ("h1", "h1", Kind::Block),
    ("h2", "h2", Kind::Block),
    ("h3", "h3", Kind::Block),
    ("h4", "h4", Kind::Block),
    ("h5", "h5", Kind::Block),
    ("h6", "h6", Kind::Block),
    ("blockquote", "blockquote", Kind::Block),
    ("ul", "ul", Kind::Frame),
    ("menu", "ul", Kind::Frame),
    ("dir", "ul", Kind::Frame),
    ("ol", "ol", Kind::Frame),
    ("li", "li", Kind::Block),
    ("pre", "pre", Kind::Block),
    ("hr", "hr", Kind::Block),
    ("table", "table", Kind::Frame),
    ("caption", "caption", Kind::Block),
    ("thead", "thead", Kind::Frame),
    ("tbody", "tbody", Kind::Frame),
    ("tfoot", "tfoot", Kind::Frame),
    ("tr", "tr", Kind::Frame),
    ("td", "td", Kind::Block),
    ("th", "th", Kind::Block),
    ("dl", "dl", Kind::Frame),
    ("dt", "dt", Kind::Block),
    ("dd", "dd", Kind::Block),
    ("details", "details", Kind::Block),
    ("summary", "summary", Kind::Block),
    ("figure", "figure", Kind::Block),
    ("figcaption", "figcaption", Kind::Block),
    ("address", "div", Kind::Block),
    ("article", "div", Kind::Block),
    ("aside", "div", Kind::Block),
    ("body", "div", Kind::Block),
    ("center", "div", Kind::Block),
    ("div", "div", Kind::Block),
    ("fieldset", "div", Kind::Block),
    ("footer", "div", Kind::Block),
    ("form", "div", Kind::Block),
    ("header", "div", Kind::Block),
    ("hgroup", "div", Kind::Block),
    ("html", "div", Kind::Block),
    ("legend", "div", Kind::Block),
    ("main", "div", Kind::Block),
    ("nav", "div", Kind::Block),
    ("search", "div", Kind::Block),
    ("section", "div", Kind::Block),
    ("a", "a", Kind::Inline),
    ("strong", "strong", Kind::Inline),
    ("b", "strong", Kind::Inline),
    ("em", "em", Kind::Inline),
    ("i", "em", Kind::Inline),
    ("del", "del", Kind::Inline),
    ("s", "del", Kind::Inline),
    ("strike", "del", Kind::Inline),
    ("code", "code", Kind::Inline),
    ("tt", "code", Kind::Inline),
    ("u", "u", Kind::Inline),
    ("ins", "ins", Kind::Inline),
    ("sub", "sub", Kind::Inline),
    ("sup", "sup", Kind::Inline),
    ("kbd", "kbd", Kind::Inline),
    ("samp", "samp", Kind::Inline),
    ("var", "var", Kind::Inline),
    ("small", "small", Kind::Inline),
    ("mark", "mark", Kind::Inline),
    ("abbr", "abbr", Kind::Inline),
    ("acronym", "abbr", Kind::Inline),
    ("cite", "cite", Kind::Inline),
    ("q", "q", Kind::Inline),
    ("dfn", "dfn", Kind::Inline),
    ("time", "time", Kind::Inline),
    ("bdi", "bdi", Kind::Inline),
    ("br", "br", Kind::Void),
    ("wbr", "wbr", Kind::Void),
    ("img", "img", Kind::Void),
    ("iframe", "iframe", Kind::Void),
    ("embed", "iframe", Kind::Void),
    ("source", "source", Kind::Void),
];

/// The name that an element of this name counts as, and its kind.
pub(super) fn known(name: &str) -> Option<(&'static str, Kind)> {
    let found = KNOWN.iter().find(|(known, ..)| *known == name);
    found.map(|(_, name, kind)| (*name, *kind))
}

/// The blocks of a text in order: paragraphs of inline parts, and other blocks. Elements that only
/// group blocks are replaced by their content.
pub(super) fn groups(nodes: &[Node]) -> Vec<Vec<&Node>> {
    let mut found = Vec::new();
    collect(nodes, &mut found);
    found
}

fn collect<'a>(nodes: &'a [Node], found: &mut Vec<Vec<&'a Node>>) {
    let mut run: Vec<&Node> = Vec::new();
    for node in nodes {
        match node {
            Node::Element(element) if element.is_block() => {
                close(&mut run, found);
                if element.is_transparent() {
                    collect(&element.children, found);
                } else {
                    found.push(vec![node]);
                }
            }
            _ => run.push(node),
        }
    }
    close(&mut run, found);
}

fn close<'a>(run: &mut Vec<&'a Node>, found: &mut Vec<Vec<&'a Node>>) {
    let run = std::mem::take(run);
    let is_blank = |node: &&Node| matches!(node, Node::Text(text) if text.trim().is_empty());
    if !run.iter().all(is_blank) {
        found.push(run);
    }
}
