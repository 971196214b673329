//! Pages for signing in and out and for registration.

use actix_web::cookie::Cookie;
use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use super::{page, see};
use crate::changeset::Params;
use crate::config::Registration;
use crate::controllers::account::Account;
use crate::controllers::body::Body;
use crate::controllers::cookies;
use crate::controllers::request::Query;
use crate::controllers::sign_in::{self, SignedIn};
use crate::controllers::users;
use crate::db::Tx;
use crate::error::{AppError, AppResult};
use crate::events;
use crate::models::user::Credentials;
use crate::state::State;
use crate::views::forms::{LoginForm, RegisterForm};
use crate::views::pages::{Frame, Login, Register};

/// The longest path at which to continue after a sign-in, in bytes.
const MAX_NEXT: usize = 1024;

/// GET /login
pub async fn login(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    if let Some(away) = signed_in(&request, &account)? {
        return Ok(away);
    }
    let form = LoginForm { next: next_of(&request)?, ..LoginForm::default() };
    login_with(&state, &account, StatusCode::OK, form).await
}

/// The redirect for a reader who is already signed in.
fn signed_in(request: &HttpRequest, account: &Account) -> AppResult<Option<HttpResponse>> {
    if account.user().is_none() {
        return Ok(None);
    }
    let next = next_of(request)?.unwrap_or_else(|| "/".to_owned());
    Ok(Some(unkept(see(next))))
}

async fn login_with(
    state: &State,
    account: &Account,
    status: StatusCode,
    form: LoginForm,
) -> AppResult<HttpResponse> {
    let may_register = state.config.registration == Registration::Open;
    page(state, account, status, move |_, frame| {
        // The sign-in page leads to the requested page, not back to itself.
        let frame = Frame { here: form.next.clone().unwrap_or_default(), ..frame };
        Ok(Login { frame, may_register, form })
    })
    .await
    .map(unkept)
}

/// POST /login
pub async fn sign_in(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let params = body.form().await?;
    let next = next_in(&params);
    let credentials = match Credentials::changeset(&params) {
        Ok(credentials) => credentials,
        Err(errors) => {
            let form = LoginForm::refused(&params, next, errors);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return login_with(&state, &account, status, form).await;
        }
    };
    match sign_in::with_password(&state, &request, credentials).await {
        Ok(SignedIn { cookies, .. }) => Ok(go_on(cookies, next)),
        Err(AppError::Unauthorized(_)) => {
            let form = LoginForm::wrong(&params, next);
            login_with(&state, &account, StatusCode::UNAUTHORIZED, form).await
        }
        Err(error) => Err(error),
    }
}

/// POST /logout
pub async fn sign_out(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    sign_in::end(&state, &request).await?;
    Ok(with_cookies(see("/"), &[cookies::of_sign_out(&state.config.reach)]))
}

/// GET /register
pub async fn registration(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    if let Some(away) = signed_in(&request, &account)? {
        return Ok(away);
    }
    users::may_register(&state.config)?;
    let form = RegisterForm { next: next_of(&request)?, ..RegisterForm::default() };
    register_with(&state, &account, StatusCode::OK, form).await
}

async fn register_with(
    state: &State,
    account: &Account,
    status: StatusCode,
    form: RegisterForm,
) -> AppResult<HttpResponse> {
    page(state, account, status, move |_, frame| {
        let frame = Frame { here: form.next.clone().unwrap_or_default(), ..frame };
        Ok(Register { frame, form })
    })
    .await
    .map(unkept)
}

/// POST /register: creates the account and signs it in.
pub async fn register(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    users::may_register(&state.config)?;
    let params = body.form().await?;
    let next = next_in(&params);
    let client = sign_in::Client::of(&state.config.reach, &request);
    let made = async {
        let (new, hash) = users::prepare(&state, &request, &params).await?;
        let role = state.config.registration_role;
        let make = move |tx: &mut Tx<'_>| {
            let user = users::insert(tx, new, &hash, role)?;
            let token = sign_in::begin(tx, user.id, &hash, &client)?;
            Ok::<_, AppError>((user, token))
        };
        let (user, token) = state.db.transaction(make).await?.value;
        let cookies = cookies::of_sign_in(&state, &token, &user.folded_username())?;
        Ok(SignedIn { user, cookies })
    };
    match made.await {
        Ok(SignedIn { user, cookies }) => {
            events::logged_in(state.feed.pubsub(), &user.username).await;
            Ok(go_on(cookies, next))
        }
        Err(AppError::Invalid(errors)) => {
            let form = RegisterForm::refused(&params, next, errors);
            register_with(&state, &account, StatusCode::UNPROCESSABLE_ENTITY, form).await
        }
        Err(error) => Err(error),
    }
}

/// The response to a sign-in: the cookies, and a redirect to the next page.
fn go_on(cookies: [Cookie<'_>; 2], next: Option<String>) -> HttpResponse {
    with_cookies(see(next.unwrap_or_else(|| "/".to_owned())), &cookies)
}

fn with_cookies(mut response: HttpResponse, cookies: &[Cookie<'_>]) -> HttpResponse {
    for cookie in cookies {
        // This fails only for characters that headers cannot contain; these are user names and
        // hexadecimal digits.
        if let Err(error) = response.add_cookie(cookie) {
            log::error!("the cookie cannot be set: {error}");
        }
    }
    unkept(response)
}

/// Marks a response as `no-store`.
pub(super) fn unkept(mut response: HttpResponse) -> HttpResponse {
    let never = header::HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, never);
    response
}

fn next_of(request: &HttpRequest) -> AppResult<Option<String>> {
    Ok(Query::of(request)?.get("next").and_then(local))
}

pub(super) fn next_in(params: &Params) -> Option<String> {
    params.get("next").and_then(Value::as_str).and_then(local)
}

/// The path, if every browser takes it for one of this site: browsers read `\` as `/`, drop line
/// breaks and tabs, and take the text after `//` for a host.
pub(in super::super) fn local(path: &str) -> Option<String> {
    // Browsers resolve `..` and its encodings, which could lead above the site's base path.
    let route = path.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let climbs = route.replace("%2e", ".").split('/').any(|part| matches!(part, "." | ".."));
    let fits = path.len() <= MAX_NEXT
        && !climbs
        && path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    fits.then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::local;

    #[test]
    fn a_sign_in_redirects_only_within_this_site() {
        for path in ["/", "/posts/1", "/posts/1?cursor=1_2#comment-1", "/search?q=a%20b"] {
            assert_eq!(local(path).as_deref(), Some(path));
        }
        for bad in [
            "",
            "posts",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/a\\b",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            "/ü",
            "/a b",
            " /",
            "/\u{7f}",
            "/a\0",
            "/../other",
            "/a/../../other?b",
            "/%2e%2E/other",
            "/.%2e/other",
            "/a/..",
        ] {
            assert_eq!(local(bad), None, "{bad:?}");
        }
        assert_eq!(local(&format!("/{}", "a".repeat(1024))), None);
    }
}
