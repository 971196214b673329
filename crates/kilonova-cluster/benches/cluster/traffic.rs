//! Messages between two nodes, and from one to two.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kilonova_cluster::Adapter;
use tokio::runtime;

use super::node::Node;

const SAMPLES: usize = 20_000;

/// Sends one message at a time and waits for its echo. The latency is half of the round trip.
pub(crate) async fn latency() {
    for size in [100, 1_000, 64 * 1024] {
        let mut a = Node::start("a", &[]).await;
        let mut b = Node::start("b", &[a.address]).await;
        a.sees(1).await;
        b.sees(1).await;
        let message = Bytes::from(vec![7; size]);
        let echo = async {
            while let Some((from, message)) = b.incoming.messages.recv().await {
                b.adapter.send_to(&from, message);
            }
        };
        let ask = async {
            let mut times = Vec::with_capacity(SAMPLES);
            for _ in 0..SAMPLES {
                let start = Instant::now();
                a.adapter.send_to(&b.id, message.clone());
                a.incoming.messages.recv().await.unwrap();
                times.push(start.elapsed() / 2);
            }
            times
        };
        let mut times = tokio::select! {
            times = ask => times,
            () = echo => unreachable!("it ends with the adapter"),
        };
        times.sort_unstable();
        let percentile = |percent: usize| times[times.len() * percent / 100].as_micros();
        println!("latency of {size} bytes: p50 {} µs, p99 {} µs", percentile(50), percentile(99));
        a.adapter.close().await;
        b.adapter.close().await;
    }
}

/// Sends messages as fast as the readers handle them, with at most five hundred in transit.
pub(crate) async fn messages() {
    for (receivers, size) in [(1, 100), (1, 1_000), (2, 100), (2, 1_000)] {
        let mut sender = Node::start("sender", &[]).await;
        let taken: Vec<_> = (0..receivers).map(|_| Arc::new(AtomicUsize::new(0))).collect();
        for (index, taken) in taken.iter().enumerate() {
            let (taken, address) = (taken.clone(), sender.address);
            thread::spawn(move || {
                let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let mut node = Node::start(&format!("receiver-{index}"), &[address]).await;
                    while node.incoming.messages.recv().await.is_some() {
                        taken.fetch_add(1, Ordering::Relaxed);
                    }
                });
            });
        }
        sender.sees(receivers).await;
        let message = Bytes::from(vec![7; size]);
        let (start, mut sent) = (Instant::now(), 0);
        let behind = |sent: usize| {
            taken.iter().map(|taken| sent - taken.load(Ordering::Relaxed)).max().unwrap()
        };
        while start.elapsed() < Duration::from_secs(5) {
            while behind(sent) > 500 {
                thread::sleep(Duration::from_micros(50));
            }
            sender.adapter.send_to_all(message.clone());
            sent += 1;
        }
        while behind(sent) > 0 {
            thread::sleep(Duration::from_micros(50));
        }
        let each = start.elapsed() / u32::try_from(sent).unwrap();
        println!(
            "{size} bytes to {receivers}: {} messages/s, none lost",
            (1.0 / each.as_secs_f64()) as u64
        );
        sender.adapter.close().await;
    }
}
