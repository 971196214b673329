//! Subjects: the rows that events are about. Owns the rule for which events a deletion redacts.

use std::sync::Arc;

/// The row that an event is about; deleting the row can redact its events.
///
/// Two subjects are equal when kind, id and parent are equal. A subject can be part of another, as
/// a comment is part of a post: redacting the post then covers the comment's events too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    name: Name,
    parent: Option<Name>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Name {
    kind: Arc<str>,
    /// JSON: a number or a string.
    id: Arc<str>,
}

impl Subject {
    /// The row of this kind, such as `"post"`, with this id: a number or a string.
    pub fn new(kind: impl Into<Arc<str>>, id: impl Into<SubjectId>) -> Subject {
        Subject { name: Name { kind: kind.into(), id: id.into().0 }, parent: None }
    }

    /// Makes the row a part of another row.
    #[must_use]
    pub fn within(self, kind: impl Into<Arc<str>>, id: impl Into<SubjectId>) -> Subject {
        Subject { parent: Some(Name { kind: kind.into(), id: id.into().0 }), ..self }
    }

    /// The kind of row.
    pub fn kind(&self) -> &str {
        &self.name.kind
    }

    /// The row's id as JSON: `7`, or `"7f3a"` with its quotes.
    pub fn id(&self) -> &str {
        &self.name.id
    }

    /// The kind and the id (as JSON) of the row that contains this one.
    pub fn parent(&self) -> Option<(&str, &str)> {
        self.parent.as_ref().map(|parent| (&*parent.kind, &*parent.id))
    }

    /// True when redacting `self` redacts events about `other`: the same row or a part of it.
    pub fn covers(&self, other: &Subject) -> bool {
        self.name == other.name || other.parent.as_ref() == Some(&self.name)
    }
}

/// A row's id: converts from integers and strings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SubjectId(Arc<str>);

impl SubjectId {
    /// The id from the JSON of [`Subject::id`], for logs that read it back.
    pub fn from_json(json: impl Into<Arc<str>>) -> SubjectId {
        SubjectId(json.into())
    }
}

impl From<i64> for SubjectId {
    fn from(id: i64) -> SubjectId {
        SubjectId(id.to_string().into())
    }
}

impl From<i32> for SubjectId {
    fn from(id: i32) -> SubjectId {
        i64::from(id).into()
    }
}

impl From<&str> for SubjectId {
    fn from(id: &str) -> SubjectId {
        SubjectId(serde_json::Value::from(id).to_string().into())
    }
}

impl From<&String> for SubjectId {
    fn from(id: &String) -> SubjectId {
        id.as_str().into()
    }
}

impl From<String> for SubjectId {
    fn from(id: String) -> SubjectId {
        id.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_covers_itself_and_its_parts() {
        let post = Subject::new("post", 7);
        let comment = Subject::new("comment", 7).within("post", 7);
        assert!(post.covers(&post) && post.covers(&comment));
        assert!(!comment.covers(&post));
        assert!(!post.covers(&Subject::new("comment", 7)));
        assert!(!post.covers(&Subject::new("comment", 7).within("post", 8)));
        assert!(!Subject::new("post", "7").covers(&post), "a string is not a number");
    }

    #[test]
    fn an_id_is_json_whatever_it_contains() {
        assert_eq!(Subject::new("post", -3).id(), "-3");
        assert_eq!(Subject::new("post", "a\"b\\\u{1f680}").id(), r#""a\"b\\🚀""#);
    }
}
