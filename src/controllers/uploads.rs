//! Uploads: accepting pictures, and serving the stored files.

use actix_web::body::SizedStream;
use actix_web::http::header::{
    self, Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue,
};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use futures_util::{Stream, stream};

use super::account::{Account, within};
use super::body::Body;
use super::idempotency::{Created, Once};
use super::respond::{self, Precondition};
use crate::access::Action;
use crate::changeset::Params;
use crate::db::{Db, Touches};
use crate::error::{AppError, AppResult};
use crate::limits::Payer;
use crate::models::clock;
use crate::models::upload::{self, NewUpload};
use crate::pictures::{self, Unfit};
use crate::responses::Resident;
use crate::state::State;
use crate::turns::WorksFor;
use crate::views::answers;

/// The `Content-Security-Policy` of uploads: a browser may show an upload but run no code from it.
const SANDBOX: &str = "sandbox; default-src 'none'";

/// POST /api/uploads: a picture as the body, or as the only file of a form.
pub async fn create(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    account.permit(Action::WritePost)?;
    let (file, room) = body.file().await?;
    let user_id = account.user().map(|user| user.id);
    // Parsing a file of several mebibytes takes a while.
    let cleaned = actix_web::web::block(move || {
        let _room = room;
        pictures::clean(&file).map(|picture| NewUpload::picture(picture, user_id))
    });
    let new = cleaned.await.map_err(AppError::internal)?.map_err(refused)?;
    let digest = new.upload.digest.clone();
    let params = Params::from_iter([("digest".to_owned(), digest.into())]);
    let once = Once::of(&request, account.user(), &params)?;
    let payer = request.extensions().get::<Payer>().cloned();
    let (asker, quota) = (account.asker.clone(), state.config.quotas.uploads);
    let root = state.config.reach.path().to_owned();
    let outcome = once.transact(&state.db, Touches::ExistingRows, move |tx| {
        let viewer = asker.permit(tx.connection, Action::WritePost, "upload")?;
        if let Some(payer) = payer {
            payer.pay(new.bytes.len());
        }
        let at = clock(tx.connection)?;
        let kept = match upload::renew(tx.connection, &new.upload.digest, at)? {
            // The same file again does not count against the quota.
            Some(known) => known,
            None => {
                let what = "this account has reached its limit of uploads";
                within(quota, viewer, what, |id, quota| {
                    Ok(upload::length_of(tx.connection, id)? + new.upload.length > quota)
                })?;
                upload::insert(tx.connection, new, at)?
            }
        };
        let path = kept.path();
        let url = format!("{root}{path}");
        let told = answers::Uploaded { url, width: kept.width, height: kept.height };
        Ok(Created::of(&told)?.at(path))
    });
    Ok(respond::created(&state.db, outcome.await?))
}

/// GET /uploads/{file}
pub async fn show(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    const MISSING: AppError = AppError::NotFound("file");
    let name = request.match_info().get("file").unwrap_or_default();
    let (digest, _) = name.split_once('.').ok_or(MISSING)?;
    if !upload::is_digest(digest) {
        return Err(MISSING);
    }
    let wanted = digest.to_owned();
    let found = state.db.read(move |c| Ok::<_, AppError>(upload::find(c, &wanted)?)).await?;
    let found = found.filter(|upload| upload.path() == request.path()).ok_or(MISSING)?;
    let tag = format!("\"{digest}\"");
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::ETAG, tag.clone()))
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::CONTENT_SECURITY_POLICY, SANDBOX));
    if Precondition::of(&request).known(&tag).is_some() {
        return Ok(response.status(actix_web::http::StatusCode::NOT_MODIFIED).finish());
    }
    response
        .insert_header((header::CONTENT_TYPE, found.media_type.as_str()))
        // Pictures are already compressed, and compressing a file would hide its length.
        .insert_header((header::CONTENT_ENCODING, "identity"));
    if let Some(name) = &found.name {
        response.insert_header(attachment(name));
    }
    let length = u64::try_from(found.length).map_err(AppError::internal)?;
    let slices = slices(state.db.clone(), found.digest);
    let mut response = response.body(SizedStream::new(length, slices));
    response.extensions_mut().insert(Resident(2 * upload::SLICE as u64));
    Ok(response)
}

/// The bytes of an upload. Each slice is read after HTTP has taken the previous one, in a separate
/// task: while a client reads nothing, HTTP does not poll, and a read that is not polled would keep
/// its database connection from others.
fn slices(db: Db, digest: String) -> impl Stream<Item = Result<Bytes, AppError>> {
    // The handler runs on behalf of the client. HTTP and tasks do not, so this is passed on.
    let who = WorksFor::current();
    stream::try_unfold((db, digest, 0_i32), move |(db, digest, ordinal)| async move {
        let (source, wanted) = (db.clone(), digest.clone());
        let read = async move {
            let slice = source.read(move |connection| {
                match upload::slice(connection, &wanted, ordinal) {
                    // The stream is complete, or too short, which closes the connection.
                    Err(diesel::NotFound) => Ok(None),
                    slice => Ok::<_, AppError>(Some(slice?)),
                }
            });
            slice.await
        };
        let read = actix_web::rt::spawn(who.run(read));
        let slice = read.await.map_err(AppError::internal)??;
        Ok(slice.map(|slice| (Bytes::from(slice), (db, digest, ordinal + 1))))
    })
}

fn attachment(name: &str) -> ContentDisposition {
    ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::FilenameExt(ExtendedValue {
            charset: Charset::Ext("UTF-8".to_owned()),
            language_tag: None,
            value: name.as_bytes().to_vec(),
        })],
    }
}

fn refused(unfit: Unfit) -> AppError {
    match unfit {
        Unfit::Unknown => {
            AppError::UnsupportedMediaType("expected a picture: png, jpeg, gif, webp or avif")
        }
        unfit => AppError::Unprocessable(unfit.to_string()),
    }
}
