//! Failures, shown to browsers as pages. Owns which pages show the typed text again, even if a form
//! was refused before it was read; `unsent` owns the page that shows it.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
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

use super::unsent::{Kind, unsent_page};
use crate::access::Viewer;
use crate::changeset::Params;
use crate::compression::Varies;
use crate::config::Access;
use crate::controllers::account::{Account, Seen};
use crate::controllers::body::{Body, Typed};
use crate::error::Shown;
use crate::limits;
use crate::models::draft_link;
use crate::negotiation::accepts_html;
use crate::state::State;
use crate::views::pages::{ErrorPage, Frame, Reader};

/// The most bytes that are read of a form that was already refused: enough for a long article with
/// every byte encoded. The text of a longer form is not shown again.
const UNREAD: usize = 512 * 1024;

/// Shows failures to browsers as pages. Programs get JSON.
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

/// Keeps a form's data: the fields once they are read, the payload until then.
fn watch(request: &mut ServiceRequest) -> (Typed, Shared) {
    let (typed, payload) =
        (Typed::default(), Shared(Rc::new(RefCell::new(request.take_payload()))));
    request.extensions_mut().insert(typed.clone());
    request.set_payload(Payload::Stream { payload: Box::pin(payload.clone()) });
    (typed, payload)
}

/// A payload that can still be read after the request was refused.
#[derive(Clone)]
struct Shared(Rc<RefCell<Payload>>);

impl Stream for Shared {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

/// The fields of a form with a text, if it makes sense to show them again.
async fn form_of(
    request: &HttpRequest,
    status: StatusCode,
    typed: &Typed,
    unread: Shared,
) -> Option<Params> {
    // Any other unread form was refused for good, or comes from another site.
    let is_passing = matches!(
        status,
        StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    );
    let params = match typed.take() {
        Some(params) => Some(params),
        None if is_passing => {
            let mut payload: Payload = Payload::Stream { payload: Box::pin(unread) };
            let body = Body::of_refused(request, &mut payload, UNREAD).ok()?;
            // If the form cannot be read, there is nothing to show.
            body.form().await.ok()
        }
        None => None,
    };
    params
        .filter(|params| params.get("body").and_then(Value::as_str).is_some_and(|b| !b.is_empty()))
}

/// The frame of an error page. It is that of the reader's other pages, if the reader is known.
async fn frame_of(request: &HttpRequest, base: Frame, status: StatusCode) -> Frame {
    let seen = request.extensions().get::<Seen>().cloned();
    let seen = match seen {
        Some(seen) => Some(seen),
        // A rate-limited request must not cost a query.
        None if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => None,
        None => match limits::works_for(request).run(Account::extract(request)).await {
            Ok(_) => request.extensions().get::<Seen>().cloned(),
            Err(_) => None,
        },
    };
    let here = request.uri().path_and_query().map_or("/", |here| here.as_str());
    // The link to a draft is a secret.
    let here = if here.starts_with(draft_link::ROOT) { "/" } else { here }.to_owned();
    match seen {
        Some(Seen { name, viewer }) => {
            let reader = name.map_or(Reader::Guest, Reader::User);
            Frame { reader, viewer, here, ..base }
        }
        None => Frame { here, ..base },
    }
}

/// The frame of a page for an unknown reader.
pub(super) fn base(request: &HttpRequest) -> Frame {
    let Some(state) = request.app_data::<Data<State>>() else { return Frame::default() };
    let open = state.config.access == Access::Open;
    let viewer = if open { Viewer::Anyone } else { Viewer::Nobody };
    let (root, site) = (state.config.reach.path().into(), Arc::clone(&state.config.site));
    Frame { open, viewer, root, site, ..Frame::default() }
}

pub(super) fn sentence(message: &str) -> String {
    match message.get(..1) {
        Some(first) => format!("{}{}.", first.to_uppercase(), &message[1..]),
        None => String::new(),
    }
}

pub(super) fn error_page(
    frame: Frame,
    status: StatusCode,
    shown: Shown,
    is_of_form: bool,
) -> HttpResponse {
    let title = match status {
        StatusCode::UNAUTHORIZED => "You are not signed in",
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST => "This is not allowed",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        StatusCode::SERVICE_UNAVAILABLE => "The site is busy",
        StatusCode::INTERNAL_SERVER_ERROR => "Something went wrong",
        _ => "The request failed",
    };
    let message = sentence(&shown.message);
    let (status_code, title) = (status.as_u16(), title.to_owned());
    let page = ErrorPage { frame, status: status_code, title, message, is_of_form };
    rendered(status, &page)
}

pub(super) fn rendered(status: StatusCode, page: &impl Template) -> HttpResponse {
    match page.render() {
        Ok(html) => HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html),
        Err(error) => {
            log::error!("the error page cannot be rendered: {error}");
            HttpResponse::build(status).finish()
        }
    }
}
