//! Failures, shown to browsers as pages. Owns what becomes of a form that was not taken: all that was
//! typed comes back, also where the form was refused before it was read.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::{InternalError, PayloadError};
use actix_web::http::{ConnectionType, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse};
use askama::Template;
use futures_util::Stream;
use serde_json::Value;

use crate::access::Viewer;
use crate::changeset::Params;
use crate::compression::Varies;
use crate::config::Access;
use crate::controllers::account::{Account, MADE_FOR, Seen};
use crate::controllers::body::{Body, Typed};
use crate::controllers::idempotency::FORM_KEY;
use crate::error::Shown;
use crate::negotiation::accepts_html;
use crate::state::State;
use crate::views::forms::Problem;
use crate::views::pages::{ErrorPage, Frame, Reader, Unsent};

/// The most bytes that are read of a form that is refused already: a post's text with every byte
/// encoded, and more than a browser sends of one.
const UNREAD: usize = 4 * 1024 * 1024;

/// The fields of one line that are shown again, with their labels.
const LINES: [(&str, &str); 5] = [
    ("title", "Title"),
    ("author", "Name"),
    ("tags", "Tags"),
    ("publish_at", "Publish at (UTC)"),
    ("slug", "Words in the address"),
];

/// The fields that go along with them.
const HIDDEN: [&str; 4] = [MADE_FOR, "status", "version", FORM_KEY];

/// Shows failures to browsers as pages; programs get their JSON.
pub async fn show_errors<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if request.path().starts_with("/api/") || !accepts_html(request.headers()) {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    }
    let base = base(request.request());
    let is_of_form = !request.method().is_safe();
    let has_text = is_of_form && Kind::of(request.path()).is_some();
    let unread = has_text.then(|| watch(&mut request));
    match next.call(request).await {
        Ok(response) => {
            let shown = response.response().extensions().get::<Shown>().cloned();
            let Some(shown) = shown else { return Ok(response.map_into_left_body()) };
            let status = response.status();
            let (request, failed) = response.into_parts();
            let typed = match unread {
                Some((typed, payload)) => form_of(&request, status, &typed, payload).await,
                None => None,
            };
            let frame = frame_of(&request, base, status).await;
            let mut page = match typed {
                Some(params) => unsent_page(&request, frame, status, &shown, &params),
                None => error_page(frame, status, shown, is_of_form),
            };
            if failed.head().connection_type() == ConnectionType::Close {
                page.head_mut().set_connection_type(ConnectionType::Close);
            }
            for name in [header::ALLOW, header::RETRY_AFTER, header::CACHE_CONTROL] {
                if let Some(value) = failed.headers().get(&name) {
                    page.headers_mut().insert(name, value.clone());
                }
            }
            page.extensions_mut().insert(Varies("cookie"));
            Ok(ServiceResponse::new(request, page).map_into_right_body())
        }
        Err(error) => {
            let response = error.as_response_error().error_response();
            let shown = response.extensions().get::<Shown>().cloned();
            let Some(shown) = shown else { return Err(error) };
            let page = error_page(base, response.status(), shown, is_of_form);
            Err(InternalError::from_response(error, page).into())
        }
    }
}

/// Keeps what a form has sent: the fields once they are read, the payload until then.
fn watch(request: &mut ServiceRequest) -> (Typed, Shared) {
    let (typed, payload) =
        (Typed::default(), Shared(Rc::new(RefCell::new(request.take_payload()))));
    request.extensions_mut().insert(typed.clone());
    request.set_payload(Payload::Stream { payload: Box::pin(payload.clone()) });
    (typed, payload)
}

/// A payload that is there still after its reader was refused.
#[derive(Clone)]
struct Shared(Rc<RefCell<Payload>>);

