//! For load balancers, supervisors and start scripts: whether this node can serve, and whether it
//! lives.

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

/// How long the database may take. A probe that waits longer gives up by itself.
const DATABASE: Duration = Duration::from_secs(3);

/// How long the core thread may take. A large broadcast keeps it busy for a second.
const CORE: Duration = Duration::from_secs(5);

/// GET /health/ready: 200 when this node can serve, 503 with the reason when it cannot.
pub async fn ready(state: Data<State>) -> AppResult<HttpResponse> {
    check(&state).await
}

/// Ready: the database answers and takes writes, events go out, and the node is not about to stop.
pub async fn check(state: &State) -> AppResult<HttpResponse> {
    if state.feed.sockets().closing() {
        return Err(AppError::Unavailable("stopping: try again later"));
    }
    if state.draining.load(Ordering::Relaxed) {
        return Err(AppError::Unavailable("draining: use another node"));
    }
    // It does not wait for reads of clients.
    let read = state.db.read(|connection| Ok::<_, AppError>(log::state(connection)?));
    let reads = async {
        WorksFor::Node.run(read).await?;
        let writes = state.db.check_writes().await;
        writes.map_err(|_| AppError::Unavailable("writes fail: try again later"))
    };
    let answered = timeout(DATABASE, reads).await;
    answered.map_err(|_| AppError::Unavailable("the database does not answer"))??;
    if state.feed.lag() > state.config.max_lag {
        return Err(AppError::Unavailable("events go out too late: use another node"));
    }
    core(state).await?;
    Ok(HttpResponse::Ok().json(json!({ "status": "ready", "version": crate::VERSION })))
}

/// Live: the process answers, and so does its core thread. It says nothing of the database, which a
/// restart of this node would not bring back.
pub async fn live(state: &State) -> AppResult<HttpResponse> {
    core(state).await?;
    Ok(HttpResponse::Ok().json(json!({ "status": "live", "version": crate::VERSION })))
}

/// Waits for the core thread, which the process groups run on.
async fn core(state: &State) -> AppResult<()> {
    let asked = timeout(CORE, state.feed.pubsub().nodes()).await;
    let answered = asked.map_err(|_| AppError::Unavailable("the core thread does not answer"))?;
    answered.map_err(|_| AppError::Unavailable("the process groups have stopped"))?;
    Ok(())
}
