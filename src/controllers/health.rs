//! Readiness and liveness of this node, for load balancers, supervisors and start scripts.

use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::json;
use tokio::time::timeout;

use crate::error::{AppError, AppResult};
use crate::models::log;
use crate::state::State;
use crate::turns::WorksFor;

/// The timeout for the database. A probe would time out before a slower answer.
const DATABASE: Duration = Duration::from_secs(3);

/// The timeout for the core thread. A large broadcast keeps it busy for a second.
const CORE: Duration = Duration::from_secs(5);

/// GET /health/ready: 200 if this node can serve requests, 503 with the reason if it cannot.
pub async fn ready(state: Data<State>) -> AppResult<HttpResponse> {
    check(&state).await
}

/// Readiness: the database answers and accepts writes, events are delivered, and the node is not
/// about to stop.
pub async fn check(state: &State) -> AppResult<HttpResponse> {
    if state.feed.sockets().closing() {
        return Err(AppError::Unavailable("stopping: try again later"));
    }
    if state.draining.load(Ordering::Relaxed) {
        return Err(AppError::Unavailable("draining: use another node"));
    }
    // This read does not queue behind the reads of clients.
    let read = state.db.read(|connection| Ok::<_, AppError>(log::state(connection)?));
    let reads = async {
        WorksFor::Node.run(read).await?;
        let writes = state.db.check_writes().await;
        writes.map_err(|_| AppError::Unavailable("writes fail: try again later"))
    };
    let answered = timeout(DATABASE, reads).await;
    answered.map_err(|_| AppError::Unavailable("the database does not answer"))??;
    if state.feed.lag() > state.config.max_lag {
        return Err(AppError::Unavailable("events are delayed: use another node"));
    }
    core(state).await?;
    Ok(HttpResponse::Ok().json(json!({ "status": "ready", "version": crate::VERSION })))
}

/// Liveness: the process and its core thread answer. The database is not checked, since a restart
/// of this node would not bring it back.
pub async fn live(state: &State) -> AppResult<HttpResponse> {
    core(state).await?;
    Ok(HttpResponse::Ok().json(json!({ "status": "live", "version": crate::VERSION })))
}

/// Checks that the core thread answers. The process groups run on it.
async fn core(state: &State) -> AppResult<()> {
    let asked = timeout(CORE, state.feed.pubsub().nodes()).await;
    let answered = asked.map_err(|_| AppError::Unavailable("the core thread does not answer"))?;
    answered.map_err(|_| AppError::Unavailable("the process groups have stopped"))?;
    Ok(())
}
