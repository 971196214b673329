//! Peers that are not Erlang nodes or send invalid data: resources stay bounded, and nothing
//! panics.

use kilonova_pubsub::Payload;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Here, options, within};
use kilonova_cluster::erlang::Cookie;
use kilonova_test::erlang::{Node, is_installed};

#[actix::test]
async fn a_node_with_a_different_cookie_is_not_connected() {
    if !is_installed() {
        return;
    }
    let mut nova = Node::start("nova");
    nova.is("erlang:set_cookie(node(), other)", "true");
    let here = Here::start(&[nova.peer()]);
    nova.is("timer:sleep(500), nodes(hidden)", "[]");
    nova.is(&format!("erlang:set_cookie(node(), '{}')", kilonova_test::erlang::COOKIE), "true");
    nova.is("probe:await(posts, 1)", "ok");
    drop(here);
}

/// A server that sends these bytes on each connection and then reads.
async fn says(bytes: Vec<u8>) -> (String, tokio::sync::mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (met, meeting) = tokio::sync::mpsc::channel(16);
    actix::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (bytes, met) = (bytes.clone(), met.clone());
            actix::spawn(async move {
                let _ = stream.write_all(&bytes).await;
                let _ = met.send(()).await;
                drain(stream).await;
            });
        }
    });
    (format!("evil{port}@127.0.0.1:{port}"), meeting)
}

async fn drain(mut stream: TcpStream) {
    let mut buffer = [0; 1024];
    while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
}

#[actix::test]
async fn half_a_handshake_does_not_disturb_others() {
    if !is_installed() {
        return;
    }
    let mut nova = Node::start("nova");
    let mut peers = vec![nova.peer()];
    let mut met = Vec::new();
    for bytes in [
        &b""[..],
        b"\0\x03sok",
        b"\xff\xff",
        b"\0\x03sok\0\x13N\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\0\0",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ] {
        let (peer, meeting) = says(bytes.to_vec()).await;
        peers.push(peer);
        met.push(meeting);
    }
    let here = Here::start(&peers);
    for meeting in &mut met {
        within(meeting.recv()).await.unwrap();
    }
    here.meet(&mut nova).await;
    here.pubsub.broadcast("posts", "t", Payload::null()).await.unwrap();
    nova.is("length(probe:heard(whereis(m), 1))", "1");
}

#[actix::test]
async fn oversized_terms_do_not_disturb_others() {
    if !is_installed() {
        return;
    }
    let mut nova = Node::start("nova");
    let here = Here::start(&[nova.peer()]);
    let mut posts = here.pubsub.subscribe(["posts"]).await.unwrap();
    nova.is("probe:await(posts, 1)", "ok");
    for payload in [
        // Deep, large, many atoms, and a list of a million elements.
        "lists:foldl(fun(_, T) -> [T] end, [], lists:seq(1, 1000))",
        "binary:copy(<<\"x\">>, 2 * 1024 * 1024)",
        "binary:copy(<<\"x\">>, 20 * 1024 * 1024)",
        "[list_to_atom(\"a\" ++ integer_to_list(N)) || N <- lists:seq(1, 300000)]",
        "lists:seq(1000, 1200000)",
        "1 bsl 4000",
        "fun lists:map/2",
        "#{a => 1, <<\"a\">> => 2}",
    ] {
        nova.is(&format!("nova_pubsub:broadcast(posts, \"t\", {payload})"), "ok");
    }
    // To a scope that does not exist on this side.
    nova.is("[{other_scope, N} ! {discover, self()} || N <- nodes(hidden)], ok", "ok");
    nova.is("nova_pubsub:broadcast(posts, \"end\", 1)", "ok");
    assert_eq!(within(posts.next()).await.unwrap().topic(), "end");
    nova.lives();
}

#[actix::test]
async fn a_pid_of_an_earlier_life_hears_nothing() {
    if !is_installed() {
        return;
    }
    let mut nova = Node::start("nova");
    let proxy = kilonova_test::proxy::Proxy::new(nova.address());
    let here = Here::start(&[format!("{}:{}", nova.name(), proxy.address().port())]);
    let mut posts = here.pubsub.subscribe(["posts"]).await.unwrap();
    nova.is("probe:await(posts, 1)", "ok");
    nova.is("persistent_term:put(old, pg:get_members(nova_scope, posts))", "ok");
    proxy.cut();
    nova.is("probe:await(posts, 0)", "ok");
    proxy.heal();
    nova.is("probe:await(posts, 1)", "ok");
    nova.is(
        "[P] = persistent_term:get(old), P ! {nova_pubsub, posts, self(), \"old\", 1}, \
             nova_pubsub:broadcast(posts, \"new\", 1)",
        "ok",
    );
    assert_eq!(within(posts.next()).await.unwrap().topic(), "new");
    drop(here);
}

#[actix::test]
async fn a_public_address_is_not_connected_in_cleartext() {
    let peers = ["nova@192.0.2.1:4370".to_owned()];
    let here = Here::start_with(options(&peers));
    assert!(here.pubsub.nodes().await.unwrap().len() == 1);
    assert!(!format!("{:?}", Cookie::new("secret")).contains("secret"));
}
