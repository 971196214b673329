//! The account of a request, by its cookie or bearer token, and its permissions.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use diesel::QueryResult;
use serde_json::Value;

use super::body::Body;
use super::cookies;
use crate::access::{self, Action, Role, Verdict, Viewer};
use crate::changeset::Params;
use crate::config::Access;
use crate::connection::DbConnection;
use crate::error::{AppError, AppResult};
use crate::limits::{Client, Payer};
use crate::models::sign_in::{self, Credential, Token};
use crate::models::user::User;
use crate::reach::{Reach, Stranger};
use crate::state::State;

/// The field of a form that names the account that it was made for; empty for none.
pub(super) const MADE_FOR: &str = "as";

const SIGNED_OUT: AppError =
    AppError::Unauthorized("this was written by an account that is now signed out");
const ANOTHER: AppError = AppError::Conflict("this was written by another account");

pub(super) const SIGN_IN: AppError = AppError::Unauthorized("sign in first");

/// The account of a request, if it has one, and its permissions. An expired cookie counts as none.
pub struct Account {
    user: Option<User>,
    sign_in: Option<i64>,
    /// The number of the last end of a sign-in that this takes into account.
    as_of: i64,
    /// The request's path and query.
    here: String,
    /// Checks permissions in the request's transaction.
    pub asker: Asker,
}

/// Added to a request when its account was looked up.
#[derive(Clone)]
pub(super) struct Seen {
    /// The account's name; `None` for a guest.
    pub(super) name: Option<String>,
    /// The permissions of the account.
    pub(super) viewer: Viewer,
}

/// The maker of a request. It is cheap to clone, and its permissions can be checked again in a
/// transaction.
#[derive(Clone)]
pub struct Asker {
    access: Access,
    credential: Option<Credential>,
    viewer: Viewer,
}

impl Account {
    /// A guest, whatever credentials the request has.
    pub(super) fn nobody(request: &HttpRequest) -> Account {
        let (access, viewer) = (Access::Accounts, Viewer::Nobody);
        let asker = Asker { access, credential: None, viewer };
        Account { user: None, sign_in: None, as_of: 0, here: here(request), asker }
    }

    /// The user, if there is one.
    pub fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// The user and the sign-in; 401 without them.
    pub fn signed_in(&self) -> AppResult<(&User, i64)> {
        self.user.as_ref().zip(self.sign_in).ok_or(SIGN_IN)
    }

    /// The fields of a form, if it is sent by the account that it was made for. Fails with 401 if
    /// that account is signed out, and with 409 if somebody else sends the form.
    pub async fn form(&self, body: Body) -> AppResult<Params> {
        let params = body.form().await?;
        self.check_maker(&params)?;
        Ok(params)
    }

    /// The fields of a form that only an account may send. Fails with 401 for others, before the
    /// form is read.
    pub async fn writing_form(&self, body: Body) -> AppResult<Params> {
        self.permit_writing()?;
        self.form(body).await
    }

    /// Checks fields that were already read as [`Account::form`] does.
    pub fn check_maker(&self, params: &Params) -> AppResult<()> {
        let Some(made_for) = params.get(MADE_FOR).and_then(Value::as_str) else { return Ok(()) };
        match &self.user {
            Some(user) if user.username == made_for => Ok(()),
            None if made_for.is_empty() => Ok(()),
            None => Err(SIGNED_OUT),
            Some(_) => Err(ANOTHER),
        }
    }

    /// Whether a program makes the request, with a bearer token.
    pub fn is_program(&self) -> bool {
        self.asker.credential.as_ref().is_some_and(Credential::is_bearer)
    }

    /// The sign-in with which a socket of this request ends, and the number of the last end that is
    /// taken into account.
    pub fn grant(&self) -> Option<(i64, i64)> {
        self.sign_in.map(|sign_in| (sign_in, self.as_of))
    }

    /// The path and query of the request, to return to its page.
    pub fn here(&self) -> &str {
        &self.here
    }

    /// The viewer, as of the beginning of the request.
    pub fn viewer(&self) -> Viewer {
        self.asker.viewer
    }

    /// Whether the request has a cookie whose sign-in has ended.
    pub fn has_ended(&self) -> bool {
        self.asker.credential.is_some() && self.user.is_none()
    }

    /// The client whose limits the request counts against.
    pub fn client(&self, request: &HttpRequest) -> Client {
        Client::of(request, self.viewer().account())
    }

    /// Fails if the action is not allowed. This check runs before the body is read; permissions
    /// that depend on a row are checked in the transaction that reads the row.
    pub fn permit(&self, action: Action) -> AppResult<()> {
        answer(access::may(self.viewer(), action), "page")
    }

    /// Fails with 401 if every write would need an account that the request does not have.
    pub fn permit_writing(&self) -> AppResult<()> {
        match self.viewer() {
            Viewer::Nobody => answer(Verdict::SignIn, "page"),
            _ => Ok(()),
        }
    }
}

impl Asker {
    /// Fails if the action is not allowed as of this transaction: the account may have been signed
    /// out, or lost its role, since the request began. If the row is hidden, `what` is not found.
    /// Returns the viewer, as of this transaction.
    pub fn permit(
        &self,
        connection: &mut DbConnection,
        action: Action,
        what: &'static str,
    ) -> AppResult<Viewer> {
        let user = match self.access {
            Access::Accounts => self.user(connection)?,
            Access::Open => None,
        };
        let viewer = viewer(self.access, user.as_ref());
        if viewer == Viewer::Nobody && self.viewer != Viewer::Nobody {
            // A sign-in that has ended does not continue as a guest.
            return Err(SIGN_IN);
        }
        answer(access::may(viewer, action), what)?;
        Ok(viewer)
    }

