//! All routes, and the middleware that every request passes.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{RequestHead, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::guard::{Any, Get, Head};
use actix_web::http::{Method, header};
use actix_web::middleware::{Compress, DefaultHeaders, from_fn};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, Error, Handler, Resource, Responder, Route};

use crate::compression;
use crate::config::Config;
use crate::controllers::pages::back;
use crate::controllers::{
    body, channels, comments, crawlers, description, events, feeds, health, live, notes,
    old_addresses, pages, posts, search, sign_in, sign_ins, uploads, users,
};
use crate::door;
use crate::error::{AppError, AppResult};
use crate::guard;
use crate::limits;
use crate::policy;
use crate::request_id;
use crate::responses;
use crate::state::State;
use crate::traffic::{self, Pattern, Worker};

/// Builds the site's application for a worker.
pub fn site(
    state: Data<State>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let worker = Worker::new(Arc::clone(&state.traffic));
    // The middleware added last sees a request first.
    App::new()
        .app_data(state.responses.clone())
        .app_data(state.limits.clone())
        .app_data(state)
        .app_data(worker)
        .wrap(from_fn(guard::catch_panic))
        .wrap(from_fn(responses::bound))
        .wrap(from_fn(limits::admit))
        .wrap(from_fn(guard::admit))
        .wrap(from_fn(old_addresses::lead))
        .wrap(from_fn(pages::failures::show_errors))
        .wrap(security_headers())
        .wrap(Compress::default())
        .wrap(from_fn(compression::label))
        .wrap(from_fn(door::pass))
        .wrap(from_fn(traffic::measure))
        .wrap(from_fn(request_id::name))
        .configure(routes)
}

fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/health/ready", [get(health::ready)]))
        .service(resource("/", [get(pages::posts::index)]))
        .service(resource("/posts", [get(back::to_posts), post(pages::posts::create)]))
        .service(resource("/posts/new", [get(pages::posts::new)]))
        .service(resource("/posts/new/copy", [post(pages::copies::keep_new)]))
        .service(resource(
            "/posts/new/copy/discard",
            [get(back::to_new), post(pages::copies::discard_new)],
        ))
        .service(resource("/posts/preview", [get(back::to_new), post(pages::preview::show)]))
        .service(resource("/posts/{id}", [get(pages::posts::show), post(pages::posts::update)]))
        .service(resource("/posts/{id}/body", [get(pages::posts::body)]))
        .service(resource("/embed/posts/{id}", [get(pages::embed::show)]))
        .service(resource(
            "/posts/{id}/edit",
            [get(pages::posts::edit), post(pages::posts::edit_beside)],
        ))
        .service(resource("/posts/{id}/copy", [post(pages::copies::keep)]))
        .service(resource(
            "/posts/{id}/copy/discard",
            [get(back::to_edit), post(pages::copies::discard)],
        ))
        .service(resource(
            "/posts/{id}/links",
            [get(back::to_edit), post(pages::draft_links::create)],
        ))
        .service(resource(
            "/posts/{id}/links/{link}/delete",
            [get(back::to_edit), post(pages::draft_links::revoke)],
        ))
        .service(resource("/drafts/{token}", [get(pages::draft_links::show)]))
        .service(resource("/posts/{id}/delete", [get(back::to_post), post(pages::posts::delete)]))
        .service(resource(
            "/posts/{id}/comments",
            [get(back::to_thread), post(pages::comments::create)],
        ))
        .service(resource(
            "/comments/{id}/delete",
            [get(back::to_comment), post(pages::comments::delete)],
        ))
        .service(resource(
            "/comments/{id}/state",
            [get(back::to_comment), post(pages::comments::moderate)],
        ))
        .service(resource(
            "/comments/{id}/block",
            [get(back::to_comment), post(pages::comments::block)],
        ))
        .service(resource("/moderation", [get(pages::comments::held)]))
        .service(resource("/notes", [get(pages::notes::index), post(pages::notes::create)]))
        .service(resource("/notes/{id}", [get(pages::notes::show), post(pages::notes::update)]))
        .service(resource(
            "/notes/{id}/edit",
            [get(pages::notes::edit), post(pages::notes::edit_beside)],
        ))
        .service(resource("/notes/{id}/delete", [get(back::to_note), post(pages::notes::delete)]))
        .service(resource("/search", [get(pages::search::index)]))
        .service(resource("/login", [get(pages::accounts::login), post(pages::accounts::sign_in)]))
        .service(resource("/logout", [post(pages::accounts::sign_out)]))
        .service(resource(
            "/register",
            [get(pages::accounts::registration), post(pages::accounts::register)],
        ))
        .service(resource("/bin", [get(pages::bin::index)]))
        .service(resource("/bin/{id}/restore", [get(back::to_bin), post(pages::bin::restore)]))
        .service(resource("/bin/{id}/delete", [get(back::to_bin), post(pages::bin::discard)]))
        .service(resource("/admin", [get(pages::overview::show)]))
        .service(resource("/account", [get(pages::account::show)]))
        .service(resource(
            "/account/password",
            [get(back::to_account), post(pages::account::change_password)],
        ))
        .service(resource(
            "/account/presence",
            [get(back::to_account), post(pages::account::set_presence)],
        ))
        .service(resource(
            "/account/sessions/delete",
            [get(back::to_account), post(pages::account::end_others)],
        ))
        .service(resource(
            "/account/sessions/{id}/delete",
            [get(back::to_account), post(pages::account::end)],
        ))
        .service(resource(
            "/account/tokens",
            [get(back::to_account), post(pages::account::create_token)],
        ))
        .service(resource(
            "/account/tokens/{id}/delete",
            [get(back::to_account), post(pages::account::delete_token)],
        ))
        .service(resource("/static/{file}", [get(pages::asset)]))
        .service(resource("/uploads/{file}", [get(uploads::show)]))
        .service(resource("/archive", [get(pages::lists::archive)]))
        .service(resource("/tags", [get(pages::lists::tags)]))
        .service(resource("/tags/{tag}", [get(pages::lists::tag)]))
        .service(resource("/authors/{username}", [get(pages::lists::author)]))
        .service(resource("/feed.xml", [get(feeds::site)]))
        .service(resource("/tags/{tag}/feed.xml", [get(feeds::tag)]))
        .service(resource("/authors/{username}/feed.xml", [get(feeds::author)]))
        .service(resource("/sitemap.xml", [get(crawlers::sitemap)]))
        .service(resource("/sitemaps/{number}.xml", [get(crawlers::sitemap_part)]))
        .service(resource("/robots.txt", [get(crawlers::robots)]))
        .service(resource("/feed", [get(live::feed)]))
        .service(resource("/notifications", [get(live::notifications)]))
        .service(resource("/posts/{id}/comments/ws", [get(live::post_comments)]))
        .service(resource("/api/posts", [get(posts::index), post(posts::create)]))
        .service(resource(
            "/api/posts/{id}",
            [get(posts::show), put(posts::update), patch(posts::update), delete(posts::delete)],
        ))
        .service(resource(
            "/api/posts/{id}/comments",
            [get(comments::index), post(comments::create)],
        ))
        .service(resource("/api/uploads", [post(uploads::create)]))
        .service(resource("/api/comments", [get(comments::held)]))
        .service(resource(
            "/api/comments/{id}",
            [put(comments::update), patch(comments::moderate), delete(comments::delete)],
        ))
        .service(resource("/api/events", [get(events::index)]))
        .service(resource("/api/channels", [get(channels::index)]))
        .service(resource("/api/notes", [get(notes::index), post(notes::create)]))
        .service(resource(
            "/api/notes/{id}",
            [get(notes::show), put(notes::update), delete(notes::delete)],
        ))
        .service(resource("/api/search", [get(search::index)]))
        .service(resource("/api/users", [post(users::create)]))
        .service(resource("/api/users/{username}", [patch(users::update)]))
        .service(resource("/api/sessions", [get(sign_ins::index)]))
        .service(resource("/api/sessions/{id}", [delete(sign_ins::delete)]))
        .service(resource("/api/tokens", [get(sign_ins::tokens), post(sign_ins::create_token)]))
        .service(resource("/api/tokens/{id}", [delete(sign_ins::delete_token)]))
        .service(resource("/api/account/password", [put(sign_ins::change_password)]))
        .service(resource("/api/session", [post(sign_in::create), delete(sign_in::delete)]))
        .service(resource("/api/openapi.json", [get(description::openapi)]))
        .service(resource("/api/asyncapi.json", [get(description::asyncapi)]))
        .service(resource("/api/docs", [get(pages::docs::show)]))
        .default_service(web::to(nowhere));
}

