//! The page of a form that was not accepted: the reason, and the typed text. Owns the next steps
//! that it offers.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use super::failures::{error_page, rendered, sentence};
use crate::changeset::Params;
use crate::controllers::account::MADE_FOR;
use crate::controllers::idempotency::FORM_KEY;
use crate::error::Shown;
use crate::views::forms::Problem;
use crate::views::pages::{Frame, Reader, Unsent};

/// The one-line fields that are shown again, with their labels.
const LINES: [(&str, &str); 5] = [
    ("title", "Title"),
    ("author", "Name"),
    ("tags", "Tags"),
    ("publish_at", "Publish at (UTC)"),
    ("slug", "URL slug"),
];

/// The hidden fields that are sent with them.
const HIDDEN: [&str; 6] = [MADE_FOR, "status", "version", FORM_KEY, "copy", "window"];

/// The purpose of a form with a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Post,
    Note,
    Comment,
}

impl Kind {
    /// The kind of form that is sent to this path.
    pub(super) fn of(path: &str) -> Option<Kind> {
        let mut parts = path.split('/').skip(1);
        match (parts.next()?, parts.next(), parts.next(), parts.next()) {
            // The preview opens beside the form, which keeps its text.
            ("posts", Some("preview"), None, None) => None,
            ("posts", _, Some("comments"), None) => Some(Kind::Comment),
            ("posts", _, None | Some("edit"), None) => Some(Kind::Post),
            ("notes", _, None | Some("edit"), None) => Some(Kind::Note),
            _ => None,
        }
    }

    /// The name of the browser's copy of the form (static/drafts.js).
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

/// Explains in sentences why a form was not accepted.
pub(super) fn told(message: &str, params: &Params, name: Option<&str>) -> String {
    let made_for = params.get(MADE_FOR).and_then(Value::as_str);
    match (made_for, name) {
        (Some(made_for), None) if !made_for.is_empty() => {
            format!("This was written as {made_for}, who is now signed out. Nothing was sent.")
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

/// The page of a form with these fields.
pub(super) fn unsent_page(
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
        StatusCode::NOT_FOUND if kind == Kind::Comment => "This post no longer exists".to_owned(),
        StatusCode::NOT_FOUND => format!("This {} was deleted", kind.name()),
        StatusCode::FORBIDDEN => "This is not allowed".to_owned(),
        StatusCode::TOO_MANY_REQUESTS => "Too many requests".to_owned(),
        StatusCode::SERVICE_UNAVAILABLE => "The site is busy".to_owned(),
        _ => "The request failed".to_owned(),
    };
    let resend = match (status, kind) {
        (StatusCode::NOT_FOUND, Kind::Comment) | (StatusCode::FORBIDDEN, _) => None,
        (StatusCode::NOT_FOUND, _) => {
            hidden.retain(|(name, _)| *name == MADE_FOR || *name == "status");
            let to = if kind == Kind::Post { "/posts" } else { "/notes" };
            Some((to.to_owned(), format!("Save it as a new {}", kind.name())))
        }
        (StatusCode::CONFLICT, _) => {
            // The page names the account, so sending the form again confirms it.
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
