//! Publishes scheduled posts when they are due. A post whose author may no longer publish becomes a
//! draft instead.
//!
//! Each node polls once a second. A post is published in one transaction with its events, under the
//! lock that every write takes, so exactly one node publishes it. If that node dies, the next poll
//! publishes it.

use std::time::Duration;

use diesel::result::Error as Diesel;

use crate::access::{self, Action, Verdict, Viewer};
use crate::config::Access;
use crate::connection::DbConnection;
use crate::db::{self, Db};
use crate::events;
use crate::models::post::{Post, Status};
use crate::models::{clock, post, user};

/// The polling interval.
const EVERY: Duration = Duration::from_secs(1);

/// The maximum number of posts per transaction, so that other transactions can run in between.
const AT_ONCE: i64 = 50;

/// Publishes posts that are due, until the database stops.
pub async fn publish(db: Db, access: Access) {
    loop {
        match round(&db, access).await {
            Ok(()) => {}
            Err(db::Error::Stopped) => return,
            // Another part logs that the database is unreachable.
            Err(db::Error::Unavailable(reason)) => log::debug!("cannot find due posts: {reason}"),
            Err(error) => log::warn!("cannot publish scheduled posts: {error}"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn round(db: &Db, access: Access) -> Result<(), db::Error> {
    loop {
        let is_due = db.read(|connection| {
            let Some(next) = post::next_due(connection)? else { return Ok(false) };
            Ok::<_, db::Error>(next <= clock(connection)?)
        });
        if !is_due.await? {
            return Ok(());
        }
        db.transaction(move |tx| {
            let now = clock(tx.connection)?;
            for due in post::due(tx.connection, now, AT_ONCE)? {
                let updated = match may_be_published(tx.connection, access, &due)? {
                    true => post::publish(tx.connection, due, now)?,
                    false => {
                        log::info!("post {} becomes a draft: its author may not publish", due.id);
                        let after = Post { status: Status::Draft, publish_at: None, ..due.clone() };
                        post::update(tx.connection, due, after, None, now)?
                    }
                };
                let events = events::of_update(&updated)
                    .map_err(|error| Diesel::SerializationError(Box::new(error)))?;
                for event in events {
                    tx.announce(event);
                }
            }
            Ok::<_, db::Error>(())
        })
        .await?;
    }
}

/// Returns whether the author of a post could publish it now.
fn may_be_published(
    connection: &mut DbConnection,
    access: Access,
    post: &Post,
) -> Result<bool, Diesel> {
    let (Access::Accounts, Some(id)) = (access, post.user_id) else { return Ok(true) };
    let Some(role) = user::role(connection, id)? else { return Ok(false) };
    let verdict = access::may(Viewer::User { id, role }, Action::ChangePost(post.facts()));
    Ok(verdict == Verdict::Allowed)
}
