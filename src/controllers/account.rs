//! The account of a request, by its cookie or bearer token, and what it may do.

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
    AppError::Unauthorized("this was written for an account that is signed out");
const ANOTHER: AppError = AppError::Conflict("this was written for another account");

pub(super) const SIGN_IN: AppError = AppError::Unauthorized("sign in first");

/// The account of a request, if it has one, and what it may do. An expired cookie counts as none.
pub struct Account {
    user: Option<User>,
    sign_in: Option<i64>,
    /// The last end of a sign-in that was taken into account.
    as_of: i64,
    /// The path and query that it asks for.
    here: String,
    /// For the transaction that the request leads to.
    pub asker: Asker,
}

/// Left in a request by whose account was looked up.
#[derive(Clone)]
pub(super) struct Seen {
    /// The account's name; none for a guest.
    pub(super) name: Option<String>,
    /// The rights of the account.
    pub(super) viewer: Viewer,
}

/// Who makes a request; cheap to clone, and to ask again in a transaction.
#[derive(Clone)]
pub struct Asker {
    access: Access,
    credential: Option<Credential>,
    viewer: Viewer,
}

impl Account {
    /// Nobody, whatever the request says of itself.
    pub(super) fn nobody(request: &HttpRequest) -> Account {
        let (access, viewer) = (Access::Accounts, Viewer::Nobody);
        let asker = Asker { access, credential: None, viewer };
        Account { user: None, sign_in: None, as_of: 0, here: here(request), asker }
    }

    /// The user, when there is one.
    pub fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// The user and the sign-in; 401 without them.
    pub fn signed_in(&self) -> AppResult<(&User, i64)> {
        self.user.as_ref().zip(self.sign_in).ok_or(SIGN_IN)
    }

    /// The fields of a form, if whoever it was made for sends it. A form that was made for an account
    /// that is signed out is 401, any other that was made for somebody else 409.
    pub async fn form(&self, body: Body) -> AppResult<Params> {
        let params = body.form().await?;
        self.check_maker(&params)?;
        Ok(params)
    }

    /// The fields of a form that only an account may send: 401 for others, before it is read.
    pub async fn writing_form(&self, body: Body) -> AppResult<Params> {
        self.permit_writing()?;
        self.form(body).await
    }

    /// The check of [`Account::form`] for fields that were read.
    pub fn check_maker(&self, params: &Params) -> AppResult<()> {
        let Some(made_for) = params.get(MADE_FOR).and_then(Value::as_str) else { return Ok(()) };
        match &self.user {
            Some(user) if user.username == made_for => Ok(()),
            None if made_for.is_empty() => Ok(()),
            None => Err(SIGNED_OUT),
            Some(_) => Err(ANOTHER),
        }
    }

    /// Whether a program asks, with a bearer token.
    pub fn is_program(&self) -> bool {
        self.asker.credential.as_ref().is_some_and(Credential::is_bearer)
    }

    /// The sign-in that a socket of this request ends with, and the last end that it takes into
    /// account.
    pub fn grant(&self) -> Option<(i64, i64)> {
        self.sign_in.map(|sign_in| (sign_in, self.as_of))
    }

    /// The path and query of the request: the way back to its page.
    pub fn here(&self) -> &str {
        &self.here
    }

    /// Who asks, as of the beginning of the request.
    pub fn viewer(&self) -> Viewer {
        self.asker.viewer
    }

    /// Whether the request comes with a cookie whose sign-in has ended.
    pub fn has_ended(&self) -> bool {
        self.asker.credential.is_some() && self.user.is_none()
    }

    /// Whom the request counts for.
    pub fn client(&self, request: &HttpRequest) -> Client {
        Client::of(request, self.viewer().account())
    }

    /// Refuses what it may not do, before its body is read. What hangs on a row is decided with the
    /// row.
    pub fn permit(&self, action: Action) -> AppResult<()> {
        answer(access::may(self.viewer(), action), "page")
    }

    /// 401 for those who would need an account for any write.
    pub fn permit_writing(&self) -> AppResult<()> {
        match self.viewer() {
            Viewer::Nobody => answer(Verdict::SignIn, "page"),
            _ => Ok(()),
        }
    }
}

impl Asker {
    /// Refuses what it may not do as of this transaction: neither an account that was signed out,
    /// nor a role that was taken away meanwhile, decides any more. `what` is not found if it is
    /// hidden. Gives who asks, as of this transaction.
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
            // Not what a guest may do: the request is an account's, which has ended.
            return Err(SIGN_IN);
        }
        answer(access::may(viewer, action), what)?;
        Ok(viewer)
    }

    /// The account as of this transaction, if the sign-in is still in force.
    pub fn user(&self, connection: &mut DbConnection) -> AppResult<Option<User>> {
        let Some(credential) = &self.credential else { return Ok(None) };
        sign_in::hold(connection, credential)?;
        Ok(sign_in::find(connection, credential)?.map(|current| current.user))
    }

    /// The same; 401 without one.
    pub fn signed_in(&self, connection: &mut DbConnection) -> AppResult<User> {
        self.user(connection)?.ok_or(SIGN_IN)
    }
}

/// Refuses one more of what an account has as many of as its quota, unless it is an admin's.
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

/// A verdict in the words of the API.
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
            // Before it is looked up: what ends later closes the socket.
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
            // A cookie may have expired; a program must be told that its token is worth nothing.
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
            // Another site's page reads as nobody does, also where access is open.
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

/// What a request proves itself with. A bearer token comes before a cookie; of other schemes, which
/// a proxy may use for itself, nothing is known here. 401 for what cannot be a token.
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
