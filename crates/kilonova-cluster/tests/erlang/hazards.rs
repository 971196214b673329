//! Deaths, lost connections and restarts, on both sides.

use kilonova_pubsub::Payload;
use kilonova_test::free_port;
use kilonova_test::proxy::Proxy;

use super::{Here, options, within};
use kilonova_test::erlang::{Epmd, Node, is_installed};

/// The address of a peer through a proxy.
fn through(proxy: &Proxy, nova: &Node) -> String {
    format!("{}:{}", nova.name(), proxy.address().port())
}

#[actix::test]
async fn a_killed_process_leaves_at_once() {
    if !is_installed() {
        return;
    }
    let mut nova = Node::start("nova");
    let here = Here::start(&[nova.peer()]);
    nova.is("register(m, probe:start([posts, posts, comments])), ok", "ok");
    here.await_members("posts", 2).await;
    nova.is("exit(whereis(m), kill)", "true");
    here.await_members("posts", 0).await;
    here.await_members("comments", 0).await;
    nova.lives();
}

#[actix::test]
async fn a_killed_node_is_gone_and_comes_back_as_another_run() {
    if !is_installed() {
        return;
    }
    let port = free_port();
    let mut nova = Node::start_at("nova", "127.0.0.1", port, &[]);
    let here = Here::start(&[nova.peer()]);
    nova.is("register(m, probe:start([posts])), ok", "ok");
    here.await_members("posts", 1).await;
    nova.kill();
    here.await_members("posts", 0).await;
    let mut nova = Node::start_at("nova", "127.0.0.1", port, &[]);
    nova.is("register(m, probe:start([posts, comments])), probe:await(posts, 2)", "ok");
    here.await_members("comments", 1).await;
    here.pubsub.broadcast("posts", "t", Payload::null()).await.unwrap();
    nova.is("probe:heard(whereis(m), 1)", "[{posts,<<\"t\">>,null}]");
}

#[actix::test]
async fn a_node_that_the_port_mapper_knows_is_found_at_its_next_port_too() {
    if !is_installed() {
        return;
    }
    let epmd = Epmd::start();
    let mut nova = Node::start_known_by(&epmd, "nova");
    let here = Here::start_with(options(&[nova.name().to_owned()]).epmd(epmd.port()));
    here.meet(&mut nova).await;
    nova.kill();
    here.await_members("posts", 0).await;
    let mut nova = Node::start_known_by(&epmd, "nova");
    here.meet(&mut nova).await;
}

#[actix::test]
async fn netsplit() {
    if !is_installed() {
        return;
    }
    let mut nova = Node::start("nova");
    let proxy = Proxy::new(nova.address());
    let here = Here::start(&[through(&proxy, &nova)]);
    here.meet(&mut nova).await;
    for _ in 0..3 {
        proxy.cut();
        here.await_members("posts", 0).await;
        nova.is("probe:await(posts, 1)", "ok");
        proxy.heal();
        here.await_members("posts", 1).await;
        nova.is("probe:await(posts, 2)", "ok");
    }
    let mut posts = here.pubsub.subscribe(["posts"]).await.unwrap();
    nova.is("nova_pubsub:broadcast(posts, \"t\", 1)", "ok");
    assert_eq!(within(posts.next()).await.unwrap().topic(), "t");
    nova.lives();
}

#[actix::test]
async fn a_frozen_link_ends_after_the_silence_on_both_sides() {
    if !is_installed() {
        return;
    }
    let ticks = ["-kernel", "net_ticktime", "4"];
    let mut nova = Node::start_at("nova", "127.0.0.1", free_port(), &ticks);
    let proxy = Proxy::new(nova.address());
    let here = Here::start(&[through(&proxy, &nova)]);
    here.meet(&mut nova).await;
    let connections = proxy.connections();
    proxy.freeze();
    here.await_members("posts", 0).await;
    nova.is("probe:await(posts, 1)", "ok");
    proxy.heal();
    here.await_members("posts", 1).await;
    nova.is("probe:await(posts, 2)", "ok");
    assert!(proxy.connections() > connections);
    nova.lives();
}

#[actix::test]
async fn a_quiet_link_outlives_a_short_net_ticktime() {
    if !is_installed() {
        return;
    }
    let ticks = ["-kernel", "net_ticktime", "4"];
    let mut nova = Node::start_at("nova", "127.0.0.1", free_port(), &ticks);
    let proxy = Proxy::new(nova.address());
    let here = Here::start(&[through(&proxy, &nova)]);
    here.meet(&mut nova).await;
    // Only ticks are sent, for longer than either side's timeout.
    nova.is("timer:sleep(7000)", "ok");
    assert_eq!(proxy.connections(), 1);
    here.await_members("posts", 1).await;
}

#[actix::test]
async fn a_scope_that_restarts_is_found_again() {
    if !is_installed() {
        return;
    }
    let mut nova = Node::start("nova");
    let here = Here::start(&[nova.peer()]);
    here.meet(&mut nova).await;
    nova.is("exit(whereis(nova_scope), kill)", "true");
    here.await_members("posts", 0).await;
    nova.is("element(1, nova_pubsub:start())", "ok");
    nova.is("probe:await(posts, 1)", "ok");
    nova.is("register(n, probe:start([posts])), ok", "ok");
    here.await_members("posts", 1).await;
}

