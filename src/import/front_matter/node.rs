//! The content of front matter and of a site's configuration: texts as written, lists and maps, and
//! the line of each entry. Pure.

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A text, number, date or boolean, with the spelling of the file: `007` stays `007`.
    Text(String),
    /// No value: YAML's `~`, JSON's `null`, a key without a value.
    Null,
    /// Values, in order.
    List(Vec<Node>),
    /// Entries, in the order of the file or of their keys.
    Map(Fields),
}

/// An entry of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The key as written.
    pub key: String,
    /// Its line in the file, from 1.
    pub line: usize,
    /// Its value.
    pub value: Node,
}

/// The entries of a map; each key occurs once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(pub Vec<Field>);

impl Fields {
    /// The entry of this key, in this case if there is one, otherwise in any case, as Hugo reads
    /// keys.
    pub fn get(&self, key: &str) -> Option<&Field> {
        let exact = self.0.iter().find(|field| field.key == key);
        exact.or_else(|| self.0.iter().find(|field| field.key.eq_ignore_ascii_case(key)))
    }

    /// The first entry under these keys that has a value.
    pub fn first(&self, keys: &[&str]) -> Option<&Field> {
        keys.iter().filter_map(|key| self.get(key)).find(|field| field.value != Node::Null)
    }

    /// The value of this key; `None` if it is null.
    pub fn value(&self, key: &str) -> Option<&Node> {
        self.get(key).map(|field| &field.value).filter(|value| **value != Node::Null)
    }

    /// The text of this key, trimmed; `None` if it is blank or not a text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.value(key)?.text()
    }

    /// The map of this key.
    pub fn map(&self, key: &str) -> Option<&Fields> {
        self.value(key)?.map()
    }

    /// The boolean of this key.
    pub fn truth(&self, key: &str) -> Option<bool> {
        self.value(key)?.truth()
    }

    /// Adds a number of lines to all line numbers.
    pub(in crate::import) fn moved(mut self, lines: usize) -> Fields {
        self.0.iter_mut().for_each(|field| field.line += lines);
        self
    }
}

impl Node {
    /// The text, trimmed; `None` if it is blank or not a text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Node::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// The map; `None` if it is not a map.
    pub fn map(&self) -> Option<&Fields> {
        match self {
            Node::Map(fields) => Some(fields),
            _ => None,
        }
    }

    /// The values of a list; a single value counts as a list of one.
    pub fn list(&self) -> &[Node] {
        match self {
            Node::List(values) => values,
            Node::Null => &[],
            other => std::slice::from_ref(other),
        }
    }

    /// The boolean, in any spelling that a version of YAML has used.
    pub fn truth(&self) -> Option<bool> {
        match self.text()?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => Some(true),
            "false" | "no" | "off" | "n" => Some(false),
            _ => None,
        }
    }

    /// Names: a text is one name, a list several; a map has its name under `name`.
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
