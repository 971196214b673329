//! The handlers and the indexers of two articles on Nova's pub/sub, with their Erlang: notes with
//! notifications, and a blog with a feed, the comments of one post and a search indexer.
//!
//!     cargo run --example nova_articles
//!     curl -N localhost:8080/feed -H 'accept: text/event-stream'
//!     curl localhost:8080/api/posts -H 'content-type: application/json' \
//!         -d '{"title": "Hello", "body": "The first post"}'
//!
//! All handlers differ from the articles in one respect: Nova broadcasts after the write, and a
//! process that is not connected at that moment misses the message. Here the event is written with
//! the row, in one transaction, so a client that reconnects gets the events that it missed. Run it
//! again and add `?last_event_id=0` to see all events.
#![expect(missing_docs, reason = "diesel's macro makes public items")]
#![expect(clippy::print_stdout, reason = "the indexers say what they do")]

use std::error::Error;

use actix::prelude::*;
use actix_web::error::{ErrorInternalServerError, ErrorNotFound};
use actix_web::web::{self, Data, Json, Path};
use actix_web::{App, HttpRequest, HttpResponse, Result, delete, get, post, put};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use kilonova::feed::diesel::{DieselLog, WalMode, append, migrate};
use kilonova::feed::{Feed, NewEvent, Server, SessionOptions, Shape, StartAt, Subject, Update};
use kilonova::pubsub::{ContextExt, Envelope, Payload, PubSub};
use serde::{Deserialize, Serialize};
use serde_json::json;

diesel::table! { notes { id -> BigInt, title -> Text, body -> Text, author -> Text, } }
diesel::table! { posts { id -> BigInt, title -> Text, body -> Text, } }
diesel::table! { comments { id -> BigInt, post_id -> BigInt, body -> Text, } }

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL,
        body TEXT NOT NULL, author TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS posts (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL,
        body TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS comments (id INTEGER PRIMARY KEY AUTOINCREMENT,
        post_id INTEGER NOT NULL, body TEXT NOT NULL);";

#[derive(Deserialize, Insertable)]
#[diesel(table_name = notes)]
struct NewNote {
    title: String,
    body: String,
    author: String,
}

#[derive(Deserialize, AsChangeset)]
#[diesel(table_name = notes)]
struct NoteChanges {
    title: String,
    body: String,
}

#[derive(Serialize, Deserialize, Queryable)]
struct Note {
    id: i64,
    title: String,
    body: String,
    author: String,
}

#[derive(Deserialize, Insertable)]
#[diesel(table_name = posts)]
struct NewPost {
    title: String,
    body: String,
}

#[derive(Serialize, Queryable)]
struct Post {
    id: i64,
    title: String,
    body: String,
}

#[derive(Deserialize)]
struct NewComment {
    body: String,
}

#[derive(Serialize, Queryable)]
struct Comment {
    id: i64,
    post_id: i64,
    body: String,
}

type AnyError = Box<dyn Error + Send + Sync>;

/// The state that all handlers share.
struct Site {
    db: Pool<ConnectionManager<SqliteConnection>>,
    feed: Feed<DieselLog<SqliteConnection>>,
    notification: Shape,
    bare: Shape,
}

/// Writes rows and their events in one transaction, then tells the feed.
async fn write<T: Send + 'static>(
    site: Data<Site>,
    work: impl FnOnce(&mut SqliteConnection) -> Result<(T, Vec<NewEvent>), AnyError> + Send + 'static,
) -> Result<T> {
    let write = move || {
        let (value, events) = site.db.get()?.immediate_transaction(|connection| {
            let (value, events) = work(connection)?;
            Ok::<_, AnyError>((value, append(connection, events)?))
        })?;
        site.feed.committed(events);
        Ok::<_, AnyError>(value)
    };
    web::block(write).await?.map_err(ErrorInternalServerError)
}

// -- The first article: my_first_nova_notes_api_controller -------------------------------------
//
//     create(#{params := #{<<"title">> := Title, <<"body">> := Body,
//                          <<"author">> := Author}}) ->
//         case my_first_nova_note_repo:create(Title, Body, Author) of
//             {ok, Note} ->
//                 nova_pubsub:broadcast(notes, "note_created", Note),
//                 {json, 201, #{}, Note};
#[post("/api/notes")]
async fn create_note(site: Data<Site>, new: Json<NewNote>) -> Result<HttpResponse> {
    let note = write(site, move |connection| {
        let insert = diesel::insert_into(notes::table).values(&*new);
        let note: Note = insert.returning(notes::all_columns).get_result(connection)?;
        let event = NewEvent::new("notes", "note_created", &note)?;
        let event = event.about(Subject::new("note", note.id));
        Ok((note, vec![event]))
    });
    Ok(HttpResponse::Created().json(note.await?))
}

