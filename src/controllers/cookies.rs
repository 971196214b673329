//! The cookies: one for a sign-in, and one that identifies a device that has signed in before. Owns
//! their names and attributes, which depend on the site's public URL.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header;

use crate::accounts::Device;
use crate::error::{AppError, AppResult};
use crate::models::sign_in::{self, Credential, Token};
use crate::reach::Reach;
use crate::state::State;

/// The prefix of a device cookie's name; the user's name follows in lower case.
const DEVICE: &str = "kilonova_device_";

/// How long a browser is known as one that has signed in before.
const DEVICE_LASTS: Duration = Duration::days(365);

/// The credential in a request's sign-in cookie.
pub(super) fn sign_in(reach: &Reach, request: &HttpRequest) -> Option<Credential> {
    values(request, &reach.cookie(sign_in::COOKIE)).find_map(Token::parse).map(Credential::Cookie)
}

/// The device that a request comes from, if it has signed in with that name before.
pub(super) fn device(
    state: &State,
    request: &HttpRequest,
    folded_username: &str,
) -> Option<Device> {
    let name = state.config.reach.cookie(&format!("{DEVICE}{folded_username}"));
    values(request, &name).find_map(|value| state.accounts.devices.verify(folded_username, value))
}

/// The values of the cookies with that name. Other cookies of this host, even malformed ones, are
/// ignored.
fn values<'a>(request: &'a HttpRequest, name: &'a str) -> impl Iterator<Item = &'a str> {
    let all = request.headers().get_all(header::COOKIE);
    let cookies = all.flat_map(|all| all.as_bytes().split(|byte| *byte == b';'));
    let cookies = cookies.filter_map(|cookie| std::str::from_utf8(cookie).ok());
    cookies.filter_map(move |cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The cookies for a browser that has just signed in: the sign-in cookie, which lasts as long as
/// the sign-in, and a device cookie, which identifies the browser when this name signs in again.
pub(super) fn of_sign_in(
    state: &State,
    token: &Token,
    folded_username: &str,
) -> AppResult<[Cookie<'static>; 2]> {
    let reach = &state.config.reach;
    let device = state.accounts.devices.issue(folded_username).map_err(AppError::internal)?;
    let lasts = Duration::seconds(sign_in::LASTS.num_seconds());
    let device_name = reach.cookie(&format!("{DEVICE}{folded_username}"));
    Ok([
        cookie(reach, reach.cookie(sign_in::COOKIE), token.secret(), lasts),
        cookie(reach, device_name, device, DEVICE_LASTS),
    ])
}

/// The cookie that signs a browser out.
pub(super) fn of_sign_out(reach: &Reach) -> Cookie<'static> {
    cookie(reach, reach.cookie(sign_in::COOKIE), String::new(), Duration::ZERO)
}

fn cookie(reach: &Reach, name: String, value: String, lasts: Duration) -> Cookie<'static> {
    let path = if reach.path().is_empty() { "/" } else { reach.path() };
    Cookie::build(name, value)
        .path(path.to_owned())
        .http_only(true)
        .secure(reach.is_https())
        .same_site(SameSite::Lax)
        .max_age(lasts)
        .finish()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn other_cookies_of_the_host_are_ignored() {
        let token = "0a".repeat(32);
        for others in [&b""[..], b"; theme=dark", b"; name=J\xc3\xb6rg", b"; \xff", b"; =;;a"] {
            let cookies = [format!("kilonova_session={token}").as_bytes(), others].concat();
            let cookies = HeaderValue::from_bytes(&cookies).expect("a header's value");
            let request = TestRequest::default().insert_header((header::COOKIE, cookies));
            let found = sign_in(&Reach::default(), &request.to_http_request());
            assert_eq!(found, Token::parse(&token).map(Credential::Cookie), "{others:?}");
        }
    }
}
