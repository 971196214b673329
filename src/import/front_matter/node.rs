//! What front matter and a site's configuration hold: texts as they are written, lists and maps,
//! each entry with its line. Pure.

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A text, a number, a date, yes or no: the characters of the file. `007` stays `007`.
    Text(String),
    /// No value: YAML's `~`, JSON's `null`, a key with nothing behind it.
    Null,
    /// Values in order.
    List(Vec<Node>),
    /// Entries, in the file's order or that of their keys.
    Map(Fields),
}

/// An entry of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// As written.
    pub key: String,
    /// The line of the file that it is on, from 1.
    pub line: usize,
    /// Its value.
    pub value: Node,
}

/// The entries of a map, each key once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(pub Vec<Field>);

impl Fields {
    /// The entry of this key, written so or else with other capitals: Hugo reads keys in any case.
    pub fn get(&self, key: &str) -> Option<&Field> {
        let exact = self.0.iter().find(|field| field.key == key);
        exact.or_else(|| self.0.iter().find(|field| field.key.eq_ignore_ascii_case(key)))
    }

    /// The first of these entries that has a value.
    pub fn first(&self, keys: &[&str]) -> Option<&Field> {
        keys.iter().filter_map(|key| self.get(key)).find(|field| field.value != Node::Null)
    }

    /// The value of this key.
    pub fn value(&self, key: &str) -> Option<&Node> {
        self.get(key).map(|field| &field.value).filter(|value| **value != Node::Null)
    }

    /// The text of this key, without blanks around it; `None` when it is blank or no text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.value(key)?.text()
    }

    /// The map of this key.
    pub fn map(&self, key: &str) -> Option<&Fields> {
        self.value(key)?.map()
    }

    /// Yes or no of this key.
    pub fn truth(&self, key: &str) -> Option<bool> {
        self.value(key)?.truth()
    }

    /// Moves all lines down by so many.
    pub(in crate::import) fn moved(mut self, lines: usize) -> Fields {
        self.0.iter_mut().for_each(|field| field.line += lines);
        self
    }
}

impl Node {
    /// A text, without blanks around it; `None` when it is blank or something else.
    pub fn text(&self) -> Option<&str> {
        match self {
            Node::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// A map.
    pub fn map(&self) -> Option<&Fields> {
        match self {
            Node::Map(fields) => Some(fields),
            _ => None,
        }
    }

    /// The values of a list; a value that is none is a list of itself.
    pub fn list(&self) -> &[Node] {
        match self {
            Node::List(values) => values,
            Node::Null => &[],
            other => std::slice::from_ref(other),
        }
    }

    /// Yes or no, as YAML has written it through its versions.
    pub fn truth(&self) -> Option<bool> {
        match self.text()?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => Some(true),
            "false" | "no" | "off" | "n" => Some(false),
            _ => None,
        }
    }

    /// Names: a text is one, a list several, a map has one under `name`.
    pub fn names(&self) -> Vec<&str> {
        fn name(value: &Node) -> Option<&str> {
            match value {
                Node::Map(fields) => fields.text("name"),
                other => other.text(),
            }
        }
        self.list().iter().filter_map(name).collect()
    }
}