//     update(#{bindings := #{<<"id">> := Id},
//              params := #{<<"title">> := Title, <<"body">> := Body}}) ->
//         case my_first_nova_note_repo:update(binary_to_integer(Id), Title, Body) of
//             {ok, Note} ->
//                 nova_pubsub:broadcast(notes, "note_updated", Note),
//                 {json, Note};
//             {error, not_found} ->
//                 {status, 404, #{}, #{error => <<"note not found">>}}
#[put("/api/notes/{id}")]
async fn update_note(
    site: Data<Site>,
    id: Path<i64>,
    changes: Json<NoteChanges>,
) -> Result<HttpResponse> {
    let note = write(site, move |connection| {
        let update = diesel::update(notes::table.find(*id)).set(&*changes);
        let note: Option<Note> =
            update.returning(notes::all_columns).get_result(connection).optional()?;
        let Some(note) = note else { return Ok((None, Vec::new())) };
        let event = NewEvent::new("notes", "note_updated", &note)?;
        let event = event.about(Subject::new("note", note.id));
        Ok((Some(note), vec![event]))
    });
    let note = note.await?.ok_or_else(|| ErrorNotFound("note not found"))?;
    Ok(HttpResponse::Ok().json(note))
}

//     delete(#{bindings := #{<<"id">> := Id}}) ->
//         IntId = binary_to_integer(Id),
//         case my_first_nova_note_repo:delete(IntId) of
//             ok ->
//                 nova_pubsub:broadcast(notes, "note_deleted", #{id => IntId}),
//                 {status, 204};
#[delete("/api/notes/{id}")]
async fn delete_note(site: Data<Site>, id: Path<i64>) -> Result<HttpResponse> {
    let deleted = write(site, move |connection| {
        if diesel::delete(notes::table.find(*id)).execute(connection)? == 0 {
            return Ok((false, Vec::new()));
        }
        let event = NewEvent::new("notes", "note_deleted", &json!({ "id": *id }))?;
        // The log keeps events: redaction removes the text of a deleted note from the earlier ones.
        Ok((true, vec![event.about(Subject::new("note", *id)).redacting()]))
    });
    match deleted.await? {
        true => Ok(HttpResponse::NoContent().finish()),
        false => Err(ErrorNotFound("note not found")),
    }
}

// -- my_first_nova_notifications_handler -------------------------------------------------------
//
//     init(State) ->
//         nova_pubsub:join(notes),
//         {ok, State}.
//
//     websocket_handle({text, <<"ping">>}, State) ->
//         {reply, {text, <<"pong">>}, State};
//
//     websocket_info({nova_pubsub, notes, _Sender, Topic, Payload}, State) ->
//         Msg = thoas:encode(#{event => list_to_binary(Topic), data => Payload}),
//         {reply, {text, Msg}, State};
//
// The session joins, answers the text `ping` and encodes each event once for all sockets. The shape
// makes the frame; a client resumes from the `id`.
fn notification(envelope: &Envelope) -> String {
    let (event, data) = (envelope.topic(), envelope.payload());
    json!({ "event": event, "data": data, "id": envelope.position() }).to_string()
}

#[get("/notifications")]
async fn notifications(
    site: Data<Site>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse> {
    let options = SessionOptions::new(["notes"], ()).shape(site.notification);
    let options = options.start(StartAt::from_request(&request)?);
    Ok(site.feed.open(&request, body, options).await?)
}

// -- my_first_nova_note_indexer ----------------------------------------------------------------
//
//     init([]) ->
//         nova_pubsub:join(notes),
//         {ok, #{}}.
//
//     handle_info({nova_pubsub, notes, _Sender, "note_created", Note}, State) ->
//         logger:info("Indexing new note: ~p", [maps:get(title, Note)]),
//         {noreply, State};
//     handle_info({nova_pubsub, notes, _Sender, "note_deleted", #{id := Id}}, State) ->
//         logger:info("Removing note ~p from index", [Id]),
//         {noreply, State};
//
// The same with the same calls: an actor that is a member of the channel. It misses events that are
// committed while it is not running.
struct NoteIndexer(PubSub);

impl Actor for NoteIndexer {
    type Context = Context<NoteIndexer>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.join(&self.0, "notes");
    }
}

