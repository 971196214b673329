//! Reads HTML with html5ever's tokenizer and closes the elements that it leaves open. Unlike a
//! browser's tree builder, this takes time in proportion to the text, however many elements stay
//! open: only a few misnested elements are reopened, and elements nested too deep are flattened.

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

/// The bytes without a token after which reading stops: attributes take time quadratic in their
/// number.
const SILENT: usize = 16 * 1024;

/// The bytes fed to the tokenizer at once.
const PIECE: usize = 4 * 1024;

/// A text, with notes on the parts left out of it.
pub(super) struct Read {
    pub(super) nodes: Vec<Node>,
    pub(super) notes: Vec<Note>,
}

/// Reads HTML; `None` if it exceeds the bounds on elements or on the length of a tag.
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
        // No script runs, so the tokenizer stops only at the end of its input.
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
    /// Whether a token has come since the last piece.
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

/// How the tokenizer reads the content of an element that does not contain HTML.
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
