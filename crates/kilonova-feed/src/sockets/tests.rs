//! Tests of admission and counts.

use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// A timeout that is longer than any step takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// At most `max` sockets and two per address. The rate starts in the future, so its time stands
/// still.
fn sockets(max: usize, handshakes: u32) -> Sockets {
    let handshakes = Rate::new(handshakes, Instant::now() + Duration::from_secs(3600));
    Sockets::limited(max, Addresses::new(2), handshakes, Threads::default())
}

/// The status of a peer's refusal.
fn refused(sockets: &Sockets, peer: &str) -> u16 {
    match enter(sockets, peer) {
        Ok(_) => panic!("{peer} is admitted"),
        Err(error) => {
            let wait = error.retry_after().unwrap_or_else(|| panic!("{error:?}"));
            assert!(RETRY.contains(&wait));
            actix_web::ResponseError::status_code(&error).as_u16()
        }
    }
}

fn enter(sockets: &Sockets, peer: &str) -> Result<Place, Error> {
    sockets.enter(Some(SocketAddr::new(peer.parse().expect("an address"), 1)))
}

#[test]
fn each_address_has_its_own_limit() {
    let sockets = sockets(100, 0);
    let places = [enter(&sockets, "192.0.2.1").unwrap(), enter(&sockets, "192.0.2.1").unwrap()];
    // The same address as an IPv6 listener sees it.
    assert_eq!(refused(&sockets, "192.0.2.1"), 429);
    assert_eq!(refused(&sockets, "::ffff:192.0.2.1"), 429);
    let other = enter(&sockets, "192.0.2.2").unwrap();
    assert_eq!((sockets.open(), sockets.addresses()), (3, 2));
    drop(places);
    let again = enter(&sockets, "::ffff:192.0.2.1").unwrap();
    assert_eq!((sockets.open(), sockets.addresses()), (2, 2));
    drop((other, again));
    assert_eq!((sockets.open(), sockets.addresses()), (0, 0));
}

#[test]
fn an_ipv6_network_has_one_limit() {
    let sockets = sockets(100, 0);
    let _places = [
        enter(&sockets, "2001:db8:1:2::1").unwrap(),
        enter(&sockets, "2001:db8:1:2:ffff:ffff:ffff:ffff").unwrap(),
    ];
    assert_eq!(refused(&sockets, "2001:db8:1:2::3"), 429);
    assert_eq!(sockets.addresses(), 1);
    let _next = enter(&sockets, "2001:db8:1:3::1").unwrap();
    assert_eq!(sockets.addresses(), 2);
}

#[test]
fn loopback_has_no_limit_per_address() {
    let sockets = sockets(5, 0);
    let peers = ["127.0.0.1", "127.0.0.1", "127.0.0.1", "::1", "::ffff:127.8.9.1"];
    let places = peers.map(|peer| enter(&sockets, peer).unwrap());
    assert_eq!((sockets.open(), sockets.addresses()), (5, 0));
    assert_eq!(refused(&sockets, "::1"), 503);
    drop(places);
    assert_eq!((sockets.open(), sockets.addresses()), (0, 0));
}

#[test]
fn a_refusal_leaves_nothing_behind() {
    let sockets = sockets(2, 0);
    let places = [enter(&sockets, "192.0.2.1").unwrap(), enter(&sockets, "192.0.2.2").unwrap()];
    for n in 3..100 {
        assert_eq!(refused(&sockets, &format!("192.0.2.{n}")), 503);
    }
    assert_eq!((sockets.open(), sockets.addresses()), (2, 2));
    drop(places);
    assert_eq!((sockets.open(), sockets.addresses()), (0, 0));

    // Ten at once; the next one only a tenth of a second later.
    let slow = self::sockets(100, 10);
    let mut places = Vec::new();
    for n in 0..10 {
        places.push(enter(&slow, &format!("192.0.2.{n}")).unwrap());
    }
    assert_eq!(refused(&slow, "192.0.2.99"), 503);
    assert_eq!((slow.open(), slow.addresses()), (10, 10));
    drop(places);
    assert_eq!((slow.open(), slow.addresses()), (0, 0));
}

#[test]
fn a_refused_address_uses_up_no_rate_of_others() {
    let sockets = sockets(100, 10);
    let _places = [enter(&sockets, "192.0.2.1").unwrap(), enter(&sockets, "192.0.2.1").unwrap()];
    for _ in 0..1000 {
        assert_eq!(refused(&sockets, "192.0.2.1"), 429);
    }
    for n in 2..10 {
        enter(&sockets, &format!("192.0.2.{n}")).unwrap();
    }
}