#[actix::test]
async fn a_scope_that_starts_late_is_found() {
    if !is_installed() {
        return;
    }
    let mut nova = Node::start("nova");
    nova.is("exit(whereis(nova_scope), kill)", "true");
    let here = Here::start(&[nova.peer()]);
    nova.is(
        "length([ok || _ <- lists:seq(1, 200), nodes(hidden) =:= [] andalso \
             timer:sleep(10) =:= ok]), length(nodes(hidden))",
        "1",
    );
    nova.is("element(1, nova_pubsub:start())", "ok");
    nova.is("probe:await(posts, 1)", "ok");
    nova.is("register(m, probe:start([posts])), ok", "ok");
    here.await_members("posts", 1).await;
}

#[actix::test]
async fn leave_exit_race() {
    if !is_installed() {
        return;
    }
    let mut nova = Node::start("nova");
    let here = Here::start(&[nova.peer()]);
    nova.is("probe:await(posts, 1)", "ok");
    nova.is(
        "[begin P = spawn(fun() -> nova_pubsub:join(posts), nova_pubsub:leave(posts) end), \
         exit(P, kill) end || _ <- lists:seq(1, 500)], ok",
        "ok",
    );
    nova.is("register(m, probe:start([comments])), ok", "ok");
    here.await_members("comments", 1).await;
    here.await_members("posts", 0).await;
    nova.is("probe:await(posts, 1)", "ok");
    nova.lives();
}

#[actix::test]
async fn thundering_herd() {
    if !is_installed() {
        return;
    }
    let mut nova = Node::start("nova");
    let here = Here::start(&[nova.peer()]);
    nova.is("probe:await(posts, 1)", "ok");
    nova.is(
        "[spawn(fun() -> nova_pubsub:join(posts), timer:sleep(infinity) end) || \
             _ <- lists:seq(1, 3000)], probe:await(posts, 3001)",
        "ok",
    );
    within(async {
        while here.pubsub.get_members("posts").await.unwrap().len() != 3000 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    nova.is("[exit(P, kill) || P <- pg:get_local_members(nova_scope, posts)], ok", "ok");
    nova.is("probe:await(posts, 1)", "ok");
    within(async {
        while !here.pubsub.get_members("posts").await.unwrap().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    nova.lives();
}

#[actix::test]
async fn the_scope_survives_everything_that_this_side_sends() {
    if !is_installed() {
        return;
    }
    let mut nova = Node::start("nova");
    let proxy = Proxy::new(nova.address());
    let here = Here::start(&[through(&proxy, &nova)]);
    nova.is("probe:await(posts, 1)", "ok");
    let mut state = 7_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    };
    for round in 0..600 {
        let channel = ["posts", "comments"][random(2) as usize];
        here.erlang.share(channel, random(2) == 0);
        // Sometimes sends right away.
        if random(4) == 0 {
            tokio::task::yield_now().await;
        }
        match round % 100 {
            50 => {
                proxy.cut();
                tokio::task::yield_now().await;
                proxy.heal();
            }
            99 => {
                // The scope handles its messages, and sends requests to this side.
                nova.is("[sys:get_state(nova_scope) || _ <- [1]], ok", "ok");
                nova.is(
                    "[{nova_scope, N} ! {discover, whereis(nova_scope)} || \
                         N <- nodes(hidden)], ok",
                    "ok",
                );
                nova.is(
                    "[{nova_scope, N} ! {discover, whereis(nova_scope), 1} || \
                         N <- nodes(hidden)], ok",
                    "ok",
                );
            }
            _ => {}
        }
    }
    here.erlang.share("posts", true);
    here.erlang.share("comments", false);
    nova.is("probe:await(posts, 1)", "ok");
    nova.is("probe:await(comments, 0)", "ok");
    nova.lives();
}

#[actix::test]
async fn unknown_processes_are_no_processes() {
    if !is_installed() {
        return;
    }
    let mut nova = Node::start("nova");
    let here = Here::start(&[nova.peer()]);
    nova.is("probe:await(posts, 1)", "ok");
    nova.is("net_adm:ping(hd(nodes(hidden)))", "pong");
    nova.is(
        "R = monitor(process, {nobody, hd(nodes(hidden))}), \
         receive {'DOWN', R, _, _, Why} -> Why after 5000 -> timeout end",
        "noproc",
    );
    // This side's member is alive until the connection ends.
    nova.is(
        "[P] = pg:get_members(nova_scope, posts), S = monitor(process, P), \
         receive {'DOWN', S, _, _, Why} -> Why after 300 -> alive end",
        "alive",
    );
    nova.is("[P] = pg:get_members(nova_scope, posts), link(P), unlink(P)", "true");
    nova.is("{nova_scope, hd(nodes(hidden))} ! nonsense", "nonsense");
    drop(here);
    nova.lives();
}