impl Handler<Envelope> for NoteIndexer {
    type Result = ();

    fn handle(&mut self, envelope: Envelope, _: &mut Self::Context) {
        match envelope.topic() {
            "note_created" => {
                let note = envelope.payload().decode::<Note>();
                println!("Indexing new note: {:?}", note.map(|note| note.title).ok());
            }
            "note_deleted" => println!("Removing {} from index", envelope.payload().as_json()),
            _ => {}
        }
    }
}

// -- The second article: the posts and comments controllers ------------------------------------
//
//     create(#{params := Params}) ->
//         CS = post:changeset(#{}, Params),
//         case blog_repo:insert(CS) of
//             {ok, Post} ->
//                 nova_pubsub:broadcast(posts, "post_created", post_to_json(Post)),
//                 {json, 201, #{}, post_to_json(Post)};
#[post("/api/posts")]
async fn create_post(site: Data<Site>, new: Json<NewPost>) -> Result<HttpResponse> {
    let post = write(site, move |connection| {
        let insert = diesel::insert_into(posts::table).values(&*new);
        let post: Post = insert.returning(posts::all_columns).get_result(connection)?;
        let event = NewEvent::new("posts", "post_created", &post)?;
        let event = event.about(Subject::new("post", post.id));
        Ok((post, vec![event]))
    });
    Ok(HttpResponse::Created().json(post.await?))
}

//     %% After a successful delete:
//     nova_pubsub:broadcast(posts, "post_deleted", #{id => binary_to_integer(Id)}),
#[delete("/api/posts/{id}")]
async fn delete_post(site: Data<Site>, id: Path<i64>) -> Result<HttpResponse> {
    let deleted = write(site, move |connection| {
        if diesel::delete(posts::table.find(*id)).execute(connection)? == 0 {
            return Ok((false, Vec::new()));
        }
        diesel::delete(comments::table.filter(comments::post_id.eq(*id))).execute(connection)?;
        let event = NewEvent::new("posts", "post_deleted", &json!({ "id": *id }))?;
        Ok((true, vec![event.about(Subject::new("post", *id)).redacting()]))
    });
    match deleted.await? {
        true => Ok(HttpResponse::NoContent().finish()),
        false => Err(ErrorNotFound("post not found")),
    }
}

//     nova_pubsub:broadcast(comments, "comment_created", comment_to_json(Comment)),
//     Channel = list_to_atom("post_comments_" ++ integer_to_list(PostId)),
//     nova_pubsub:broadcast(Channel, "new_comment", comment_to_json(Comment)).
#[post("/api/posts/{id}/comments")]
async fn create_comment(
    site: Data<Site>,
    post_id: Path<i64>,
    new: Json<NewComment>,
) -> Result<HttpResponse> {
    let comment = write(site, move |connection| {
        let post = posts::table.find(*post_id).select(posts::id);
        let Some(post_id) = post.first::<i64>(connection).optional()? else {
            return Ok((None, Vec::new()));
        };
        let comment: Comment = diesel::insert_into(comments::table)
            .values((comments::post_id.eq(post_id), comments::body.eq(&new.body)))
            .returning(comments::all_columns)
            .get_result(connection)?;
        // The comment is a part of its post: redacting the post redacts the comment too.
        let subject = Subject::new("comment", comment.id).within("post", post_id);
        let own = format!("post_comments_{post_id}");
        let events = vec![
            NewEvent::new("comments", "comment_created", &comment)?.about(subject.clone()),
            NewEvent::new(own, "new_comment", &comment)?.about(subject),
        ];
        Ok((Some(comment), events))
    });
    let comment = comment.await?.ok_or_else(|| ErrorNotFound("post not found"))?;
    Ok(HttpResponse::Created().json(comment))
}

// -- blog_feed_handler -------------------------------------------------------------------------
//
//     init(State) ->
//         nova_pubsub:join(posts),
//         nova_pubsub:join(comments),
//         {ok, State}.
//
//     websocket_info({nova_pubsub, Channel, _Sender, Topic, Payload}, State) ->
//         Msg = thoas:encode(#{channel => Channel, event => list_to_binary(Topic),
//                              data => Payload}),
//         {reply, {text, Msg}, State};
//
// That frame, with the `id`, is the default shape. `system` is a channel of plain broadcasts.
#[get("/feed")]
async fn feed(site: Data<Site>, request: HttpRequest, body: web::Payload) -> Result<HttpResponse> {
    let options = SessionOptions::new(["posts", "comments"], ()).ephemeral(["system"]);
    let options = options.start(StartAt::from_request(&request)?);
    Ok(site.feed.open(&request, body, options).await?)
}

