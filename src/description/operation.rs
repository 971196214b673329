//! The builder of one operation: the account that it needs, its parameters, its body, and its
//! responses.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::parameters;
use super::responses::{self, OF_ALL};

/// The account that an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// None; the account is not looked up.
    Nothing,
    /// None, but an account may see more.
    Anyone,
    /// Any account, unless access is open.
    Writer,
    /// Any account, even where access is open.
    Account,
    /// An account that is signed in with its cookie.
    Browser,
}

/// The headers with the position of the log at which a response is true.
const STAMP: [&str; 2] = ["Last-Event-Id", "Log-Id"];

/// An operation of a path.
pub(super) struct Operation {
    pub(super) path: &'static str,
    /// In lower case.
    pub(super) method: &'static str,
    pub(super) needs: Needs,
    head: Map<String, Value>,
    parameters: Vec<Value>,
    responses: BTreeMap<u16, Value>,
}

impl Operation {
    pub(super) fn new(
        method: &'static str,
        path: &'static str,
        needs: Needs,
        [tag, id, summary]: [&str; 3],
    ) -> Operation {
        let head = Map::from_iter([
            ("tags".to_owned(), json!([tag])),
            ("operationId".to_owned(), id.into()),
            ("summary".to_owned(), summary.into()),
        ]);
        let responses = OF_ALL.map(|status| (status, responses::failure(status))).into();
        let new = Operation { path, method, needs, head, parameters: Vec::new(), responses };
        match needs {
            Needs::Nothing => new,
            _ => new.fails([401]),
        }
    }

    pub(super) fn about(mut self, words: &str) -> Self {
        self.head.insert("description".to_owned(), words.into());
        self
    }

    pub(super) fn fails<const N: usize>(mut self, statuses: [u16; N]) -> Self {
        self.responses.extend(statuses.map(|status| (status, responses::failure(status))));
        self
    }

    /// Adds an id to the path's parameters.
    pub(super) fn id(mut self, of: &str) -> Self {
        self.parameters.push(parameters::id(of));
        self.fails([404])
    }

    /// Adds these parameters.
    pub(super) fn takes<const N: usize>(mut self, parameters: [Value; N]) -> Self {
        self.parameters.extend(parameters);
        self.fails([422])
    }

    /// Adds the preconditions of a thing that has versions.
    pub(super) fn conditional(mut self) -> Self {
        let is_read = self.method == "get";
        self.parameters.extend([parameters::if_match(), parameters::if_none_match(is_read)]);
        if is_read {
            let headers = responses::headers(&["ETag", STAMP[0], STAMP[1]]);
            let unchanged =
                json!({ "description": "You already have this version.", "headers": headers });
            self.responses.insert(304, unchanged);
        }
        self.fails([412])
    }

    /// Adds the precondition of a document that is the same for everyone and has versions.
    pub(super) fn cached(mut self) -> Self {
        self.parameters.push(parameters::if_none_match(true));
        let headers = responses::headers(&["ETag"]);
        let unchanged =
            json!({ "description": "You already have this version.", "headers": headers });
        self.responses.insert(304, unchanged);
        self
    }

    /// Adds the header `Idempotency-Key`.
    pub(super) fn once(self) -> Self {
        self.takes([parameters::idempotency_key()])
    }

    /// Sets a JSON body.
    pub(super) fn body(mut self, schema: Value, example: Value) -> Self {
        let content = json!({ "application/json": { "schema": schema, "example": example } });
        self.head.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
        self.fails([413, 415, 422])
    }

    /// Sets a body of other types.
    pub(super) fn content(mut self, content: Value) -> Self {
        self.head.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
        self.fails([413, 415, 422])
    }

    /// Adds a JSON response with a position of the log and these additional headers.
    pub(super) fn stamped<const N: usize>(
        self,
        status: u16,
        about: &str,
        schema: Value,
        headers: [&str; N],
    ) -> Self {
        let headers: Vec<&str> = STAMP.into_iter().chain(headers).collect();
        self.json(status, about, schema, &headers)
    }

    /// Adds a JSON response with these headers.
    pub(super) fn json(self, status: u16, about: &str, schema: Value, headers: &[&str]) -> Self {
        self.gives(status, about, "application/json", schema, headers)
    }

    /// Adds a response of any type with these headers.
    pub(super) fn gives(
        mut self,
        status: u16,
        about: &str,
        media_type: &str,
        schema: Value,
        headers: &[&str],
    ) -> Self {
        let content = Map::from_iter([(media_type.to_owned(), json!({ "schema": schema }))]);
        let headers = responses::headers(headers);
        let response = json!({ "description": about, "headers": headers, "content": content });
        self.responses.insert(status, response);
        self
    }

    /// Adds the response without content, 204.
    pub(super) fn done(mut self, about: &str) -> Self {
        self.responses.insert(204, json!({ "description": about }));
        self
    }

    /// The operation in the document.
    pub(super) fn finish(self, is_open: bool) -> Value {
        let ways = [json!({ "session": [] }), json!({ "token": [] })];
        let freely = std::iter::once(json!({}));
        let security: Vec<Value> = match self.needs {
            Needs::Nothing => Vec::new(),
            Needs::Writer if !is_open => ways.into(),
            Needs::Account => ways.into(),
            Needs::Browser => vec![json!({ "session": [] })],
            Needs::Anyone | Needs::Writer => freely.chain(ways).collect(),
        };
        let mut operation = self.head;
        operation.insert("security".to_owned(), security.into());
        if !self.parameters.is_empty() {
            operation.insert("parameters".to_owned(), self.parameters.into());
        }
        let responses = self.responses.into_iter().map(|(status, it)| (status.to_string(), it));
        operation.insert("responses".to_owned(), Value::Object(responses.collect()));
        Value::Object(operation)
    }
}
