//! Requests for addresses that the site had before it was imported. They are looked up only where
//! nothing of this site answers.

use actix_web::ResponseError;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;

use crate::error::{AppError, Missing};
use crate::models::{old_address, upload};
use crate::state::State;

/// The last parts of feeds' addresses in Hugo, Zola, Jekyll, WordPress and Ghost.
const FEEDS: [&str; 8] =
    ["/index.xml", "/atom.xml", "/rss.xml", "/rss", "/rss/", "/feed/atom", "/feed/rss", "/feed/"];

/// The beginnings of their addresses of a tag's pages.
const TAGS: [&str; 4] = ["/tags/", "/tag/", "/categories/", "/category/"];

/// Leads from an old address to the new one: 301.
pub async fn lead<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let is_read = request.method().is_safe();
    let response = next.call(request).await?;
    let missing = response.response().extensions().get::<Missing>().copied();
    let Some(missing) = missing.filter(|_| is_read) else {
        return Ok(response.map_into_left_body());
    };
    let request = response.request();
    let path = request.uri().path().to_owned();
    if path.starts_with("/api/") {
        return Ok(response.map_into_left_body());
    }
    let Some(state) = request.app_data::<Data<State>>().cloned() else {
        return Ok(response.map_into_left_body());
    };
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let feed = feed_at(&path).filter(|_| missing == Missing::Page);
    let found = state.db.read(move |c| Ok::<_, AppError>(old_address::lead(c, &path)?));
    let told = match found.await.map(|found| found.or(feed)) {
        // A picture leads to a picture: a text must not make its readers' browsers load pages.
        Ok(Some(new)) if missing == Missing::Page || new.starts_with(upload::ROOT) => {
            AppError::Moved(format!("{new}{query}"))
        }
        Ok(_) => return Ok(response.map_into_left_body()),
        Err(error) => error,
    };
    let (request, _) = response.into_parts();
    Ok(ServiceResponse::new(request, told.error_response()).map_into_right_body())
}

/// The feed that replaces the one at this address of another program.
fn feed_at(path: &str) -> Option<String> {
    let of = FEEDS.iter().find_map(|end| path.strip_suffix(end))?;
    if of.is_empty() {
        return Some("/feed.xml".to_owned());
    }
    let tag = TAGS.iter().find_map(|start| of.strip_prefix(start))?;
    (!tag.is_empty() && !tag.contains('/')).then(|| format!("/tags/{tag}/feed.xml"))
}
