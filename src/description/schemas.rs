//! The schemas of the types in responses, by name. Owns their form; the descriptions are the types'
//! doc comments.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The schemas that a document refers to.
pub(super) struct Schemas {
    generator: SchemaGenerator,
    /// Schemas that do not come from a type.
    others: Map<String, Value>,
}

impl Schemas {
    pub(super) fn new() -> Schemas {
        let mut settings = SchemaSettings::draft2020_12().for_serialize();
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
        let settings = settings.with_transform(RecursiveTransform(words as fn(&mut Schema)));
        Schemas { generator: settings.into_generator(), others: Map::new() }
    }

    /// The schema of a type, as a reference if it has a name.
    pub(super) fn of<T: JsonSchema>(&mut self) -> Value {
        self.by(SchemaGenerator::subschema_for::<T>)
    }

    /// The schema that a function returns.
    pub(super) fn by(&mut self, schema: fn(&mut SchemaGenerator) -> Schema) -> Value {
        schema(&mut self.generator).to_value()
    }

    /// Adds a schema under a name, and returns a reference to it.
    pub(super) fn add(&mut self, name: &str, schema: Value) -> Value {
        self.others.insert(name.to_owned(), schema);
        reference("schemas", name)
    }

    /// All schemas.
    pub(super) fn finish(mut self) -> Value {
        let mut all = self.generator.take_definitions(true);
        all.extend(self.others);
        Value::Object(all)
    }
}

/// A reference to a component.
pub(super) fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// Turns a choice of words into an enumeration, with the meaning of each word in the description.
fn words(schema: &mut Schema) {
    let Some(Value::Array(choices)) = schema.get("oneOf") else { return };
    let word = |choice: &Value| Some(choice.get("const")?.as_str()?.to_owned());
    let Some(words) = choices.iter().map(word).collect::<Option<Vec<_>>>() else { return };
    let meanings = choices.iter().zip(&words).filter_map(|(choice, word)| {
        Some(format!("`{word}`: {}", choice.get("description")?.as_str()?))
    });
    let meanings = meanings.collect::<Vec<_>>().join("\n\n");
    let of = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = format!("{of}\n\n{meanings}");
    schema.remove("oneOf");
    schema.insert("type".to_owned(), "string".into());
    schema.insert("enum".to_owned(), words.into());
    schema.insert("description".to_owned(), description.trim().into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Status;
    use crate::models::post::Post;

    #[test]
    fn a_schema_requires_every_served_field() {
        let mut schemas = Schemas::new();
        assert_eq!(schemas.of::<Post>(), reference("schemas", "Post"));
        let all = schemas.finish();
        let post = &all["Post"];
        let fields = post["properties"].as_object().expect("fields");
        assert_eq!(fields.len(), 13, "{post:#}");
        assert_eq!(post["required"].as_array().expect("names").len(), 13, "{post:#}");
        assert_eq!(post["properties"]["inserted_at"]["format"], "date-time");
        assert_eq!(post["properties"]["status"]["$ref"], "#/components/schemas/Status");
        let words = Status::ALL.map(Status::as_str);
        assert_eq!(all["Status"]["enum"], json!(words), "{:#}", all["Status"]);
    }
}
