//! The text for schemas and commands.

use serde_json::json;

use super::{curl, kinds};

#[test]
fn a_schema_reads_in_a_few_words() {
    for (schema, words) in [
        (json!({ "type": "string", "minLength": 3, "maxLength": 200 }), "text (3 to 200)"),
        (
            json!({ "type": ["string", "null"], "maxLength": 9 }),
            "text (up to 9) or <code>null</code>",
        ),
        (json!({ "type": "integer", "minimum": 1 }), "whole number (from 1)"),
        (
            json!({ "type": "array", "items": { "$ref": "#/components/schemas/Post" } }),
            "list of <a href=\"#schema-Post\">Post</a>",
        ),
        (
            json!({ "enum": ["a", "", null] }),
            "<code>a</code>, <code>&quot;&quot;</code>, <code>null</code>",
        ),
        (json!({ "const": "<b>" }), "<code>&lt;b&gt;</code>"),
        (json!({}), "anything"),
    ] {
        assert_eq!(kinds::html(&schema), words);
    }
}

#[test]
fn words_between_backticks_are_code_and_nothing_is_markup() {
    assert_eq!(kinds::spans("a `b<c` & d"), "a <code>b&lt;c</code> &amp; d");
    assert_eq!(kinds::paragraphs("one\n\n`two`"), "<p>one</p><p><code>two</code></p>");
}

#[test]
fn a_command_is_quoted_for_a_shell() {
    let operation = json!({
        "parameters": [{ "name": "id", "in": "path", "required": true, "example": 1 }],
        "requestBody": { "content": { "application/json": { "example": { "body": "it's" } } } },
        "security": [{ "session": [] }, { "token": [] }],
    });
    let command = curl::command("put", "/api/posts/{id}", &operation, "http://localhost:8080");
    assert_eq!(
        command,
        "curl -i -X PUT 'http://localhost:8080/api/posts/1' \\\n  \
         -H \"Authorization: Bearer $TOKEN\" \\\n  -H 'Content-Type: application/json' \\\n  \
         -d '{\"body\":\"it'\\''s\"}'"
    );
}