#[test]
fn refused_clients_get_different_retry_times() {
    let sockets = sockets(0, 0);
    let mut waits = [0; 11];
    for _ in 0..1000 {
        match enter(&sockets, "192.0.2.1") {
            Err(Error::TooMany { retry_after }) => waits[retry_after as usize] += 1,
            _ => panic!("not refused"),
        }
    }
    assert!(waits.iter().all(|&count| count < 300), "{waits:?}");
}

#[test]
fn a_limit_of_zero_admits_everyone() {
    let limits = Limits { sockets: 0, sockets_per_address: 0, handshakes: 0, ..Limits::default() };
    let sockets = Sockets::new(&limits.unless_zero(), Threads::default());
    let open: Vec<Place> =
        (0..1000).map(|_| enter(&sockets, "192.0.2.1").expect("it is admitted")).collect();
    assert_eq!(sockets.open(), open.len());
}

proptest! {
    #[test]
    fn the_count_is_right_whoever_comes_and_goes(
        steps in prop::collection::vec((0_u8..4, any::<bool>()), 0..200),
    ) {
        let sockets = sockets(5, 0);
        let mut open: Vec<(u8, Place)> = Vec::new();
        for (peer, enters) in steps {
            if enters {
                let of_peer = open.iter().filter(|(other, _)| *other == peer).count();
                let place = enter(&sockets, &format!("192.0.2.{peer}"));
                prop_assert_eq!(place.is_ok(), of_peer < 2 && open.len() < 5);
                open.extend(place.ok().map(|place| (peer, place)));
            } else if let Some(at) = open.iter().position(|(other, _)| *other == peer) {
                open.remove(at);
            }
            let mut peers: Vec<u8> = open.iter().map(|(peer, _)| *peer).collect();
            peers.sort_unstable();
            peers.dedup();
            prop_assert_eq!((sockets.open(), sockets.addresses()), (open.len(), peers.len()));
        }
    }
}

/// Polls a future once.
fn is_pending(future: &mut Pin<Box<impl Future<Output = ()>>>) -> bool {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

#[test]
fn each_batch_closes_an_even_part_of_the_sockets() {
    const COUNT: usize = 1_000;
    let sockets = sockets(COUNT, 0);
    // Every second socket has left, as sockets do.
    let places: Vec<_> = (0..COUNT).map(|_| sockets.enter(None).unwrap()).collect();
    let places: Vec<_> = places.into_iter().step_by(2).collect();
    let even = places.len() / BATCHES;
    let mut closed = 0;
    for batch in 1..=BATCHES {
        sockets.call(called_in(batch, BATCHES));
        let called = places.iter().filter(|place| sockets.calls(place.lot())).count();
        assert!((even - 3..=even + 3).contains(&(called - closed)), "{batch}: {}", called - closed);
        closed = called;
    }
    assert_eq!(closed, places.len());
}

#[tokio::test]
async fn closes_are_spread_over_the_time_and_new_sockets_are_refused_at_once() {
    let time = Duration::from_millis(250);
    let sockets = sockets(1_000, 0);
    let places: Vec<_> = (0..1_000).map(|_| sockets.enter(None).unwrap()).collect();
    let begun = Instant::now();
    let mut closing = Box::pin(sockets.close_over(time));
    assert!(is_pending(&mut closing));
    let called = || places.iter().filter(|place| sockets.calls(place.lot())).count();
    assert!((1..100).contains(&called()), "{} are called at once", called());
    assert!(matches!(sockets.enter(None), Err(Error::Stopping)));
    closing.await;
    assert_eq!(called(), places.len());
    assert!(begun.elapsed() >= time * 9 / 10, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_close_ends_as_soon_as_no_socket_is_open() {
    let hour = Duration::from_secs(3600);
    let it = sockets(1_000, 0);
    tokio::time::timeout(PATIENCE, it.close_over(hour)).await.expect("none is open");
    let it = sockets(1_000, 0);
    let place = it.enter(None).unwrap();
    tokio::time::timeout(PATIENCE, it.close_over(hour)).await.expect("one is one batch");
    assert!(it.calls(place.lot()));
    let it = sockets(1_000, 0);
    let places: Vec<_> = (0..1_000).map(|_| it.enter(None).unwrap()).collect();
    let mut closing = Box::pin(it.close_over(hour));
    assert!(is_pending(&mut closing));
    drop(places);
    tokio::time::timeout(PATIENCE, closing).await.expect("all have left");
}