    /// The account as of this transaction, if the sign-in is still valid.
    pub fn user(&self, connection: &mut DbConnection) -> AppResult<Option<User>> {
        let Some(credential) = &self.credential else { return Ok(None) };
        sign_in::hold(connection, credential)?;
        Ok(sign_in::find(connection, credential)?.map(|current| current.user))
    }

    /// The account as of this transaction. Fails with 401 without one.
    pub fn signed_in(&self, connection: &mut DbConnection) -> AppResult<User> {
        self.user(connection)?.ok_or(SIGN_IN)
    }
}

/// Fails with 403 and the message `what` if the account has reached the quota. Admins have no
/// quotas.
pub(super) fn within(
    quota: Option<i64>,
    viewer: Viewer,
    what: &'static str,
    has: impl FnOnce(i64, i64) -> QueryResult<bool>,
) -> AppResult<()> {
    match (viewer, quota) {
        (Viewer::User { role: Role::Admin, .. }, _) | (_, None) => Ok(()),
        (Viewer::User { id, .. }, Some(quota)) if has(id, quota)? => Err(AppError::Forbidden(what)),
        _ => Ok(()),
    }
}

/// A verdict as a result. `what` is the thing that is not found if it is hidden.
pub(super) fn answer(verdict: Verdict, what: &'static str) -> AppResult<()> {
    match verdict {
        Verdict::Allowed => Ok(()),
        Verdict::SignIn => Err(SIGN_IN),
        Verdict::Forbidden => Err(AppError::Forbidden("this account may not do that")),
        Verdict::Locked => Err(AppError::Forbidden("comments are locked")),
        Verdict::Hidden => Err(AppError::NotFound(what)),
    }
}

fn viewer(access: Access, user: Option<&User>) -> Viewer {
    match (access, user) {
        (Access::Open, _) => Viewer::Anyone,
        (Access::Accounts, None) => Viewer::Nobody,
        (Access::Accounts, Some(user)) => Viewer::User { id: user.id, role: user.role },
    }
}

impl FromRequest for Account {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = AppResult<Account>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.app_data::<Data<State>>().cloned();
        let credential = state.as_ref().map(|state| credential(&state.config.reach, request));
        let is_stranger = request.extensions().contains::<Stranger>();
        let payer = request.extensions().get::<Payer>().cloned();
        let request = request.clone();
        Box::pin(async move {
            let state = state.ok_or_else(|| AppError::internal("no application state"))?;
            let credential = credential.transpose()?.flatten();
            // Read before the sign-in: an end after this number closes the socket.
            let as_of = state.accounts.ends.known();
            let current = match credential.clone() {
                None => None,
                Some(credential) => {
                    let found = move |c: &mut DbConnection| {
                        Ok::<_, AppError>(sign_in::find(c, &credential)?)
                    };
                    state.db.read(found).await?
                }
            };
            // A cookie may just have expired, but a program must learn that its token is invalid.
            if current.is_none() && credential.as_ref().is_some_and(Credential::is_bearer) {
                return Err(WRONG_TOKEN);
            }
            let sign_in = current.as_ref().map(|current| current.id);
            if let Some(current) = current.as_ref().filter(|current| current.unseen) {
                let (state, id) = (state.clone(), current.id);
                actix_web::rt::spawn(async move {
                    state.accounts.ends.note_use(&state.db, id).await;
                });
            }
            let user = current.map(|current| current.user);
            // Another site's page reads as a guest, even where access is open.
            let access = if is_stranger { Access::Accounts } else { state.config.access };
            let asker = Asker { access, credential, viewer: viewer(access, user.as_ref()) };
            if let (Viewer::User { id, .. }, Some(payer)) = (asker.viewer, payer) {
                payer.join(id)?;
            }
            let name = user.as_ref().map(|user| user.username.clone());
            request.extensions_mut().insert(Seen { name, viewer: asker.viewer });
            Ok(Account { user, sign_in, as_of, here: here(&request), asker })
        })
    }
}

/// The path and query of a request.
fn here(request: &HttpRequest) -> String {
    request.uri().path_and_query().map_or("/", |here| here.as_str()).to_owned()
}

const WRONG_TOKEN: AppError = AppError::Unauthorized("the token is invalid");

/// The credential of a request. A bearer token takes precedence over a cookie. Other schemes are
/// ignored, since a proxy may use them. Fails with 401 if a bearer token is malformed.
pub(super) fn credential(reach: &Reach, request: &HttpRequest) -> AppResult<Option<Credential>> {
    if let Some(value) = request.headers().get(header::AUTHORIZATION)
        && let Ok(text) = value.to_str()
        && let (scheme, token) = text.split_once(' ').unwrap_or((text, ""))
        && scheme.eq_ignore_ascii_case("bearer")
    {
        let token = Token::parse_bearer(token.trim()).ok_or(WRONG_TOKEN)?;
        return Ok(Some(Credential::Bearer(token)));
    }
    Ok(cookies::sign_in(reach, request))
}
