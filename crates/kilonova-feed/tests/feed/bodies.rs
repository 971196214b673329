//! Request bodies while they arrive, and connections after their last response.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use actix_web::error::ErrorForbidden;
use actix_web::web::{self, Bytes, Payload};
use actix_web::{App, HttpResponse};
use futures_util::{Stream, StreamExt};
use kilonova_feed::Server;
use kilonova_test::raw::Raw;
use tokio::sync::oneshot;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// The size of `/large`: more than the buffers on the way hold.
const LARGE: usize = 16 * 1024 * 1024;

/// A server. `/watched` reads its body and counts how often it is polled; `/apart` reads its body
/// in a separate task; `/large` reads no body; `/counted` counts its requests. A client that sends
/// `Expect: 100-continue` is refused.
fn serve() -> (SocketAddr, Arc<AtomicUsize>) {
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&polls);
    let app = move || {
        let polls = Arc::clone(&counted);
        let watched = move |mut body: Payload| {
            let polls = Arc::clone(&polls);
            async move {
                let mut length = 0;
                let read = std::future::poll_fn(move |cx| {
                    polls.fetch_add(1, Ordering::Relaxed);
                    while let Poll::Ready(read) = std::pin::Pin::new(&mut body).poll_next(cx) {
                        let Some(Ok(bytes)) = read else { return Poll::Ready(length) };
                        length += bytes.len();
                    }
                    Poll::Pending
                });
                HttpResponse::Ok().body(read.await.to_string())
            }
        };
        let apart = |mut body: Payload| async {
            let (done, read) = oneshot::channel();
            actix::spawn(async move {
                let mut all = Vec::new();
                while let Some(Ok(bytes)) = body.next().await {
                    all.extend_from_slice(&bytes);
                }
                drop(done.send(Bytes::from(all)));
            });
            HttpResponse::Ok().body(read.await.unwrap())
        };
        let large = || async { HttpResponse::Ok().body(Bytes::from_static(&[b'x'; LARGE])) };
        let polls = Arc::clone(&counted);
        let count = move || {
            polls.fetch_add(1, Ordering::Relaxed);
            async { HttpResponse::NoContent().finish() }
        };
        let empty = || async { HttpResponse::NoContent().finish() };
        App::new()
            .route("/watched", web::post().to(watched))
            .route("/apart", web::post().to(apart))
            .route("/large", web::get().to(large))
            .route("/counted", web::post().to(count))
            .route("/", web::get().to(empty))
    };
    let server = Server::bind("127.0.0.1:0", app).unwrap().workers(1);
    let server = server.expect(|_| Err(ErrorForbidden("no"))).run().unwrap();
    let address = server.address();
    actix::spawn(server);
    (address, polls)
}

#[actix::test]
async fn a_body_that_does_not_arrive_keeps_no_worker_busy() {
    let (address, polls) = serve();
    for head in [&b"Content-Length: 10\r\n\r\n"[..], b"Transfer-Encoding: chunked\r\n\r\n"] {
        let before = polls.load(Ordering::Relaxed);
        let mut raw = Raw::connect(address).await;
        raw.send(&[b"POST /watched HTTP/1.1\r\nHost: x\r\n", head].concat()).await;
        let mut other = Raw::connect(address).await;
        // The same worker answers other requests in the meantime.
        let mut answered = 0;
        while answered < 100 || polls.load(Ordering::Relaxed) == before {
            other.send(GET).await;
            assert_eq!(other.answer().await.unwrap().status, 204);
            answered += 1;
        }
        let polled = polls.load(Ordering::Relaxed) - before;
        assert!(polled < 10, "{polled} times for {answered} requests of another");
        let rest: &[u8] =
            if head.starts_with(b"C") { b"0123456789" } else { b"a\r\n0123456789\r\n0\r\n\r\n" };
        raw.send(rest).await;
        assert_eq!(raw.answer().await.unwrap().body, b"10");
    }
}

#[actix::test]
async fn a_separate_task_gets_a_chunked_body_however_it_is_split() {
    let (address, _) = serve();
    let body = b"5;x=y\r\nHello\r\n1\r\n,\r\n6\r\n World\r\n0\r\nT: t\r\n\r\n";
    for size in [1, 2, 3, 7, body.len()] {
        let mut raw = Raw::connect(address).await;
        let head = b"POST /apart HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        raw.send(head).await;
        for piece in body.chunks(size) {
            raw.send(piece).await;
            // The piece has been read once another request is answered.
            let mut other = Raw::connect(address).await;
            other.send(GET).await;
            other.answer().await.unwrap();
        }
        assert_eq!(raw.answer().await.unwrap().body, b"Hello, World", "in pieces of {size}");
    }
}

#[actix::test]
async fn a_connection_is_gone_after_its_last_response_though_its_client_stays() {
    let (address, _) = serve();
    for request in [
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: x\r\n\r\n",
        "X\r\n\r\n",
    ] {
        let mut raw = Raw::connect(address).await;
        raw.send(request.as_bytes()).await;
        assert!(raw.answer().await.is_some(), "{request}");
        raw.hung_up().await;
        raw.gone().await;
    }
}

#[actix::test]
async fn the_connection_of_a_client_whose_body_is_rejected_ends() {
    let (address, _) = serve();
    for framing in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
        let mut raw = Raw::connect(address).await;
        let head = "POST /watched HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n";
        raw.send(format!("{head}{framing}\r\n\r\n").as_bytes()).await;
        let answer = raw.answer().await.unwrap();
        assert_eq!((answer.status, answer.header("connection")), (403, Some("close")));
        raw.hung_up().await;
        raw.gone().await;
    }
}

#[actix::test]
async fn no_request_after_an_unread_body_is_answered() {
    let (address, counted) = serve();
    let next = "POST /counted HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    for (framing, body) in [
        ("Content-Length: 10", "0123456789"),
        ("Transfer-Encoding: chunked", "a\r\n0123456789\r\n0\r\n\r\n"),
    ] {
        for together in [true, false] {
            let mut raw = Raw::connect(address).await;
            let head = format!("GET /large HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n");
            raw.send(head.as_bytes()).await;
            let head = raw.read_until("\r\n\r\n").await;
            assert!(head.contains("200 OK") && head.contains("connection: close"), "{head}");
            // The response is still being sent.
            match together {
                true => raw.send(format!("{body}{next}").as_bytes()).await,
                false => {
                    raw.send(body.as_bytes()).await;
                    let mut other = Raw::connect(address).await;
                    other.send(GET).await;
                    assert_eq!(other.answer().await.unwrap().status, 204);
                    raw.send(next.as_bytes()).await;
                }
            }
            assert_eq!(raw.rest().await.len(), LARGE, "{framing}");
            raw.gone().await;
            assert_eq!(counted.load(Ordering::Relaxed), 0, "{framing}");
        }
    }
}
