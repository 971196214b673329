//! For load balancers and start scripts: whether this node can serve.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::json;

use crate::error::{AppError, AppResult};
use crate::events;
use crate::models::log;
use crate::state::State;
use crate::turns::WorksFor;

/// GET /health/ready: 200 when the database answers, 503 when it does not or this node is stopping.
pub async fn ready(state: Data<State>) -> AppResult<HttpResponse> {
    if state.feed.sockets().closing() {
        return Err(AppError::Unavailable("stopping: try again later"));
    }
    // It does not wait for reads of clients.
    let read = state.db.read(|connection| Ok::<_, AppError>(log::state(connection)?));
    WorksFor::Node.run(read).await?;
    let groups = state.feed.pubsub().get_local_members(events::POSTS).await;
    groups.map_err(|_| AppError::Unavailable("the process groups have stopped"))?;
    Ok(HttpResponse::Ok().json(json!({ "status": "ready", "version": crate::VERSION })))
}
