//! Names each request: by the id that a trusted proxy gave it in `X-Request-Id`, or by a new one. The
//! response says it, and so do the lines of the log that the request causes.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;

use crate::logging::RequestId;
use crate::state::State;

/// The header with the id, in requests and responses.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Answers a request under its id.
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

/// The id that a trusted proxy gave. What strangers write could make two requests look like one.
fn given(request: &ServiceRequest) -> Option<RequestId> {
    let id = request.headers().get(HEADER)?.to_str().ok()?;
    let reach = &request.app_data::<Data<State>>()?.config.reach;
    let is_trusted = request.peer_addr().is_some_and(|peer| reach.trusts(peer.ip()));
    is_trusted.then(|| RequestId::parse(id)).flatten()
}
