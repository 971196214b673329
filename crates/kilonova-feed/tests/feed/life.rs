//! The beginning and the end of a feed.

use kilonova_feed::{Error, StartAt};

use crate::support::{ALL, Site, Toy, Transport, Viewer, Wish, builder, feed, soon};

#[actix::test]
async fn a_feed_that_stops_ends_its_readers_and_opens_no_new_ones() {
    let toy = Toy::new();
    let site = Site::start(&toy).await;
    let mut readers = Vec::new();
    for transport in ALL {
        readers.push((transport, site.open(transport, &Wish::new(&["a"]).after(0)).await));
    }
    let feed = site.feed();
    feed.committed([toy.commit("a")]);
    for (_, reader) in &mut readers {
        assert_eq!(reader.ids(1).await, [1]);
    }
    let stopping = actix::spawn({
        let feed = feed.clone();
        async move { feed.stop().await }
    });
    for (transport, reader) in &mut readers {
        let code = (*transport == Transport::WebSocket).then_some(1001);
        assert_eq!(reader.end().await, code, "{transport:?}");
    }
    drop(readers);
    soon(stopping).await.unwrap();
    assert_eq!(feed.sockets().open(), 0);
    for transport in ALL {
        assert_eq!(site.try_open(transport, &Wish::new(&["a"])).await.err(), Some(503));
    }
    let refused = feed.subscribe(["a"], StartAt::Now, Viewer::Staff).await;
    assert!(matches!(refused.err(), Some(Error::Stopping)));
    assert_eq!(soon(feed.reachable_changed(true)).await, None);
    // A stopped feed accepts announcements and another stop.
    feed.committed([toy.commit("a")]);
    soon(feed.stop()).await;
    drop(feed);
    site.stop().await;
}

#[actix::test]
async fn a_feed_without_owners_ends_its_relay() {
    let toy = Toy::new();
    let (held, mut gone) = toy.held();
    let feed = builder(&held).start().await.unwrap();
    drop(held);
    let reader = feed.subscribe(["a"], StartAt::Now, Viewer::Staff).await.unwrap();
    let clone = feed.clone();
    drop(feed);
    // The relay is running.
    toy.is_read(1).await;
    drop((clone, reader));
    assert_eq!(soon(gone.recv()).await, None);
}

#[actix::test]
async fn a_subscription_keeps_its_feed() {
    let toy = Toy::new();
    let feed = feed(&toy).await;
    let mut reader = feed.subscribe(["a"], StartAt::after(0), Viewer::Staff).await.unwrap();
    drop(feed);
    toy.commit("a");
    loop {
        match soon(reader.next()).await {
            Some(kilonova_feed::Update::Event(event)) => break assert_eq!(event.position(), 1),
            Some(kilonova_feed::Update::Position(0)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[actix::test]
async fn a_subscription_is_read_on_any_tokio_runtime() {
    let toy = Toy::new();
    let feed = feed(&toy).await;
    let (theirs, log) = (feed.clone(), toy.clone());
    let (done, read) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let positions = runtime.unwrap().block_on(async {
            let mut reader =
                theirs.subscribe(["a"], StartAt::after(0), Viewer::Staff).await.unwrap();
            theirs.committed([log.commit("a"), log.commit("b"), log.commit("a")]);
            let mut positions = Vec::new();
            while positions.len() < 2 {
                if let Some(kilonova_feed::Update::Event(event)) = soon(reader.next()).await {
                    positions.push(event.position());
                }
            }
            positions
        });
        done.send(positions)
    });
    assert_eq!(soon(read).await.unwrap(), [1, 3]);
    soon(feed.stop()).await;
}
