//! The account of a request, by its cookie. Owns the cookies: the one of a sign-in, and the one of a
//! device that has signed in before.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};

use crate::access::{self, Action, Verdict, Viewer};
use crate::accounts::Device;
use crate::config::Access;
use crate::connection::DbConnection;
use crate::error::{AppError, AppResult};
use crate::models::sign_in::{self, Token};
use crate::models::user::User;
use crate::state::State;

/// The cookie's name, without `__Host-`, which browsers refuse over plain HTTP.
const NAME: &str = "kilonova_session";

/// The beginning of the name of a device cookie; the user's name follows in lower case.
const DEVICE: &str = "kilonova_device_";

/// How long a browser counts as one that has signed in before.
const DEVICE_LASTS: Duration = Duration::days(365);

/// The account of a request, if it has one, and what it may do. An expired cookie counts as none.
pub struct Account {
    user: Option<User>,
    /// For the transaction that the request leads to.
    pub asker: Asker,
}

/// Who makes a request; cheap to clone, and to ask again in a transaction.
#[derive(Clone)]
pub struct Asker {
    access: Access,
    token: Option<Token>,
    viewer: Viewer,
}

impl Account {
    /// The user, when there is one.
    pub fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// Who asks, as of the beginning of the request.
    pub fn viewer(&self) -> Viewer {
        self.asker.viewer
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
    /// hidden.
    pub fn permit(
        &self,
        connection: &mut DbConnection,
        action: Action,
        what: &'static str,
    ) -> AppResult<()> {
        let user = match (&self.token, self.access) {
            (Some(token), Access::Accounts) => sign_in::user(connection, token)?,
            _ => None,
        };
        answer(access::may(viewer(self.access, user.as_ref()), action), what)
    }
}

/// A verdict in the words of the API.
pub(super) fn answer(verdict: Verdict, what: &'static str) -> AppResult<()> {
    match verdict {
        Verdict::Allowed => Ok(()),
        Verdict::SignIn => Err(AppError::Unauthorized("sign in first")),
        Verdict::Forbidden => Err(AppError::Forbidden("this account may not do that")),
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
        let token = token(request);
        let state = request.app_data::<Data<State>>().cloned();
        Box::pin(async move {
            let state = state.ok_or_else(|| AppError::internal("no application state"))?;
            let user = match token.clone() {
                None => None,
                Some(token) => {
                    let found =
                        move |c: &mut DbConnection| Ok::<_, AppError>(sign_in::user(c, &token)?);
                    state.db.read(found).await?
                }
            };
            let access = state.config.access;
            let asker = Asker { access, token, viewer: viewer(access, user.as_ref()) };
            Ok(Account { user, asker })
        })
    }
}

/// The token in a request's cookie.
pub(super) fn token(request: &HttpRequest) -> Option<Token> {
    values(request, NAME).find_map(Token::parse)
}

/// The device that a request comes from, if it has signed in to that name before.
pub(super) fn device(
    state: &State,
    request: &HttpRequest,
    folded_username: &str,
) -> Option<Device> {
    let name = format!("{DEVICE}{folded_username}");
    values(request, &name).find_map(|value| state.accounts.devices.verify(folded_username, value))
}

/// The values of the cookies of that name. Other cookies of this host, malformed ones too, do not
/// matter.
fn values<'a>(request: &'a HttpRequest, name: &'a str) -> impl Iterator<Item = &'a str> {
    let cookies = request.headers().get_all(header::COOKIE);
    let cookies = cookies.filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(';'));
    cookies.filter_map(move |cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The cookies of a browser that has just signed in: the one of the sign-in, for as long as that
/// lasts, and one that tells the browser from strangers when this name signs in again.
pub(super) fn cookies(
    state: &State,
    token: &Token,
    folded_username: &str,
) -> AppResult<[Cookie<'static>; 2]> {
    let device = state.accounts.devices.issue(folded_username).map_err(AppError::internal)?;
    let signed_in = with(NAME, token.secret(), Duration::seconds(sign_in::LASTS.num_seconds()));
    Ok([signed_in, with(format!("{DEVICE}{folded_username}"), device, DEVICE_LASTS)])
}

/// The cookie that signs a browser out.
pub(super) fn no_cookie() -> Cookie<'static> {
    with(NAME, String::new(), Duration::ZERO)
}

fn with(name: impl Into<Cow<'static, str>>, value: String, lasts: Duration) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(lasts)
        .finish()
}
