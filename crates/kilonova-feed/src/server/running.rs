//! A running server. Owns its shutdown; leaves the sockets to their feed.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_server::ServerHandle;
use socket2::SockRef;

use crate::Sockets;
use crate::transport::{ConnectionStats, Connections};

/// A running server: a future that ends when the server does. Only [`Running::until_stopped`]
/// handles signals.
pub struct Running {
    server: actix_server::Server,
    door: TcpListener,
    address: SocketAddr,
    grace: Duration,
    connections: Connections,
}

impl Running {
    pub(super) fn new(
        server: actix_server::Server,
        door: TcpListener,
        address: SocketAddr,
        grace: Duration,
        connections: Connections,
    ) -> Running {
        Running { server, door, address, grace, connections }
    }

    /// The address of the listener, with the assigned port if port 0 was requested.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the handle that pauses and stops the server.
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Returns a handle that counts the server's connections, for metrics.
    pub fn connections(&self) -> ConnectionCount {
        ConnectionCount(self.connections.clone())
    }

    /// Returns the door that refuses new connections after the server was paused, so that clients
    /// connect to another node at once instead of waiting. Fails if the listener cannot be cloned.
    pub fn door(&self) -> io::Result<Door> {
        Ok(Door(self.door.try_clone()?))
    }

    /// Serves until SIGTERM or SIGINT. Then it refuses new connections, closes the sockets with
    /// 1001 in batches over a quarter of the timeout of `Server::grace`, finishes the running
    /// requests, and returns within that timeout.
    pub async fn until_stopped(self, sockets: &Sockets) -> io::Result<()> {
        let signal = signal()?;
        let (handle, door, grace) = (self.handle(), self.door()?, self.grace);
        let mut serving = actix_web::rt::spawn(self);
        tokio::select! {
            () = signal => {}
            ended = &mut serving => return ended.map_err(io::Error::other)?,
        }
        // A worker waits for its requests, but not for the sockets that left HTTP.
        if tokio::time::timeout(grace / 2, handle.pause()).await.is_err() {
            log::warn!("the server did not stop accepting connections in time");
        }
        door.shut();
        sockets.close_over(grace / 4).await;
        if tokio::time::timeout(grace / 4, sockets.all_closed()).await.is_err() {
            log::warn!("{} sockets did not close in time; cutting them", sockets.open());
        }
        if tokio::time::timeout(grace / 2, handle.stop(true)).await.is_err() {
            log::warn!("requests were still running after {grace:?}; cutting them");
            serving.abort();
        }
        Ok(())
    }
}

/// Waits for SIGTERM or SIGINT; this process handles both from now on.
#[cfg(unix)]
fn signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
fn signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            log::warn!("Ctrl-C is not handled: {error}");
            std::future::pending().await
        }
    })
}

impl Future for Running {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.server).poll(cx)
    }
}

/// Counts a server's connections; cheap to clone.
#[derive(Clone)]
pub struct ConnectionCount(Connections);

impl ConnectionCount {
    /// Returns the current counts. Does not block threads that serve sockets.
    pub fn stats(&self) -> ConnectionStats {
        self.0.stats()
    }
}

/// The listener of a server. A paused server leaves new connections waiting; a shut door refuses
/// them.
pub struct Door(TcpListener);

impl Door {
    /// Refuses every connection from now on.
    pub fn shut(&self) {
        if let Err(error) = SockRef::from(&self.0).shutdown(Shutdown::Both) {
            log::debug!("new connections wait instead of being refused: {error}");
        }
    }
}
