//! The limits of sockets, and the refusals above them.

use actix_web::test::TestRequest;
use actix_web::{App, ResponseError};
use kilonova_feed::{Error, Limits, Origins, Server, SessionOptions};
use kilonova_pubsub::PubSub;
use kilonova_test::raw::{Answer, Raw};

use crate::support::{Serving, Site, Toy, Transport, Viewer, Wish, builder, soon};

/// The headers of a WebSocket's handshake, and of a request for an event stream.
const UPGRADE: [(&str, &str); 4] = [
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];
const STREAM: [(&str, &str); 1] = [("Accept", "text/event-stream")];

async fn refused(site: &Site, transport: Transport) -> Answer {
    let path = Wish::new(&["a"]).path();
    let opened = match transport {
        Transport::WebSocket => Raw::try_upgrade(site.address, &path).await,
        _ => Raw::try_stream(site.address, &path).await,
    };
    opened.err().expect("a refusal")
}

fn assert_busy(answer: &Answer, words: &str) {
    assert_eq!(answer.status, 503);
    let wait: u32 = answer.header("retry-after").expect("a time").parse().unwrap();
    assert!((1..=10).contains(&wait));
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["error"], words);
}

#[actix::test]
async fn a_socket_over_the_limit_is_told_when_to_retry_and_fits_later() {
    for serving in [Serving::Own, Serving::Plain] {
        let limits = Limits { sockets: 2, ..Limits::default() };
        let site = Site::serve(builder(&Toy::new()).limits(limits), serving).await;
        let one = site.open(Transport::WebSocket, &Wish::new(&["a"])).await;
        let two = site.open(Transport::Stream, &Wish::new(&["a"])).await;
        for transport in [Transport::WebSocket, Transport::Stream] {
            let answer = refused(&site, transport).await;
            assert_busy(&answer, "too many sockets: try again later");
        }
        drop((one, two));
        soon(site.feed().sockets().all_closed()).await;
        drop(site.open(Transport::WebSocket, &Wish::new(&["a"])).await);
        site.stop().await;
    }
}

#[actix::test]
async fn handshakes_over_the_rate_are_refused() {
    let limits = Limits { handshakes: 1, ..Limits::default() };
    let site = Site::serve(builder(&Toy::new()).limits(limits), Serving::Own).await;
    let mut refusals = 0;
    for _ in 0..20 {
        if let Err(answer) = Raw::try_upgrade(site.address, &Wish::new(&["a"]).path()).await {
            assert_busy(&answer, "too many new sockets at once: try again later");
            refusals += 1;
        }
    }
    assert!(refusals > 0);
    site.stop().await;
}

#[actix::test]
async fn an_address_has_its_limit() {
    let limits = Limits { sockets_per_address: 2, ..Limits::default() };
    let feed = builder(&Toy::new()).limits(limits).start().await.unwrap();
    let open = async |peer: &str| {
        let request = TestRequest::get().peer_addr(peer.parse().unwrap()).to_http_request();
        feed.sse(&request, SessionOptions::new(["a"], Viewer::Staff)).await
    };
    let opened = [
        open("192.0.2.1:1").await.unwrap(),
        open("192.0.2.1:2").await.unwrap(),
        open("192.0.2.2:1").await.unwrap(),
    ];
    let refused = open("192.0.2.1:3").await.unwrap_err();
    assert!(matches!(refused, Error::TooManyOfAddress { .. }));
    let answer = refused.error_response();
    assert_eq!(answer.status(), 429);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!((feed.sockets().open(), feed.sockets().addresses()), (3, 2));
    drop(opened);
    soon(feed.sockets().all_closed()).await;
    assert!(open("192.0.2.1:4").await.is_ok());
    soon(feed.stop()).await;
}

#[actix::test]
async fn a_channel_over_the_limit_is_refused_and_leaves_nothing_behind() {
    let pubsub = PubSub::builder("test").max_channels(3).start();
    let toy = Toy::new();
    let feed = kilonova_feed::Feed::start(pubsub.clone(), toy.clone()).await.unwrap();
    toy.is_read(1).await;
    let request = TestRequest::get().to_http_request();
    let wide = SessionOptions::new(["a", "b", "c", "d"], Viewer::Staff);
    let refused = feed.sse(&request, wide).await.expect_err("a refusal");
    assert!(matches!(refused, Error::TooManyChannels));
    assert_eq!((refused.status_code().as_u16(), refused.retry_after()), (503, Some(1)));
    soon(feed.sockets().all_closed()).await;
    for channel in ["a", "b", "c", "d"] {
        assert_eq!(pubsub.get_members(channel).await.unwrap().len(), 0);
    }
    soon(feed.stop()).await;
}

#[actix::test]
async fn a_request_for_neither_a_socket_nor_a_stream_is_told_so() {
    for serving in [Serving::Own, Serving::Plain] {
        let site = Site::serve(builder(&Toy::new()), serving).await;
        let path = Wish::new(&["a"]).path();
        let answer = Raw::connect(site.address).await.ask("GET", &path, &[], &[]).await;
        assert_eq!((answer.status, answer.header("upgrade")), (426, Some("websocket")));
        let wrong = format!("{path}&last_event_id=x");
        let stream = [("Accept", "text/event-stream")];
        let answer = Raw::connect(site.address).await.ask("GET", &wrong, &stream, &[]).await;
        assert_eq!(answer.status, 422);
        assert_eq!(answer.body, br#"{"error":"last_event_id is invalid"}"#);
        site.stop().await;
    }
}

#[actix::test]
async fn a_connection_over_the_limit_is_told_so_and_closed() {
    let server = Server::bind("127.0.0.1:0", App::new).unwrap();
    let server = server.workers(1).max_connections(1).run().unwrap();
    let (address, handle) = (server.address(), server.handle());
    actix::spawn(server);
    let mut one = Raw::connect(address).await;
    assert_eq!(one.ask("GET", "/", &[], &[]).await.status, 404);
    let mut two = Raw::connect(address).await;
    let answer = two.ask("GET", "/", &[], &[]).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    soon(two.hung_up()).await;
    // The first connection is not affected.
    assert_eq!(one.ask("GET", "/", &[], &[]).await.status, 404);
    drop(one);
    soon(handle.stop(true)).await;
}

#[actix::test]
async fn a_page_of_another_origin_is_refused_unless_the_feed_admits_it() {
    for (origins, other) in [
        (Origins::Own, 403),
        (Origins::OwnAnd(vec!["https://other.example".to_owned()]), 101),
        (Origins::Any, 101),
    ] {
        let site = Site::serve(builder(&Toy::new()).origins(origins.clone()), Serving::Own).await;
        let own = format!("http://{}", site.address);
        let path = Wish::new(&["a"]).path();
        for (origin, upgraded) in [(own.as_str(), 101), ("https://other.example", other)] {
            let streamed = if upgraded == 101 { 200 } else { upgraded };
            for (headers, status) in [(&UPGRADE[..], upgraded), (&STREAM[..], streamed)] {
                let headers = [headers, &[("Origin", origin)]].concat();
                let mut raw = Raw::connect(site.address).await;
                let answer = raw.ask("GET", &path, &headers, b"").await;
                assert_eq!(answer.status, status, "{origins:?}: {origin}: {headers:?}");
            }
        }
        site.stop().await;
    }
}
