//! The page of the bin and its forms, and the undo that is offered after a deletion.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use diesel::{OptionalExtension as _, QueryResult};

use super::accounts::next_in;
use super::{ROWS, page, see, to_sign_in};
use crate::access::{self, Action, Verdict, Viewer};
use crate::connection::DbConnection;
use crate::controllers::account::Account;
use crate::controllers::bin;
use crate::controllers::body::Body;
use crate::controllers::request::{self, Query, parse_id};
use crate::error::{AppError, AppResult};
use crate::models::{bin as entries, clock};
use crate::state::State;
use crate::views::pages::{BinPage, Undo};

/// The parameter with the id of the entry that was just moved to the bin.
const BINNED: &str = "binned";

/// GET /bin
pub async fn index(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    if let Some(login) = to_sign_in(&request, &account) {
        return Ok(login);
    }
    account.permit(Action::ReadBin)?;
    let (viewer, kept) = (account.viewer(), state.config.bin);
    let cursor = Query::of(&request)?.cursor()?;
    page(&state, &account, StatusCode::OK, move |connection, frame| {
        let lines = entries::list(connection, access::binned(viewer), cursor, ROWS)?;
        let now = clock(connection)?;
        Ok(BinPage { frame, cursor, lines, kept, now })
    })
    .await
}

/// POST /bin/{id}/restore: redirects to the restored post or comment, even if it was restored
/// before.
pub async fn restore(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let next = next_in(&account.writing_form(body).await?);
    let restored = async { bin::restore(&state, &account, request::id(&request, "page")?).await };
    match (restored.await, next) {
        (Ok(place), _) | (Err(AppError::NotFound(_)), Some(place)) => Ok(see(place)),
        (Err(error), _) => Err(error),
    }
}

/// POST /bin/{id}/delete
pub async fn discard(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    account.writing_form(body).await?;
    bin::discard(&state, &account, request::id(&request, "page")?).await?;
    Ok(see("/bin"))
}

/// A path of this site with the parameter that makes its page offer to undo a deletion.
pub(super) fn undoable(place: &str, entry: i64) -> String {
    let (path, fragment) = match place.split_once('#') {
        Some((path, fragment)) => (path, format!("#{fragment}")),
        None => (place, String::new()),
    };
    let separator = if path.contains('?') { '&' } else { '?' };
    format!("{path}{separator}{BINNED}={entry}{fragment}")
}

/// The deletion that the page at this path and query offers to undo, if the reader made it:
/// somebody else may have crafted the address.
pub(super) fn undo(
    connection: &mut DbConnection,
    here: &str,
    viewer: Viewer,
) -> QueryResult<Option<Undo>> {
    let query = here.split_once('?').map_or("", |(_, query)| query);
    let named = query.split('&').find_map(|pair| pair.strip_prefix(BINNED)?.strip_prefix('='));
    let Some(id) = named.and_then(parse_id) else { return Ok(None) };
    let Some(entry) = entries::get(connection, id).optional()? else { return Ok(None) };
    let Some(facts) = entries::facts(connection, &entry).optional()? else { return Ok(None) };
    let may = entry.deleted_by == viewer.account()
        && access::may(viewer, Action::Restore(facts.access)) == Verdict::Allowed;
    let undo = Undo { entry: entry.id, place: entry.place() };
    Ok((may && !facts.is_without_post).then_some(undo))
}

#[cfg(test)]
mod tests {
    use super::undoable;

    #[test]
    fn the_undo_parameter_follows_all_others() {
        for (place, there) in [
            ("/", "/?binned=7"),
            ("/moderation?cursor=1_2", "/moderation?cursor=1_2&binned=7"),
            ("/posts/1#comments-title", "/posts/1?binned=7#comments-title"),
        ] {
            assert_eq!(undoable(place, 7), there);
        }
    }
}