impl Stream for Shared {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

/// The fields of a form with a text in it, where it makes sense to show them again.
async fn form_of(
    request: &HttpRequest,
    status: StatusCode,
    typed: &Typed,
    unread: Shared,
) -> Option<Params> {
    // Others were refused for what they are, or come from another site.
    let is_passing = matches!(
        status,
        StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    );
    let params = match typed.take() {
        Some(params) => Some(params),
        None if is_passing => {
            let mut payload: Payload = Payload::Stream { payload: Box::pin(unread) };
            let body = Body::of_refused(request, &mut payload, UNREAD).ok()?;
            // One that cannot be read has nothing to show.
            body.form().await.ok()
        }
        None => None,
    };
    params
        .filter(|params| params.get("body").and_then(Value::as_str).is_some_and(|b| !b.is_empty()))
}

/// The frame of the page of a failure: as the reader's other pages, where it is known who reads.
async fn frame_of(request: &HttpRequest, base: Frame, status: StatusCode) -> Frame {
    let seen = request.extensions().get::<Seen>().cloned();
    let seen = match seen {
        Some(seen) => Some(seen),
        // One that is refused for its number costs no query.
        None if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => None,
        None => match Account::extract(request).await {
            Ok(_) => request.extensions().get::<Seen>().cloned(),
            Err(_) => None,
        },
    };
    let here = request.uri().path_and_query().map_or("/", |here| here.as_str()).to_owned();
    match seen {
        Some(Seen { name, viewer }) => {
            let reader = name.map_or(Reader::Guest, Reader::User);
            Frame { reader, viewer, here, ..base }
        }
        None => Frame { here, ..base },
    }
}

/// What a page for nobody in particular is framed by.
fn base(request: &HttpRequest) -> Frame {
    let Some(state) = request.app_data::<Data<State>>() else { return Frame::default() };
    let open = state.config.access == Access::Open;
    let viewer = if open { Viewer::Anyone } else { Viewer::Nobody };
    Frame { open, viewer, root: state.config.reach.path().into(), ..Frame::default() }
}

/// What a form with a text is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Post,
    Note,
    Comment,
}

impl Kind {
    /// By the path that it is sent to.
    fn of(path: &str) -> Option<Kind> {
        let mut parts = path.split('/').skip(1);
        match (parts.next()?, parts.next(), parts.next(), parts.next()) {
            ("posts", _, Some("comments"), None) => Some(Kind::Comment),
            ("posts", _, None | Some("edit"), None) => Some(Kind::Post),
            ("notes", _, None | Some("edit"), None) => Some(Kind::Note),
            _ => None,
        }
    }

    /// What the browser calls its copy of such a form (static/drafts.js).
    fn copy(self, path: &str) -> String {
        let id = path.split('/').nth(2).unwrap_or("new");
        format!("{}-{id}", self.name())
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Post => "post",
            Kind::Note => "note",
            Kind::Comment => "comment",
        }
    }
}

/// Tells in sentences why a form was not taken.
pub(super) fn told(message: &str, params: &Params, name: Option<&str>) -> String {
    let made_for = params.get(MADE_FOR).and_then(Value::as_str);
    match (made_for, name) {
        (Some(made_for), None) if !made_for.is_empty() => {
            format!("This was written as {made_for}, who is signed out here now. Nothing was sent.")
        }
        (Some(""), Some(name)) => {
            format!(
                "This was written without an account; now {name} is signed in. Nothing was sent."
            )
        }
        (Some(made_for), Some(name)) if made_for != name => {
            format!("This was written as {made_for}; now {name} is signed in. Nothing was sent.")
        }
        _ => sentence(message),
    }
}

fn sentence(message: &str) -> String {
    match message.get(..1) {
        Some(first) => format!("{}{}.", first.to_uppercase(), &message[1..]),
        None => String::new(),
    }
}

