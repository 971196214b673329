//! An item of the file as written: a post, a page, an attachment or something else. Owns which
//! fields are kept, and how much of each. Other fields are never kept: email addresses, IP
//! addresses, passwords.

use std::path::PathBuf;

use crate::import::dump::page;

/// Maximum bytes of an item's text, as for a file in a folder.
const CONTENT: usize = 2 * 1024 * 1024;

/// Maximum bytes of any other field, except that a comment may have four times as many.
const FIELD: usize = 64 * 1024;

/// Maximum number of comments on an item, and maximum bytes of their texts.
const COMMENTS: usize = 20_000;
const COMMENT_BYTES: usize = 32 * 1024 * 1024;

/// Maximum number of terms of an item.
const TERMS: usize = 1000;

/// The known fields of an item, a comment or the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Field {
    Title,
    Link,
    Published,
    Creator,
    Guid,
    Content,
    Excerpt,
    Id,
    Date,
    DateGmt,
    Modified,
    ModifiedGmt,
    Comments,
    Name,
    Status,
    Kind,
    Password,
    Attachment,
    Term,
    MetaKey,
    MetaValue,
    Login,
    DisplayName,
    Base,
    Version,
    CommentAuthor,
    CommentDate,
    CommentDateGmt,
    CommentContent,
    CommentApproved,
    CommentKind,
}

impl Field {
    /// The maximum bytes kept of this field.
    pub(super) fn most(self) -> usize {
        if self == Field::Content {
            CONTENT
        } else {
            FIELD * if self == Field::CommentContent { 4 } else { 1 }
        }
    }
}

/// A comment as written in the file.
#[derive(Debug, Default)]
pub(super) struct Comment {
    pub(super) line: usize,
    pub(super) author: String,
    pub(super) date: String,
    pub(super) date_gmt: String,
    pub(super) content: String,
    pub(super) approved: String,
    pub(super) kind: String,
}

/// An item as written in the file.
#[derive(Debug, Default)]
pub(super) struct Item {
    pub(super) line: usize,
    pub(super) title: String,
    pub(super) link: String,
    pub(super) published: String,
    pub(super) creator: String,
    pub(super) guid: String,
    pub(super) content: String,
    pub(super) excerpt: String,
    pub(super) id: String,
    pub(super) date: String,
    pub(super) date_gmt: String,
    pub(super) modified: String,
    pub(super) modified_gmt: String,
    pub(super) comment_status: String,
    pub(super) slug: String,
    pub(super) status: String,
    pub(super) kind: String,
    pub(super) has_password: bool,
    pub(super) attachment: String,
    /// The taxonomy, slug and name of each term.
    pub(super) terms: Vec<(String, String, String)>,
    pub(super) thumbnail: String,
    pub(super) alt: String,
    pub(super) comments: Vec<Comment>,
    /// The number of unapproved comments, of pings, and of comments beyond the bounds.
    pub(super) unapproved: usize,
    pub(super) pings: usize,
    pub(super) beyond: usize,
    pub(super) comment_bytes: usize,
    /// A field that was cut because it is too long.
    pub(super) cut: Option<Field>,
}

impl Item {
    pub(super) fn kind(&self) -> &str {
        if self.kind.is_empty() { "post" } else { &self.kind }
    }

    /// The name used in findings.
    pub(super) fn name(&self) -> PathBuf {
        page::name(&self.slug, &self.title, &format!("{} {}", self.kind(), self.id))
    }

    pub(super) fn set(&mut self, field: Field, text: String) {
        let place = match field {
            Field::Title => &mut self.title,
            Field::Link => &mut self.link,
            Field::Published => &mut self.published,
            Field::Creator => &mut self.creator,
            Field::Guid => &mut self.guid,
            Field::Content => &mut self.content,
            Field::Excerpt => &mut self.excerpt,
            Field::Id => &mut self.id,
            Field::Date => &mut self.date,
            Field::DateGmt => &mut self.date_gmt,
            Field::Modified => &mut self.modified,
            Field::ModifiedGmt => &mut self.modified_gmt,
            Field::Comments => &mut self.comment_status,
            Field::Name => &mut self.slug,
            Field::Status => &mut self.status,
            Field::Kind => &mut self.kind,
            Field::Attachment => &mut self.attachment,
            Field::Password => {
                self.has_password |= !text.is_empty();
                return;
            }
            _ => return,
        };
        let is_text = matches!(field, Field::Content | Field::Title);
        *place = if is_text { text } else { text.trim().to_owned() };
    }

    pub(super) fn meta(&mut self, key: &str, value: String) {
        match key {
            "_thumbnail_id" => self.thumbnail = value.trim().to_owned(),
            "_wp_attachment_image_alt" => self.alt = value,
            _ => {}
        }
    }

    pub(super) fn term(&mut self, domain: String, slug: String, name: String) {
        if self.terms.len() < TERMS {
            self.terms.push((domain, slug, name));
        }
    }

    pub(super) fn comment(&mut self, comment: Comment) {
        let is_comment = matches!(comment.kind.trim(), "" | "comment");
        match (is_comment, comment.approved.trim()) {
            (false, _) => self.pings += 1,
            (true, "1" | "approved") => {
                self.comment_bytes += comment.content.len();
                if self.comments.len() < COMMENTS && self.comment_bytes < COMMENT_BYTES {
                    self.comments.push(comment);
                } else {
                    self.beyond += 1;
                }
            }
            (true, _) => self.unapproved += 1,
        }
    }
}

impl Comment {
    pub(super) fn set(&mut self, field: Field, text: String) {
        match field {
            Field::CommentAuthor => self.author = text,
            Field::CommentDate => self.date = text,
            Field::CommentDateGmt => self.date_gmt = text,
            Field::CommentContent => self.content = text,
            Field::CommentApproved => self.approved = text,
            Field::CommentKind => self.kind = text,
            _ => {}
        }
    }
}
