//! Custom shapes: their texts, and when and by which threads they are encoded.

use std::time::Duration;

use kilonova_feed::Heartbeat;
use kilonova_test::raw::Raw;

use crate::support::{BOTH, HEARTBEAT, Serving, Site, Toy, Wish, builder, soon};

/// A site without position frames between the events.
async fn site(toy: &Toy, serving: Serving) -> Site {
    let heartbeat = Heartbeat { ping: Duration::from_secs(3600), ..HEARTBEAT };
    Site::serve(builder(toy).heartbeat(heartbeat), serving).await
}

async fn text(raw: &mut Raw) -> String {
    let frame = raw.frame().await.expect("a frame");
    String::from_utf8(frame.payload.to_vec()).expect("UTF-8")
}

fn slow(wish: &Wish) -> String {
    format!("{}&slow=true", wish.path())
}

#[actix::test]
async fn a_custom_shape_sets_the_text_of_frames() {
    let toy = Toy::new();
    toy.commit("a");
    let site = site(&toy, Serving::Own).await;
    site.feed().committed([toy.commit("a")]);
    let path = format!("{}&custom=true", Wish::new(&["a"]).after(0).path());
    let mut raw = Raw::upgrade(site.address, &path).await;
    for _ in 0..2 {
        let frame = raw.frame().await.expect("a frame");
        assert_eq!(frame.payload, br#"{"topic":"happened"}"#);
    }
    let mut raw = Raw::try_stream(site.address, &path).await.unwrap();
    assert_eq!(raw.block().await.as_deref(), Some(": welcome\n\n"));
    for id in 1..=2 {
        let block = raw.block().await.expect("a block");
        let expected = format!("id: {id}\nevent: happened\ndata: {{\"topic\":\"happened\"}}\n\n");
        assert_eq!(block, expected);
    }
    drop(raw);
    site.stop().await;
}

#[actix::test]
async fn a_slow_shape_is_encoded_once_for_all_sockets_and_not_by_a_serving_thread() {
    for serving in BOTH {
        let toy = Toy::new();
        let site = site(&toy, serving).await;
        let mut sockets = Vec::new();
        for _ in 0..3 {
            sockets.push(Raw::upgrade(site.address, &slow(&Wish::new(&["a"]))).await);
        }
        for position in 1..=5 {
            site.feed().committed([toy.commit("a")]);
            for socket in &mut sockets {
                assert_eq!(text(socket).await, format!("{{\"slow\":{position}}}"));
            }
        }
        let expected: Vec<_> = (1..=5).map(|position| (position, false)).collect();
        assert_eq!(*site.encoded.lock().unwrap(), expected, "{serving:?}");
        drop(sockets);
        site.stop().await;
    }
}

#[actix::test]
async fn an_unused_slow_shape_is_not_encoded() {
    let toy = Toy::new();
    let site = site(&toy, Serving::Own).await;
    let leaver = Raw::upgrade(site.address, &slow(&Wish::new(&["a"]))).await;
    drop(leaver);
    soon(site.feed().sockets().all_closed()).await;
    let mut other = Raw::upgrade(site.address, &Wish::new(&["a"]).path()).await;
    site.feed().committed([toy.commit("a")]);
    assert!(text(&mut other).await.contains("\"id\":1"));
    assert_eq!(*site.encoded.lock().unwrap(), []);
    drop(other);
    site.stop().await;
}

#[actix::test]
async fn a_replay_in_a_slow_shape_is_not_encoded_by_a_serving_thread() {
    let toy = Toy::new();
    for _ in 0..7 {
        toy.commit("a");
    }
    for serving in BOTH {
        let site = site(&toy, serving).await;
        let path = slow(&Wish::new(&["a"]).after(2));
        let mut socket = Raw::upgrade(site.address, &path).await;
        for position in 3..=7 {
            assert_eq!(text(&mut socket).await, format!("{{\"slow\":{position}}}"));
        }
        let expected: Vec<_> = (3..=7).map(|position| (position, false)).collect();
        assert_eq!(*site.encoded.lock().unwrap(), expected, "{serving:?}");
        let mut stream = Raw::try_stream(site.address, &path).await.unwrap();
        assert_eq!(stream.block().await.as_deref(), Some(": welcome\n\n"));
        let block = stream.block().await.expect("a block");
        assert_eq!(block, "id: 3\nevent: happened\ndata: {\"slow\":3}\n\n");
        drop((socket, stream));
        site.stop().await;
    }
}

#[actix::test]
async fn a_client_of_a_slow_shape_that_missed_more_than_200_events_gets_a_resync() {
    let toy = Toy::new();
    for _ in 0..250 {
        toy.commit("a");
    }
    toy.commit("b");
    let site = site(&toy, Serving::Own).await;
    // 200 events are within the bound, and events of other channels do not count.
    let mut fits = Raw::upgrade(site.address, &slow(&Wish::new(&["a"]).after(50))).await;
    for position in 51..=250 {
        assert_eq!(text(&mut fits).await, format!("{{\"slow\":{position}}}"));
    }
    for after in [0, 49] {
        let path = slow(&Wish::new(&["a"]).after(after));
        let mut late = Raw::upgrade(site.address, &path).await;
        let end = site.feed().sent();
        // The log's pages are short, so the client may have got some events by then.
        let mut next = after + 1;
        loop {
            let told = text(&mut late).await;
            if told == format!("{{\"event\":\"resync\",\"id\":{end}}}") {
                break;
            }
            assert_eq!(told, format!("{{\"slow\":{next}}}"));
            next += 1;
            assert!(next <= after + 201, "no resync");
        }
        let event = toy.commit("a");
        let position = event.position();
        site.feed().committed([event]);
        for socket in [&mut late, &mut fits] {
            assert_eq!(text(socket).await, format!("{{\"slow\":{position}}}"));
        }
    }
    // Other shapes get the whole replay.
    let mut plain = Raw::upgrade(site.address, &Wish::new(&["a"]).after(0).path()).await;
    for position in 1..=250 {
        assert!(text(&mut plain).await.contains(&format!("\"id\":{position}}}")));
    }
    drop((fits, plain));
    site.stop().await;
}
