//! Limits: each refuses as it is documented, harms nobody else and leaves nothing behind.

mod bodies;
mod connections;
mod descriptors;
mod embedding;
mod logs;
mod memory;
mod sockets;
mod turns;
mod writes;
mod zero;

use std::net::{IpAddr, UdpSocket};

/// Open access answers for no other host.
const HOST: (&str, &str) = ("Host", "localhost");

/// An address of this machine that is not a loopback one. Asking for the way to somewhere sends
/// nothing there.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("198.51.100.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_loopback())
}