// -- blog_post_comments_handler ----------------------------------------------------------------
//
//     init(#{bindings := #{<<"post_id">> := PostId}} = State) ->
//         Channel = list_to_atom("post_comments_" ++ binary_to_list(PostId)),
//         nova_pubsub:join(Channel),
//
//     websocket_info({nova_pubsub, _Channel, _Sender, _Topic, Payload}, State) ->
//         {reply, {text, thoas:encode(Payload)}, State};
#[get("/posts/{post_id}/comments/ws")]
async fn post_comments(
    site: Data<Site>,
    post_id: Path<i64>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse> {
    let options = SessionOptions::new([format!("post_comments_{post_id}")], ());
    let options = options.shape(site.bare).start(StartAt::from_request(&request)?);
    Ok(site.feed.open(&request, body, options).await?)
}

// -- blog_search_indexer -----------------------------------------------------------------------
//
//     init([]) ->
//         nova_pubsub:join(posts),
//         {ok, #{}}.
//
//     handle_info({nova_pubsub, posts, _Sender, "post_created", Post}, State) ->
//         logger:info("Indexing new post: ~p", [maps:get(title, Post)]),
//     handle_info({nova_pubsub, posts, _Sender, "post_deleted", #{id := Id}}, State) ->
//         logger:info("Removing post ~p from index", [Id]),
//
// A subscription instead of the gen_server: it starts at the index's position and misses nothing. A
// real index stores the position with the documents; this one begins at the first event.
async fn index_posts(site: Data<Site>) -> Result<(), AnyError> {
    let mut posts = site.feed.subscribe(["posts"], StartAt::after(0), ()).await?;
    while let Some(update) = posts.next().await {
        match update {
            Update::Event(event) if event.topic() == "post_created" => {
                println!("Indexing new post: {}", event.payload().as_json());
            }
            Update::Event(event) if event.topic() == "post_deleted" => {
                println!("Removing post {} from index", event.payload().as_json());
            }
            Update::Resync(_) => println!("The log was pruned: index all posts again"),
            _ => {}
        }
    }
    Ok(())
}

#[actix_web::main]
async fn main() -> Result<(), AnyError> {
    let manager = ConnectionManager::new("nova_articles.sqlite3");
    let db = Pool::builder().connection_customizer(Box::new(WalMode)).build(manager)?;
    db.get()?.batch_execute(TABLES)?;
    migrate(&mut db.get()?)?;

    let pubsub = PubSub::start("node-1");
    let mut builder = Feed::builder(pubsub.clone(), DieselLog::new(db.clone()));
    let notification = builder.shape(notification);
    let bare = builder.shape(|envelope| envelope.payload().as_json().to_owned());
    let feed_of_all = builder.start().await?;
    let sockets = feed_of_all.sockets().clone();
    let site = Data::new(Site { db, feed: feed_of_all, notification, bare });

    // "Add it to your supervisor": `kilonova::pubsub::supervise` restarts an actor that panics.
    NoteIndexer(pubsub.clone()).start();
    actix::spawn(index_posts(site.clone()));

    //     {"/notifications", my_first_nova_notifications_handler, #{protocol => ws}}
    //     {"/feed", blog_feed_handler, #{protocol => ws}}
    //     {"/posts/:post_id/comments/ws", blog_post_comments_handler, #{protocol => ws}}
    let app = move || {
        App::new()
            .app_data(site.clone())
            .service((create_note, update_note, delete_note, notifications))
            .service((create_post, delete_post, create_comment, feed, post_comments))
    };
    let running = Server::bind("127.0.0.1:8080", app)?.run()?;

    //     nova_pubsub:broadcast(system, "deploy", #{version => <<"1.2.0">>}).
    //     nova_pubsub:local_broadcast(posts, "cache_invalidated", #{id => PostId}).
    let deploy = Payload::encode(&json!({ "version": "1.2.0" }))?;
    pubsub.broadcast("system", "deploy", deploy).await?;
    pubsub.local_broadcast("posts", "cache_invalidated", json!({ "id": 1 }).into()).await?;

    Ok(running.until_stopped(&sockets).await?)
}
