//! A TCP proxy of a test's own: a link between two nodes that can be cut, frozen and healed. It
//! needs nothing but threads, so that it serves adapters in one process and real processes alike.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

/// See the module. Dropped, it is cut for good.
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
    /// How many connections were made to it.
    count: usize,
    /// Both sides of what is connected.
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
    /// Listens on a free port of 127.0.0.1 and connects whoever comes to `target`.
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

    /// Where to connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were made to it so far, those that it refused among them.
    pub fn connections(&self) -> usize {
        self.link.state().count
    }

    /// Closes what is connected, and what will connect from now on.
    pub fn cut(&self) {
        self.link.set(Mode::Cut);
    }

    /// Lets nothing through any more, in either direction, but closes nothing: as if the cable were
    /// out or the other side stopped.
    pub fn freeze(&self) {
        self.link.set(Mode::Frozen);
    }

    /// Lets everything through again. What was frozen goes on with what it held.
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
                // It may be closed already.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        self.changed.notify_all();
    }

    /// `false` at the end.
    fn accept(self: &Arc<Link>, client: TcpStream, target: SocketAddr) -> bool {
        let mut state = self.state();
        state.count += 1;
        match state.mode {
            Mode::Ended => return false,
            Mode::Cut => return true,
            Mode::Whole | Mode::Frozen => {}
        }
        // Where nothing listens the client is closed, as it would be without a proxy.
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