/// Checks a request with `Expect: 100-continue`, so that a request that will be refused is answered
/// before its body is sent.
pub fn expect(head: &RequestHead, config: &Config) -> AppResult<()> {
    guard::check(head, config)?;
    let path = head.uri.path();
    let path = door::inside(config.reach.path(), path).unwrap_or(path);
    if matches!(path, "/api/users" | "/register") {
        users::may_register(config)?;
    }
    body::check(path, head.headers(), config)
}

/// Creates a resource for a path and its methods. Other methods get 405 with the list of allowed
/// methods.
pub(crate) fn resource<const N: usize>(
    path: &'static str,
    routes: [(Method, Route); N],
) -> Resource {
    let name = |(method, _): &(Method, Route)| match *method {
        Method::GET => "GET, HEAD".to_owned(),
        ref method => method.to_string(),
    };
    let allowed = routes.iter().map(name).collect::<Vec<_>>().join(", ");
    let resource =
        web::resource(path).app_data(Pattern(path)).default_service(web::to(move || {
            let allowed = allowed.clone();
            async move { AppResult::<String>::Err(AppError::MethodNotAllowed(allowed)) }
        }));
    routes.into_iter().fold(resource, |resource, (_, route)| resource.route(route))
}

/// Creates a route for a read-only handler.
pub(crate) fn get<H, Args>(handler: H) -> (Method, Route)
where
    H: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    H::Output: Responder + 'static,
{
    (Method::GET, web::route().guard(Any(Get()).or(Head())).to(handler))
}

macro_rules! methods {
    ($($name:ident $method:ident)*) => {$(
        fn $name<H, Args>(handler: H) -> (Method, Route)
        where
            H: Handler<Args>,
            Args: actix_web::FromRequest + 'static,
            H::Output: Responder + 'static,
        {
            (Method::$method, web::method(Method::$method).to(handler))
        }
    )*};
}

methods! { post POST put PUT patch PATCH delete DELETE }

/// Answers an unknown path with 404.
pub(crate) async fn nowhere() -> AppResult<String> {
    Err(AppError::NotFound("page"))
}

/// The default security headers. Only this site's own files may run on its pages, and no other site
/// may frame them, unless a page sets a different policy.
fn security_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, policy::content(&[])))
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("Referrer-Policy", "same-origin"))
}
