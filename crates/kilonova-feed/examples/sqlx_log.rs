//! `Log` implemented by hand, over sqlx and PostgreSQL: a resumable feed without Diesel.
//!
//!     DATABASE_URL=postgres://localhost/orders cargo run -p kilonova-feed --example sqlx_log
//!     curl -N localhost:8080/orders/live -H 'accept: text/event-stream'
//!     curl localhost:8080/orders -H 'content-type: application/json' -d '{"item": "tea"}'
//!
//! It owns the log's two tables. It omits audiences, redaction and pruning, which this application
//! does not need and `kilonova_feed::diesel` has.

use std::error::Error;

use actix_web::error::ErrorInternalServerError;
use actix_web::web::{Data, Json, Payload};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, get, post};
use kilonova_feed::pubsub::{Channel, Payload as Body, PubSub};
use kilonova_feed::{Event, Feed, Log, LogState, NewEvent, Page};
use sqlx::{PgConnection, PgPool, Row};

/// One row counts the positions. Its id distinguishes this log from all others.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS orders (id BIGSERIAL PRIMARY KEY, item TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS events (
        position BIGINT PRIMARY KEY, channel TEXT NOT NULL, topic TEXT NOT NULL, payload TEXT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS events_channel ON events (channel, position);
    CREATE TABLE IF NOT EXISTS log (id TEXT PRIMARY KEY, position BIGINT NOT NULL);
    INSERT INTO log SELECT gen_random_uuid()::text, 0 WHERE NOT EXISTS (SELECT FROM log);";

#[derive(Clone)]
struct SqlxLog(PgPool);

impl Log for SqlxLog {
    type Viewer = ();
    type Error = sqlx::Error;

    async fn state(&self) -> sqlx::Result<LogState> {
        state(&mut *self.0.acquire().await?).await
    }

    async fn after(
        &self,
        position: i64,
        channels: Option<&[Channel]>,
        limit: usize,
    ) -> sqlx::Result<Page> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        let mut snapshot = self.0.begin_with(begin).await?;
        let state = state(&mut snapshot).await?;
        let channels: Option<Vec<&str>> =
            channels.map(|channels| channels.iter().map(Channel::as_str).collect());
        let rows = sqlx::query(
            "SELECT position, channel, topic, payload FROM events
             WHERE position > $1 AND ($2::text[] IS NULL OR channel = ANY($2))
             ORDER BY position LIMIT $3",
        )
        .bind(position)
        .bind(channels)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&mut *snapshot)
        .await?;
        let more = rows.len() >= limit;
        let event = |row: &sqlx::postgres::PgRow| {
            let (channel, topic): (String, String) = (row.try_get(1)?, row.try_get(2)?);
            let payload = Body::from_json(row.try_get::<String, _>(3)?);
            let payload = payload.map_err(|error| sqlx::Error::Decode(error.into()))?;
            Ok(Event::new(row.try_get(0)?, channel, topic, payload))
        };
        let events = rows.iter().map(event).collect::<sqlx::Result<Vec<Event>>>()?;
        Ok(Page::new(state, events, more))
    }
}

/// Reads the state in one statement, which is one snapshot.
async fn state(connection: &mut PgConnection) -> sqlx::Result<LogState> {
    let query = "SELECT id, position, (SELECT min(position) FROM events) FROM log";
    let row = sqlx::query(query).fetch_one(connection).await?;
    let (position, oldest): (i64, Option<i64>) = (row.try_get(1)?, row.try_get(2)?);
    let id = row.try_get::<String, _>(0)?.into();
    Ok(LogState { id, position, oldest: oldest.unwrap_or(position + 1) })
}

/// Appends an event inside the current transaction, as its last statement: the update locks the
/// row until the transaction ends, so that positions are in commit order.
async fn append(connection: &mut PgConnection, new: NewEvent) -> sqlx::Result<Event> {
    let position: i64 = sqlx::query("UPDATE log SET position = position + 1 RETURNING position")
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
    sqlx::query("INSERT INTO events VALUES ($1, $2, $3, $4)")
        .bind(position)
        .bind(new.channel.as_str())
        .bind(&*new.topic)
        .bind(new.payload.as_json())
        .execute(connection)
        .await?;
    Ok(Event::committed(position, new, None))
}

#[derive(serde::Deserialize)]
struct NewOrder {
    item: String,
}

#[derive(serde::Serialize)]
struct Order {
    id: i64,
    item: String,
}

async fn insert(feed: &Feed<SqlxLog>, new: NewOrder) -> Result<Order, Box<dyn Error>> {
    let mut transaction = feed.log().0.begin().await?;
    let row = sqlx::query("INSERT INTO orders (item) VALUES ($1) RETURNING id")
        .bind(&new.item)
        .fetch_one(&mut *transaction)
        .await?;
    let order = Order { id: row.try_get(0)?, item: new.item };
    let event = NewEvent::new("orders", "order_created", &order)?;
    let event = append(&mut transaction, event).await?;
    transaction.commit().await?;
    feed.committed([event]);
    Ok(order)
}

#[post("/orders")]
async fn create(feed: Data<Feed<SqlxLog>>, new: Json<NewOrder>) -> actix_web::Result<HttpResponse> {
    let order = insert(&feed, new.into_inner()).await;
    Ok(HttpResponse::Created()
        .json(order.map_err(|error| ErrorInternalServerError(error.to_string()))?))
}

#[get("/orders/live")]
async fn live(
    feed: Data<Feed<SqlxLog>>,
    request: HttpRequest,
    body: Payload,
) -> actix_web::Result<HttpResponse> {
    Ok(feed.serve(&request, body, ["orders"], ()).await?)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("DATABASE_URL").map_err(|_| "set DATABASE_URL to a PostgreSQL")?;
    let pool = PgPool::connect(&url).await?;
    sqlx::raw_sql(TABLES).execute(&pool).await?;
    let feed = Data::new(Feed::start(PubSub::start("node-1"), SqlxLog(pool)).await?);
    HttpServer::new(move || App::new().app_data(feed.clone()).service(create).service(live))
        .bind("127.0.0.1:8080")?
        .run()
        .await?;
    Ok(())
}
