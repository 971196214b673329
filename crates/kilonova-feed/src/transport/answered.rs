//! The body of a response, whose end is the end of the answer.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_http::body::{BodySize, MessageBody};
use bytes::Bytes;

use super::activity::Answering;

pin_project_lite::pin_project! {
    /// A body that counts its request as being answered for as long as it lives.
    pub(crate) struct Answered<B> {
        #[pin]
        body: B,
        answering: Option<Answering>,
    }
}

impl<B> Answered<B> {
    pub(crate) fn new(body: B, answering: Option<Answering>) -> Answered<B> {
        Answered { body, answering }
    }
}

impl<B: MessageBody> MessageBody for Answered<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, B::Error>>> {
        self.project().body.poll_next(cx)
    }
}
