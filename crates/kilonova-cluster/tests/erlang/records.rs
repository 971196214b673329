//! Records the bytes of an Erlang node of the installed version, for `src/erlang/transcripts.rs`:
//!
//!     cargo test -p kilonova-cluster --features erlang --test erlang -- --ignored transcript

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use kilonova_pubsub::Payload;
use kilonova_test::erlang::{COOKIE, Node, is_installed};

use super::{Here, within};

#[actix::test]
#[ignore = "writes a file of the sources"]
async fn a_transcript_of_this_version() {
    if !is_installed() {
        return;
    }
    let mut nova = Node::start("nova");
    let release = nova.eval("list_to_integer(erlang:system_info(otp_release))");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = nova.address();
    // Separate threads, because this one waits for Erlang.
    let recorded = thread::spawn(move || {
        let (ours, _) = listener.accept().unwrap();
        let theirs = TcpStream::connect(address).unwrap();
        drop(listener);
        let (from, to) = (ours.try_clone().unwrap(), theirs.try_clone().unwrap());
        let said = thread::spawn(move || pass(from, to));
        let heard = pass(theirs, ours);
        (said.join().unwrap(), heard)
    });

    let here = Here::start(&[format!("{}:{port}", nova.name())]);
    here.meet(&mut nova).await;
    let mut posts = here.pubsub.subscribe(["posts"]).await.unwrap();
    nova.is("register(n, probe:start([posts, posts, comments, system])), ok", "ok");
    here.await_members("comments", 1).await;
    nova.is(
        "nova_pubsub:broadcast(posts, \"said\", #{<<\"id\">> => 7, list => [1.5, null]})",
        "ok",
    );
    assert_eq!(within(posts.next()).await.unwrap().topic(), "said");
    here.pubsub.broadcast("posts", "answered", Payload::null()).await.unwrap();
    nova.is("length(probe:heard(whereis(m), 2))", "2");
    nova.is("pg:leave(nova_scope, posts, whereis(n))", "ok");
    // Including the subscription on this node.
    here.await_members("posts", 3).await;
    nova.is("exit(whereis(n), kill)", "true");
    here.await_members("comments", 0).await;
    nova.is("exit(whereis(m), kill)", "true");
    here.await_members("posts", 1).await;
    nova.kill();
    drop(here);
    let (said, heard) = recorded.join().unwrap();

    let text = transcript(&release, nova.name(), &said, &heard);
    let file = format!("src/erlang/transcripts/otp-{release}.txt");
    std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(file), text).unwrap();
}

/// Forwards data until either side ends. Returns all of it.
fn pass(mut from: TcpStream, mut to: TcpStream) -> Vec<u8> {
    let (mut all, mut part) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = from.read(&mut part) {
        all.extend(&part[..count]);
        if to.write_all(&part[..count]).is_err() {
            break;
        }
    }
    // Ends the other direction too.
    for stream in [from, to] {
        let _ = stream.shutdown(Shutdown::Both);
    }
    all
}

/// The content of the file: the two nodes, and each message without its length.
fn transcript(release: &str, peer: &str, said: &[u8], heard: &[u8]) -> String {
    let (hello, rest) = short(said);
    let name = std::str::from_utf8(&hello[15..]).unwrap();
    let (reply, _) = short(rest);
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
    let (creation, challenge) = (number(&hello[9..13]), number(&reply[1..5]));
    let mut text = format!(
        "release {release}\nname {name}\ncreation {creation}\nchallenge {challenge}\n\
         cookie {COOKIE}\npeer {peer}\n"
    );
    let mut rest = heard;
    for _ in 0..3 {
        let (message, after) = short(rest);
        line(&mut text, "handshake", message);
        rest = after;
    }
    while let Some((length, after)) = rest.split_first_chunk() {
        let (frame, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        if !frame.is_empty() {
            line(&mut text, "frame", frame);
        }
        rest = after;
    }
    text
}

fn short(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = bytes.split_first_chunk().unwrap();
    rest.split_at(u16::from_be_bytes(*length).into())
}

fn line(text: &mut String, kind: &str, bytes: &[u8]) {
    write!(text, "{kind} ").unwrap();
    bytes.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
    text.push('\n');
}
