//! POSTs that write once, however often their client sends them. Owns the `Idempotency-Key`: which
//! requests are the same one, and that a repeated one gets the stored response of the first. What a
//! response says is the action's, how it is sent is `respond`'s.

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

/// The field of a form that is its key.
pub(super) const FORM_KEY: &str = "idempotency_key";

/// A POST that writes once under its `Idempotency-Key`; each time when it has none.
pub struct Once {
    pub(super) key: Option<Key>,
    /// What was deleted since may be written again: somebody has asked for it, not a network's retry.
    writes_again: bool,
}

/// What a POST created: its JSON, and where to find it.
pub struct Created {
    body: String,
    location: Option<String>,
    subject: Option<Subject>,
}

/// The response to a POST.
pub struct Outcome {
    /// The JSON of what was created.
    pub body: String,
    /// Where to find it.
    pub location: Option<String>,
    /// The position that the response is true as of.
    pub position: i64,
    /// Whether an earlier request wrote it, and this one got the stored response.
    pub replayed: bool,
}

impl Once {
    /// Reads a request's key. Keys are an account's own, and a guest's are its address's. Requests are
    /// the same when path, key, author and parameters are; 422 for a key that is empty, too long or not ASCII.
    pub fn of(request: &HttpRequest, author: Option<&User>, params: &Params) -> AppResult<Once> {
        let Some(value) = request.headers().get("idempotency-key") else {
            return Ok(Once { key: None, writes_again: false });
        };
        let key = value.to_str().ok().filter(|key| (1..=MAX_KEY).contains(&key.len()));
        let mut key = key.ok_or_else(|| request::invalid("Idempotency-Key"))?.to_owned();
        let mut content = serde_json::to_string(params)?;
        // Of rows from before a response belonged to an account, only this tells whose they are.
        if let Some(author) = author {
            content.insert_str(0, &format!("{} ", author.id));
        }
        let address = Address::of(request.peer_addr().map(|peer| peer.ip())).counted();
        if let (None, Some(address)) = (author, address) {
            // Guests have no account that would keep their keys apart.
            key = HEXLOWER.encode(&Sha256::digest(format!("{address} {key}")));
        }
        let fingerprint = HEXLOWER.encode(&Sha256::digest(content));
        let account = author.map_or(NOBODY, |author| author.id);
        let key = Some(Key { account, path: request.path().to_owned(), key, fingerprint });
        Ok(Once { key, writes_again: false })
    }

    /// The same for a form, whose key is a field. A form that is sent again with other fields, after
    /// the Back button perhaps, is another request.
    pub fn of_form(
        request: &HttpRequest,
        author: Option<&User>,
        params: &Params,
    ) -> AppResult<Once> {
        let mut params = params.clone();
        let Some(Value::String(key)) = params.remove(FORM_KEY) else {
            return Ok(Once { key: None, writes_again: true });
        };
        // What the window knows of its own copy is no part of what it asks for.
        for field in Window::FIELDS {
            params.remove(field);
        }
        let account = author.map_or(NOBODY, |author| author.id);
        let content = serde_json::to_string(&params)?;
        let fingerprint = HEXLOWER.encode(&Sha256::digest(format!("{account} {content}")));
        // Of a guest, only the key's randomness keeps others from it.
        let key = HEXLOWER.encode(&Sha256::digest(format!("{key} {fingerprint}")));
        let key = Some(Key { account, path: request.path().to_owned(), key, fingerprint });
        Ok(Once { key, writes_again: true })
    }

    /// Whether it has a key.
    pub fn is_keyed(&self) -> bool {
        self.key.is_some()
    }

    /// Runs a transaction and stores its response with what it wrote.
    ///
    /// A repeated request does not run `work`: it gets the stored response. 422 when the key was
    /// used for another request. Of two requests with one key at the same time, on any node, the
    /// second waits for the first.
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
    /// Something that has no address of its own.
    pub fn of(thing: &impl Serialize) -> AppResult<Created> {
        Ok(Created { body: serde_json::to_string(thing)?, location: None, subject: None })
    }

    /// The same about a subject: the stored response is redacted with it.
    pub fn about(self, subject: Subject) -> Created {
        Created { subject: Some(subject), ..self }
    }

    /// The same with the address at which it is found.
    pub fn at(self, location: String) -> Created {
        Created { location: Some(location), ..self }
    }
}
