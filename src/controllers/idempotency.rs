//! POSTs that write once, however often their client sends them. Owns the `Idempotency-Key`: which
//! requests are the same, and the replay of the stored response to a repeated one. The action owns
//! the content of a response, and `respond` owns its form.

use actix_web::HttpRequest;
use data_encoding::HEXLOWER;
use kilonova_feed::Subject;
use kilonova_feed::limits::Address;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::request;
use crate::changeset::Params;
use crate::db::{Db, Touches, Tx};
use crate::error::{AppError, AppResult};
use crate::models::stored_response::{Key, MAX_KEY, NOBODY, StoredResponse};
use crate::models::user::User;
use crate::models::working_copy::Window;

/// The form field that contains the key.
pub(super) const FORM_KEY: &str = "idempotency_key";

/// A POST that writes once for its `Idempotency-Key`. Without a key, it writes each time.
pub struct Once {
    pub(super) key: Option<Key>,
    /// Whether something that was deleted since may be written again. A form is sent again by a
    /// person, not by a network's retry.
    writes_again: bool,
}

/// The thing that a POST created: its JSON and its address.
pub struct Created {
    body: String,
    location: Option<String>,
    subject: Option<Subject>,
}

/// The response to a POST.
pub struct Outcome {
    /// The JSON of the thing that was created.
    pub body: String,
    /// Its address.
    pub location: Option<String>,
    /// The position of the log at which the response was true.
    pub position: i64,
    /// Whether this is the stored response to an earlier request.
    pub replayed: bool,
}

impl Once {
    /// Reads a request's key. Each account has its own keys, and so has each guest's address. Two
    /// requests are the same if their paths, keys, authors and parameters are. Fails with 422 if
    /// the key is empty, too long or not ASCII.
    pub fn of(request: &HttpRequest, author: Option<&User>, params: &Params) -> AppResult<Once> {
        let Some(value) = request.headers().get("idempotency-key") else {
            return Ok(Once { key: None, writes_again: false });
        };
        let key = value.to_str().ok().filter(|key| (1..=MAX_KEY).contains(&key.len()));
        let mut key = key.ok_or_else(|| request::invalid("Idempotency-Key"))?.to_owned();
        let mut content = serde_json::to_string(params)?;
        // In rows from older versions, only the fingerprint identifies the account.
        if let Some(author) = author {
            content.insert_str(0, &format!("{} ", author.id));
        }
        let address = Address::of(request.peer_addr().map(|peer| peer.ip())).counted();
        if let (None, Some(address)) = (author, address) {
            // Guests have no account, so their addresses keep their keys apart.
            key = HEXLOWER.encode(&Sha256::digest(format!("{address} {key}")));
        }
        let fingerprint = HEXLOWER.encode(&Sha256::digest(content));
        let account = author.map_or(NOBODY, |author| author.id);
        let key = Some(Key { account, path: request.path().to_owned(), key, fingerprint });
        Ok(Once { key, writes_again: false })
    }

    /// Reads the key of a form, which is a field. A form that is sent again with other fields, for
    /// example after the Back button, is another request.
    pub fn of_form(
        request: &HttpRequest,
        author: Option<&User>,
        params: &Params,
    ) -> AppResult<Once> {
        let mut params = params.clone();
        let Some(Value::String(key)) = params.remove(FORM_KEY) else {
            return Ok(Once { key: None, writes_again: true });
        };
        // The fields about the window's working copy are not part of the request.
        for field in Window::FIELDS {
            params.remove(field);
        }
        let account = author.map_or(NOBODY, |author| author.id);
        let content = serde_json::to_string(&params)?;
        let fingerprint = HEXLOWER.encode(&Sha256::digest(format!("{account} {content}")));
        // A guest's form is protected from others only by the randomness of the key.
        let key = HEXLOWER.encode(&Sha256::digest(format!("{key} {fingerprint}")));
        let key = Some(Key { account, path: request.path().to_owned(), key, fingerprint });
        Ok(Once { key, writes_again: true })
    }

    /// Whether it has a key.
    pub fn is_keyed(&self) -> bool {
        self.key.is_some()
    }

    /// Runs a transaction that also stores its response.
    ///
    /// A repeated request does not run `work`; it gets the stored response. Fails with 422 if the
    /// key was used for another request. If two requests with one key arrive at the same time, on
    /// any nodes, the second waits for the first.
    pub async fn transact<F>(self, db: &Db, touches: Touches, work: F) -> AppResult<Outcome>
    where
        F: FnOnce(&mut Tx<'_>) -> AppResult<Created> + Send + 'static,
    {
        let writes_again = self.writes_again;
        let fingerprint = self.key.as_ref().map(|key| key.fingerprint.clone()).unwrap_or_default();
        let done = db.transaction_on(touches, self.key, move |tx| {
            let stored = tx.stored_response()?;
            let stored = stored.filter(|(stored, _)| !(writes_again && stored.is_redacted()));
            if let Some((stored, position)) = stored {
                if stored.fingerprint != fingerprint {
                    return Err(AppError::Unprocessable(
                        "Idempotency-Key was used for another request".to_owned(),
                    ));
                }
                return Ok((stored, Some(position)));
            }
            let Created { body, location, subject } = work(tx)?;
            let response = StoredResponse { fingerprint, location, body };
            tx.store_response(&response, subject.as_ref())?;
            Ok::<_, AppError>((response, None))
        });
        let done = done.await?;
        let (StoredResponse { body, location, .. }, stored_at) = done.value;
        let position = stored_at.unwrap_or(done.position);
        Ok(Outcome { body, location, position, replayed: stored_at.is_some() })
    }
}

impl Created {
    /// A thing that has no address.
    pub fn of(thing: &impl Serialize) -> AppResult<Created> {
        Ok(Created { body: serde_json::to_string(thing)?, location: None, subject: None })
    }

    /// Sets the subject. The stored response is redacted when the subject is deleted.
    pub fn about(self, subject: Subject) -> Created {
        Created { subject: Some(subject), ..self }
    }

    /// Sets the address.
    pub fn at(self, location: String) -> Created {
        Created { location: Some(location), ..self }
    }
}
