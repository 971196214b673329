//! A consumer on plain tokio: run `cargo run --example tokio_consumer`.
//!
//! The groups run on a separate thread with an actix system. The rest of the program uses no
//! actors: it broadcasts and subscribes from tokio's threads.

use std::error::Error;
use std::thread;

use kilonova_pubsub::{Payload, PubSub};
use tokio::sync::oneshot;

const ORDERS: u32 = 5;

/// Starts the process groups on a thread. Dropping the returned sender stops them.
fn start_groups() -> Result<(PubSub, oneshot::Sender<()>), Box<dyn Error>> {
    let (started, starting) = std::sync::mpsc::channel();
    let (end, ended) = oneshot::channel::<()>();
    thread::spawn(move || {
        actix::System::new().block_on(async move {
            started.send(PubSub::try_start("orders")).ok();
            ended.await.ok();
        });
    });
    Ok((starting.recv()??, end))
}

fn main() -> Result<(), Box<dyn Error>> {
    let (pubsub, _end) = start_groups()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    runtime.block_on(async {
        let mut orders = pubsub.subscribe(["orders"]).await?;
        let consumer = tokio::spawn(async move {
            let mut sum = 0;
            while let Some(envelope) = orders.next().await {
                if let Some(missed) = envelope.lagged() {
                    eprintln!("{missed} orders were missed: read them from the database");
                    continue;
                }
                let Ok(order) = envelope.payload().decode::<u32>() else { continue };
                eprintln!("{} {order}", envelope.topic());
                sum += order;
                if order == ORDERS {
                    break;
                }
            }
            sum
        });
        for order in 1..=ORDERS {
            pubsub.broadcast("orders", "placed", Payload::encode(&order)?).await?;
        }
        eprintln!("the sum of all orders is {}", consumer.await?);
        Ok(())
    })
}