fn unsent_page(
    request: &HttpRequest,
    frame: Frame,
    status: StatusCode,
    shown: &Shown,
    params: &Params,
) -> HttpResponse {
    let Some(kind) = Kind::of(request.path()) else {
        return error_page(frame, status, shown.clone(), true);
    };
    let name = match &frame.reader {
        Reader::User(name) => Some(name.clone()),
        Reader::Unknown | Reader::Guest => None,
    };
    let field = |name: &str| params.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let mut hidden: Vec<_> = HIDDEN.iter().filter_map(|name| Some((*name, field(name)?))).collect();
    let mut message = told(&shown.message, params, name.as_deref());
    let here = frame.here.clone();
    let is_gone = status == StatusCode::NOT_FOUND;
    let title = match status {
        StatusCode::UNAUTHORIZED => "You are not signed in".to_owned(),
        StatusCode::CONFLICT => "Nothing was sent yet".to_owned(),
        StatusCode::NOT_FOUND if kind == Kind::Comment => {
            "This post is not there any more".to_owned()
        }
        StatusCode::NOT_FOUND => format!("This {} was deleted", kind.name()),
        StatusCode::FORBIDDEN => "This is not allowed".to_owned(),
        StatusCode::TOO_MANY_REQUESTS => "Too much at once".to_owned(),
        StatusCode::SERVICE_UNAVAILABLE => "Too busy just now".to_owned(),
        _ => "This did not work".to_owned(),
    };
    let resend = match (status, kind) {
        (StatusCode::NOT_FOUND, Kind::Comment) | (StatusCode::FORBIDDEN, _) => None,
        (StatusCode::NOT_FOUND, _) => {
            hidden.retain(|(name, _)| *name == MADE_FOR || *name == "status");
            let to = if kind == Kind::Post { "/posts" } else { "/notes" };
            Some((to.to_owned(), format!("Save it as a new {}", kind.name())))
        }
        (StatusCode::CONFLICT, _) => {
            // Whoever sends it now has read whose it becomes.
            let made_for = name.clone().unwrap_or_default();
            hidden.iter_mut().filter(|(name, _)| *name == MADE_FOR).for_each(|(_, of)| {
                of.clone_from(&made_for);
            });
            Some((here, name.map_or("Send it".to_owned(), |name| format!("Send it as {name}"))))
        }
        _ => Some((here, "Send it again".to_owned())),
    };
    if is_gone {
        message = match kind {
            Kind::Comment => "It was deleted while you were writing. Your comment:".to_owned(),
            _ => "It was deleted while you were editing it. Your text:".to_owned(),
        };
    }
    let lines = LINES.iter().filter_map(|(name, label)| Some((*name, *label, field(name)?)));
    let page = Unsent {
        title,
        problem: Problem { message, signs_in: status == StatusCode::UNAUTHORIZED },
        resend,
        copy: kind.copy(request.path()),
        lines: lines.collect(),
        body: field("body").unwrap_or_default(),
        hidden,
        frame,
    };
    rendered(status, &page)
}

fn error_page(frame: Frame, status: StatusCode, shown: Shown, is_of_form: bool) -> HttpResponse {
    let title = match status {
        StatusCode::UNAUTHORIZED => "You are not signed in",
        StatusCode::NOT_FOUND => "There is nothing here",
        StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST => "This is not allowed",
        StatusCode::TOO_MANY_REQUESTS => "Too much at once",
        StatusCode::SERVICE_UNAVAILABLE => "Too busy just now",
        StatusCode::INTERNAL_SERVER_ERROR => "Something went wrong",
        _ => "This did not work",
    };
    let message = sentence(&shown.message);
    let (status_code, title) = (status.as_u16(), title.to_owned());
    let page = ErrorPage { frame, status: status_code, title, message, is_of_form };
    rendered(status, &page)
}

fn rendered(status: StatusCode, page: &impl Template) -> HttpResponse {
    match page.render() {
        Ok(html) => HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html),
        Err(error) => {
            log::error!("the error page cannot be rendered: {error}");
            HttpResponse::build(status).finish()
        }
    }
}
