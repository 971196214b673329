//! The process groups over JSON: the members on all nodes.

use std::collections::BTreeSet;

use actix_web::http::header::ContentType;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::account::Account;
use super::request::Query;
use crate::access::Action;
use crate::error::{AppError, AppResult};
use crate::state::State;
use crate::views::answers;

/// GET /api/channels: the nodes, and the number of each channel's members on all nodes and on this
/// one.
pub async fn index(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    account.permit(Action::ReadChannels)?;
    Query::of(&request)?.only(&[])?;
    let pubsub = state.feed.pubsub();
    let stopped = |_| AppError::Unavailable("the process groups have stopped");
    // Readers cannot distinguish two nodes with the same name.
    let nodes: BTreeSet<_> = pubsub.nodes().await.map_err(stopped)?.into_iter().collect();
    let (node, mut counts) =
        (pubsub.node().to_owned(), pubsub.count_members().await.map_err(stopped)?);
    // With a hundred thousand channels this would block a worker for too long.
    let encoded = web::block(move || {
        counts.sort_by(|one, other| one.channel.cmp(&other.channel));
        let channels = counts.into_iter().map(|count| answers::Members {
            channel: count.channel,
            members: count.members,
            local_members: count.local_members,
        });
        let nodes = nodes.iter().map(|name| name.to_string()).collect();
        serde_json::to_string(&answers::Channels { node, nodes, channels: channels.collect() })
    });
    let encoded = encoded.await.map_err(AppError::internal)??;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(encoded))
}
