//! A resumable feed of your own Diesel table, over WebSockets and server-sent events.
//!
//!     cargo run -p kilonova-feed --features sqlite --example diesel_feed
//!     curl -N localhost:8080/orders/live -H 'accept: text/event-stream'
//!     curl localhost:8080/orders -H 'content-type: application/json' -d '{"item": "tea"}'
//!
//! Kill it, start it again, and resume with `?last_event_id=N`: no event is lost or duplicated.
#![expect(missing_docs, reason = "diesel's macro makes public items")]

use std::error::Error;

use actix_web::error::ErrorInternalServerError;
use actix_web::web::{Data, Json, Payload, block};
use actix_web::{App, HttpRequest, HttpResponse, Result, get, post};
use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::{RunQueryDsl, SqliteConnection};
use kilonova_feed::diesel::{DieselLog, WalMode, append, migrate};
use kilonova_feed::{Feed, NewEvent, Server, pubsub::PubSub};

type Db = Pool<ConnectionManager<SqliteConnection>>;
type Orders = Feed<DieselLog<SqliteConnection>>;
type AnyError = Box<dyn Error + Send + Sync>;

diesel::table! { orders { id -> BigInt, item -> Text, } }

#[derive(serde::Deserialize, diesel::Insertable)]
#[diesel(table_name = orders)]
struct NewOrder {
    item: String,
}

#[derive(serde::Serialize, diesel::Queryable)]
struct Order {
    id: i64,
    item: String,
}

#[post("/orders")]
async fn create(db: Data<Db>, feed: Data<Orders>, new: Json<NewOrder>) -> Result<HttpResponse> {
    let order = block(move || {
        let (order, events) = db.get()?.immediate_transaction(|connection| {
            let insert = diesel::insert_into(orders::table).values(&*new);
            let order: Order = insert.returning(orders::all_columns).get_result(connection)?;
            let event = NewEvent::new("orders", "order_created", &order)?;
            Ok::<_, AnyError>((order, append(connection, [event])?))
        })?;
        feed.committed(events);
        Ok::<_, AnyError>(order)
    });
    Ok(HttpResponse::Created().json(order.await?.map_err(ErrorInternalServerError)?))
}

#[get("/orders/live")]
async fn live(feed: Data<Orders>, request: HttpRequest, body: Payload) -> Result<HttpResponse> {
    Ok(feed.serve(&request, body, ["orders"], ()).await?)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let manager = ConnectionManager::new("orders.sqlite3");
    let db: Db = Pool::builder().connection_customizer(Box::new(WalMode)).build(manager)?;
    let table = "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL)";
    db.get()?.batch_execute(table)?;
    migrate(&mut db.get()?)?;
    let feed = Feed::start(PubSub::start("node-1"), DieselLog::new(db.clone())).await?;
    let sockets = feed.sockets().clone();
    let (db, feed) = (Data::new(db), Data::new(feed));
    let app = move || {
        App::new().app_data(db.clone()).app_data(feed.clone()).service(create).service(live)
    };
    Server::bind("127.0.0.1:8080", app)?.run()?.until_stopped(&sockets).await?;
    Ok(())
}
