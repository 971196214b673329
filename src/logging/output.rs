//! Standard error, written by a dedicated thread. Owns the queue in front of it: logging never
//! waits for the reader of the log. Otherwise a reader that stops, such as a pager or a full pipe,
//! would stop every thread that logs a line, and with them the server.
//!
//! `tracing-appender` has a similar queue, but bounds it in lines, not in bytes, and cannot flush
//! it when a thread panics.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Maximum bytes waiting to be written. Lines beyond it are dropped and counted.
const QUEUE: usize = 1024 * 1024;

/// A queue of lines, and the thread that writes them. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Output(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Signals that a line was added.
    added: Condvar,
    /// Signals that everything is written.
    written: Condvar,
}

#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    /// Lines dropped since the last batch was taken.
    dropped: u64,
    /// Lines dropped in total.
    lost: u64,
    is_writing: bool,
}

impl Output {
    /// Starts the thread. It calls `lost` with the number of dropped lines once there is room
    /// again.
    pub(super) fn start(mut to: impl Write + Send + 'static, lost: fn(u64)) -> io::Result<Output> {
        let output = Output::default();
        let Output(shared) = output.clone();
        std::thread::Builder::new().name("log".to_owned()).spawn(move || {
            let mut batch = Vec::new();
            loop {
                let dropped = shared.take(&mut batch);
                // A failure to write the log cannot be reported anywhere.
                drop(to.write_all(&batch).and_then(|()| to.flush()));
                if dropped > 0 {
                    lost(dropped);
                }
            }
        })?;
        Ok(output)
    }

    /// Adds a line, or drops it if there is no room.
    pub(super) fn add(&self, line: &[u8]) {
        let mut queue = self.0.lock();
        if line.len() > QUEUE.saturating_sub(queue.bytes.len()) {
            queue.dropped += 1;
            queue.lost += 1;
            return;
        }
        queue.bytes.extend_from_slice(line);
        drop(queue);
        self.0.added.notify_one();
    }

    /// The number of lines dropped so far.
    pub(super) fn lost(&self) -> u64 {
        self.0.lock().lost
    }

    /// Waits until everything is written, or until `within` has passed.
    pub(super) fn flush(&self, within: Duration) {
        let queue = self.0.lock();
        let is_pending = |queue: &mut Queue| queue.is_writing || !queue.bytes.is_empty();
        drop(self.0.written.wait_timeout_while(queue, within, is_pending));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for lines and replaces those in `batch` with them. Returns the number of lines dropped
    /// after them.
    fn take(&self, batch: &mut Vec<u8>) -> u64 {
        batch.clear();
        batch.shrink_to(QUEUE / 16);
        let mut queue = self.lock();
        queue.is_writing = false;
        while queue.bytes.is_empty() {
            self.written.notify_all();
            queue = self.added.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.is_writing = true;
        std::mem::swap(&mut queue.bytes, batch);
        std::mem::take(&mut queue.dropped)
    }
}

impl Write for Output {
    /// Takes a whole line: `env_logger` writes each line in one call.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

    use super::*;

    /// Sends what is written, and continues only when told to.
    struct Reader {
        shown: Sender<Vec<u8>>,
        takes: Receiver<()>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.shown.send(bytes.to_vec()).map_err(io::Error::other)?;
            self.takes.recv().map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn start(lost: fn(u64)) -> (Output, Receiver<Vec<u8>>, SyncSender<()>) {
        let ((shown, seen), (take, takes)) = (channel(), sync_channel(10));
        (Output::start(Reader { shown, takes }, lost).unwrap(), seen, take)
    }

    #[test]
    fn logging_does_not_wait_for_a_stalled_reader() {
        let (output, seen, take) = start(|dropped| assert_eq!(dropped, 3));
        output.add(b"first\n");
        assert_eq!(seen.recv().unwrap(), b"first\n");
        let line = [b'x'; QUEUE / 4];
        (0..7).for_each(|_| output.add(&line));
        assert_eq!(output.lost(), 3);
        output.flush(Duration::from_millis(1));
        take.send(()).unwrap();
        assert_eq!(seen.recv().unwrap().len(), QUEUE);
        take.send(()).unwrap();
        output.flush(Duration::from_secs(60));
        output.add(b"last\n");
        assert_eq!(seen.recv().unwrap(), b"last\n");
    }

    #[test]
    fn logged_lines_are_written_when_flush_returns() {
        let (output, seen, take) = start(|_| {});
        let (first, second) = (output.clone(), output.clone());
        first.add(b"a\n");
        take.send(()).unwrap();
        second.add(b"b\n");
        take.send(()).unwrap();
        output.flush(Duration::from_secs(60));
        assert_eq!(seen.try_iter().flatten().collect::<Vec<_>>(), b"a\nb\n");
    }
}
