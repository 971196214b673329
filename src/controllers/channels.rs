//! The process groups over JSON: who is there, on all nodes.

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::json;

use crate::error::{AppError, AppResult};
use crate::state::State;

/// GET /api/channels: the nodes, and each channel with how many members it has there and on this one.
pub async fn index(state: Data<State>) -> AppResult<HttpResponse> {
    let pubsub = &state.live.pubsub;
    let stopped = |_| AppError::Unavailable("the process groups have stopped");
    // Two nodes of one name are not told apart by who reads this.
    let nodes: BTreeSet<_> = pubsub.nodes().await.map_err(stopped)?.into_iter().collect();
    let mut counts = pubsub.count_members().await.map_err(stopped)?;
    counts.sort_by(|one, other| one.channel.cmp(&other.channel));
    let channels: Vec<_> = counts
        .iter()
        .map(|count| {
            json!({
                "channel": count.channel,
                "members": count.members,
                "local_members": count.local_members,
            })
        })
        .collect();
    let nodes: Vec<_> = nodes.iter().map(|name| &**name).collect();
    Ok(HttpResponse::Ok()
        .json(json!({ "node": pubsub.node(), "nodes": nodes, "channels": channels })))
}
