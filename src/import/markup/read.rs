//! Reads HTML as html5ever's tokenizer cuts it, and closes what it leaves open. Unlike a browser's
//! tree, this one costs no more than the text, whatever it opens and never closes: of elements that
//! are misnested a few are opened once more, and what is nested too deep is flattened.

mod builder;

use std::cell::{Cell, RefCell};

use html5ever::tendril::{StrTendril, Tendril};
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use self::builder::Builder;
use super::Lines;
use super::tree::Node;
use crate::import::report::Note;
use crate::markdown;

/// The bytes without a token after which the rest is not read: attributes take time with the square
/// of their number.
const SILENT: usize = 16 * 1024;

/// The bytes that are read at once.
const PIECE: usize = 4 * 1024;

/// A text and what was left out of it.
pub(super) struct Read {
    pub(super) nodes: Vec<Node>,
    pub(super) notes: Vec<Note>,
}

/// Reads HTML; `None` when it has more elements, or longer tags, than are taken.
pub(super) fn read(source: &str, lines: Lines) -> Option<Read> {
    if markdown::is_costly(source) {
        return None;
    }
    let sink = Sink { builder: RefCell::new(Builder::new(lines)), heard: Cell::new(true) };
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let input = BufferQueue::default();
    let (mut rest, mut silent) = (source, 0);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE.min(rest.len())));
        rest = after;
        input.push_back(StrTendril::from(Tendril::from_slice(piece)));
        // Nothing runs scripts, so that the tokenizer stops only where its input ends.
        let _ = tokenizer.feed(&input);
        silent = if tokenizer.sink.heard.replace(false) { 0 } else { silent + piece.len() };
        if silent > SILENT || tokenizer.sink.builder.borrow().is_full() {
            return None;
        }
    }
    tokenizer.end();
    let builder = tokenizer.sink.builder.into_inner();
    (!builder.is_full()).then(|| builder.finish())
}

struct Sink {
    builder: RefCell<Builder>,
    /// Whether a token came since the last piece.
    heard: Cell<bool>,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut builder = self.builder.borrow_mut();
        if !matches!(token, Token::ParseError(_)) {
            self.heard.set(true);
        }
        match token {
            Token::CharacterTokens(text) => builder.text(&text),
            Token::CommentToken(text) => builder.comment(&text),
            Token::TagToken(tag) => {
                let raw = raw_kind(&tag);
                match tag.kind {
                    TagKind::StartTag => builder.start(&tag),
                    TagKind::EndTag => builder.end(&tag.name),
                }
                if let Some(kind) = raw {
                    return TokenSinkResult::RawData(kind);
                }
            }
            Token::DoctypeToken(_)
            | Token::NullCharacterToken
            | Token::EOFToken
            | Token::ParseError(_) => {}
        }
        TokenSinkResult::Continue
    }
}

/// How the content of an element is read that is no HTML.
fn raw_kind(tag: &Tag) -> Option<RawKind> {
    if tag.kind == TagKind::EndTag {
        return None;
    }
    match &*tag.name {
        "script" => Some(RawKind::ScriptData),
        "textarea" | "title" => Some(RawKind::Rcdata),
        "style" | "iframe" | "noembed" | "noframes" | "noscript" | "xmp" => Some(RawKind::Rawtext),
        _ => None,
    }
}
