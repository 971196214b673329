//! Blocks of a public post that Ghost shows only to members, marked by comments in its HTML
//! (<https://ghost.org/help/cards/#visibility>). Pure.

const BEGIN: &str = "<!--kg-gated-block:begin";
const END: &str = "<!--kg-gated-block:end-->";

/// The part of a text that strangers see.
pub(super) struct Public {
    pub(super) html: String,
    /// The number of blocks that they do not see.
    pub(super) left_out: usize,
}

/// The part of this HTML that strangers see; `None` if the end of a block is unclear.
pub(super) fn public(html: &str) -> Option<Public> {
    let mut public = Public { html: String::with_capacity(html.len()), left_out: 0 };
    let mut rest = html;
    while let Some((before, from)) = rest.split_once(BEGIN) {
        public.html.push_str(before);
        let (attributes, from) = from.split_once("-->")?;
        let (block, after) = from.split_once(END)?;
        if block.contains(BEGIN) {
            return None;
        }
        match attributes.split_whitespace().any(|attribute| attribute == "nonMember:true") {
            true => public.html.push_str(block),
            false => public.left_out += 1,
        }
        rest = after;
    }
    public.html.push_str(rest);
    Some(public)
}

/// Whether a text in the format of Ghost's editor may contain such blocks.
pub(super) fn is_gated(lexical: &str) -> bool {
    lexical.split("\"nonMember\"").skip(1).any(|after| {
        let after = after.trim_start_matches([' ', ':', '\n', '\t', '\r']);
        !after.starts_with("true")
    })
}
