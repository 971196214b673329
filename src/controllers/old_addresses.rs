//! Requests for addresses that the site had before it was imported, and for its own addresses with
//! a trailing slash. They are looked up only if no route of this site answers.

use actix_web::ResponseError;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;

use crate::error::{AppError, Missing};
use crate::limits;
use crate::models::{old_address, upload};
use crate::state::State;

/// Redirects an old address to the new one, with 301.
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
    let is_page = missing == Missing::Page;
    // Static sites have pages with a trailing slash: `/tags/rust/`, `/archive/`.
    let is_own = |bare: &&str| !bare.ends_with('/') && request.resource_map().has_resource(bare);
    let bare = path.strip_suffix('/').filter(is_own);
    let near = old_address::feed(&path).or(bare.map(ToOwned::to_owned)).filter(|_| is_page);
    // If a site keeps its base path, its imported addresses begin with that path.
    let root = state.config.reach.path();
    let whole = (!root.is_empty()).then(|| format!("{root}{path}"));
    let found = state.db.read(move |c| {
        for address in whole.iter().chain([&path]) {
            if let Some(new) = old_address::lead(c, address)? {
                return Ok::<_, AppError>(Some(new));
            }
        }
        Ok(None)
    });
    let found = limits::works_for(request).run(found);
    let told = match found.await.map(|found| found.or(near)) {
        // A picture leads only to a picture: a text must not make its readers' browsers load pages.
        Ok(Some(new)) if is_page || new.starts_with(upload::ROOT) => {
            AppError::Moved(format!("{new}{query}"))
        }
        Ok(_) => return Ok(response.map_into_left_body()),
        Err(error) => error,
    };
    let (request, _) = response.into_parts();
    Ok(ServiceResponse::new(request, told.error_response()).map_into_right_body())
}
