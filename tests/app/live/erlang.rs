//! A site with real Erlang nodes. The tests are skipped if Erlang is not installed.

use kilonova::cluster::erlang::{Cookie, Options};
use kilonova::pubsub::{Change, Member};
use kilonova_test::erlang::{COOKIE, Node, is_installed};
use serde_json::json;

use crate::support::{Site, within};

async fn site_beside(nodes: &[&Node]) -> Site {
    let peers: Vec<_> = nodes.iter().map(|node| node.peer().parse().unwrap()).collect();
    Site::start_with(move |config| {
        let channels = ["posts", "comments", "notes"];
        config.erlang = Some(Options::new("site", peers, channels, Cookie::new(COOKIE)));
    })
    .await
}

#[actix_web::test]
async fn members_on_two_erlang_nodes_receive_writes() {
    if !is_installed() {
        return;
    }
    let (mut one, mut other) = (Node::start("one"), Node::start("other"));
    let site = site_beside(&[&one, &other]).await;
    for nova in [&mut one, &mut other] {
        nova.is("register(m, probe:start([posts, comments, notes])), probe:await(posts, 2)", "ok");
    }
    let mut monitor = site.pubsub().monitor("notes").await.unwrap();
    let is_there = |member: &&Member| member.node().contains('@');
    let mut there = monitor.members().iter().filter(is_there).count();
    while there < 2 {
        let change = within("both nodes are known", monitor.next()).await.unwrap();
        there += usize::from(matches!(&change, Change::Joined(member) if is_there(&member)));
    }
    let post = site.new_post("Crosses").await;
    let draft = json!({"title": "Hidden", "body": "b", "status": "draft"});
    assert_eq!(site.post("/api/posts", &draft).await.status, 201);
    let note = site.new_note("Too").await;
    site.new_comment(post["id"].as_i64().unwrap(), "Nice").await;
    assert_eq!(site.delete(&format!("/api/posts/{}", post["id"])).await.status, 204);
    for nova in [&mut one, &mut other] {
        nova.is(
            "[{C, T} || {C, T, _} <- probe:heard(whereis(m), 4)]",
            "[{posts,<<\"post_created\">>},{notes,<<\"note_created\">>},\
             {comments,<<\"comment_created\">>},{posts,<<\"post_deleted\">>}]",
        );
        nova.is(
            "[begin #{<<\"id\">> := Id, <<\"title\">> := T} = P, {Id, T} end || \
             {notes, _, P} <- probe:heard(whereis(m), 4)]",
            &format!("[{{{},<<\"Too\">>}}]", note["id"]),
        );
        nova.lives();
    }
    site.stop().await;
}

#[actix_web::test]
async fn an_erlang_broadcast_reaches_only_sockets() {
    if !is_installed() {
        return;
    }
    let mut nova = Node::start("nova");
    let site = site_beside(&[&nova]).await;
    let mut all = site.socket("/feed").await;
    let mut notes = site.socket("/notifications").await;
    let mut page = site.socket("/feed?frame=html").await;
    nova.is("probe:await(notes, 1)", "ok");
    nova.is("nova_pubsub:broadcast(posts, \"position\", #{id => 1})", "ok");
    nova.is("nova_pubsub:broadcast(posts, \"resync\", #{id => 1})", "ok");
    nova.is("nova_pubsub:broadcast(system, \"deploy\", #{})", "ok");
    nova.is(
        "nova_pubsub:broadcast(posts, \"post_created\", #{id => 99, title => <<\"T\">>})",
        "ok",
    );
    nova.is("nova_pubsub:broadcast(notes, <<\"note_created\">>, #{<<\"id\">> => 5})", "ok");
    let data = json!({"id": 99, "title": "T"});
    let frame =
        json!({"channel": "posts", "event": "post_created", "data": data, "origin": "erlang"});
    assert_eq!(all.next_json().await, frame);
    let frame = json!({"event": "note_created", "data": {"id": 5}, "origin": "erlang"});
    assert_eq!(notes.next_json().await, frame);
    // The next frame is the site's own event, at the first position of the log.
    let post = site.new_post("Sentinel").await;
    let told = page.next_json().await;
    assert_eq!((&told["id"], &told["data"]["id"]), (&json!(1), &post["id"]));
    assert_eq!(site.get("/api/search?q=T").await.json(200)["total"], 0);
    site.stop().await;
}
