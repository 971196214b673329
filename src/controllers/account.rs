//! The account of a request, by its cookie. Owns the cookie.

use std::future::Future;
use std::pin::Pin;

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};

use crate::error::{AppError, AppResult};
use crate::models::sign_in::{self, Token};
use crate::models::user::User;
use crate::state::State;

/// The cookie's name, without `__Host-`, which browsers refuse over plain HTTP.
const NAME: &str = "kilonova_session";

/// The account of a request, if it has one. An expired cookie counts as none.
pub struct Account(pub Option<User>);

impl Account {
    /// The user, when there is one.
    pub fn user(&self) -> Option<&User> {
        self.0.as_ref()
    }
}

impl FromRequest for Account {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = AppResult<Account>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = token(request);
        let state = request.app_data::<Data<State>>().cloned();
        Box::pin(async move {
            let Some(token) = token else { return Ok(Account(None)) };
            let state = state.ok_or_else(|| AppError::internal("no application state"))?;
            let found = state.db.read(move |c| Ok::<_, AppError>(sign_in::user(c, &token)?));
            Ok(Account(found.await?))
        })
    }
}

/// The token in a request's cookie. Other cookies of this host, malformed ones too, do not matter.
pub(super) fn token(request: &HttpRequest) -> Option<Token> {
    let cookies = request.headers().get_all(header::COOKIE);
    let cookies = cookies.filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(';'));
    cookies
        .filter_map(|cookie| cookie.trim().strip_prefix(NAME)?.strip_prefix('='))
        .find_map(Token::parse)
}

/// The cookie that signs a browser in, for as long as the sign-in lasts.
pub(super) fn cookie(token: &Token) -> Cookie<'static> {
    with(token.secret(), sign_in::LASTS.num_seconds())
}

/// The cookie that signs a browser out.
pub(super) fn no_cookie() -> Cookie<'static> {
    with(String::new(), 0)
}

fn with(value: String, seconds: i64) -> Cookie<'static> {
    Cookie::build(NAME, value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(Duration::seconds(seconds))
        .finish()
}
