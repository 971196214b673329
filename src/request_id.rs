//! Assigns each request an id: the one that a trusted proxy sent in `X-Request-Id`, or a new one.
//! The response and the log lines for the request contain it.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;

use crate::logging::RequestId;
use crate::state::State;

/// The header with the id, in requests and responses.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Handles a request under its id, and adds the id to the response.
pub async fn name<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let id = given(&request).unwrap_or_default();
    let mut response = id.clone().run(next.call(request)).await?;
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    Ok(response)
}

/// Returns the id from a trusted proxy. Ids from strangers could make two requests look like one.
fn given(request: &ServiceRequest) -> Option<RequestId> {
    let id = request.headers().get(HEADER)?.to_str().ok()?;
    let reach = &request.app_data::<Data<State>>()?.config.reach;
    let is_trusted = request.peer_addr().is_some_and(|peer| reach.trusts(peer.ip()));
    is_trusted.then(|| RequestId::parse(id)).flatten()
}
