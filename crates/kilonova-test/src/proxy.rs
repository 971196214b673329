//! A TCP proxy for one test: a link between two nodes that can be cut, frozen and healed. It needs
//! only threads, so it works with adapters in one process and with separate processes.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

/// A proxy in front of one target. Dropping it cuts the link permanently.
pub struct Proxy {
    address: SocketAddr,
    link: Arc<Link>,
}

struct Link {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    mode: Mode,
    /// The number of connections so far.
    count: usize,
    /// Both sides of each open connection.
    open: Vec<[TcpStream; 2]>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Mode {
    #[default]
    Whole,
    Frozen,
    Cut,
    Ended,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1 and connects each client to `target`.
    pub fn new(target: SocketAddr) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let link = Arc::new(Link { state: Mutex::default(), changed: Condvar::new() });
        let theirs = link.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if !theirs.accept(client, target) {
                    break;
                }
            }
        });
        Proxy { address, link }
    }

    /// The address that clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number of connections so far, including refused ones.
    pub fn connections(&self) -> usize {
        self.link.state().count
    }

    /// Closes all current connections, and every later one.
    pub fn cut(&self) {
        self.link.set(Mode::Cut);
    }

    /// Stops all data in both directions, but closes nothing: as if the cable were unplugged or the
    /// other side stopped.
    pub fn freeze(&self) {
        self.link.set(Mode::Frozen);
    }

    /// Lets data through again. Frozen connections continue with the data that they held.
    pub fn heal(&self) {
        self.link.set(Mode::Whole);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.link.set(Mode::Ended);
        // Wakes the listener.
        drop(TcpStream::connect(self.address));
    }
}

impl Link {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn set(&self, mode: Mode) {
        let mut state = self.state();
        state.mode = mode;
        if matches!(mode, Mode::Cut | Mode::Ended) {
            for stream in state.open.drain(..).flatten() {
                // The stream may already be closed.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        self.changed.notify_all();
    }

    /// Returns false when the proxy has ended.
    fn accept(self: &Arc<Link>, client: TcpStream, target: SocketAddr) -> bool {
        let mut state = self.state();
        state.count += 1;
        match state.mode {
            Mode::Ended => return false,
            Mode::Cut => return true,
            Mode::Whole | Mode::Frozen => {}
        }
        // If nothing listens, the client's connection closes, as it would without a proxy.
        let Ok(server) = TcpStream::connect(target) else { return true };
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
        }
        let copies = || [client.try_clone().unwrap(), server.try_clone().unwrap()];
        state.open.push(copies());
        let [from_client, to_server] = copies();
        for (from, to) in [(from_client, to_server), (server, client)] {
            let link = self.clone();
            thread::spawn(move || link.pump(from, to));
        }
        true
    }

    fn pump(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            self.wait_while_frozen();
            let read = from.read(&mut buffer).unwrap_or(0);
            self.wait_while_frozen();
            if read == 0 || to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }

    fn wait_while_frozen(&self) {
        drop(self.changed.wait_while(self.state(), |state| state.mode == Mode::Frozen).unwrap());
    }
}
