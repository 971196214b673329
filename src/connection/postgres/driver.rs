//! Drives one connection: its socket is read and written only while its thread waits for an answer.
//! Owns the timeout and the decision that the connection is lost.

use std::future::Future;
use std::time::Duration;

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind as Kind, Error};
use diesel_async::AsyncPgConnection;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;

use super::url::Postgres;

const SILENT: &str = "the server does not answer";

/// A runtime on the calling thread, and the task on it that reads and writes the socket.
pub(super) struct Driver {
    runtime: Option<Runtime>,
    socket: JoinHandle<()>,
    /// An answer was lost. A later one could be mistaken for it, so the connection is unusable.
    lost: bool,
    /// A statement has failed, and no transaction was begun or rolled back since.
    pub(super) failed: bool,
    /// The timeout for answers. The server itself cancels slow statements before that; this is for
    /// a server that has stopped while its machine keeps the connection up.
    pub(super) patience: Duration,
}

impl Driver {
    /// Connects. Until `patience` is set, the timeout for connecting applies.
    pub(super) fn connect(server: &Postgres) -> ConnectionResult<(AsyncPgConnection, Driver)> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| ConnectionError::BadConnection(error.to_string()))?;
        let opened = runtime.block_on(async {
            let (client, socket) = server.connect().await?;
            let socket = tokio::spawn(async move {
                if let Err(error) = socket.await {
                    log::debug!("a connection to PostgreSQL ended: {}", explain(&error));
                }
            });
            let client = timeout(server.connecting(), AsyncPgConnection::try_from(client)).await;
            let client = client.map_err(|_| ConnectionError::BadConnection(SILENT.to_owned()))?;
            client.map(|client| (client, socket))
        });
        let (client, socket) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let patience = server.connecting();
        Ok((
            client,
            Driver { runtime: Some(runtime), socket, lost: false, failed: false, patience },
        ))
    }

    /// Drives the connection until the answer arrives or the timeout expires.
    pub(super) fn wait<T>(
        &mut self,
        answer: impl Future<Output = QueryResult<T>>,
    ) -> QueryResult<T> {
        self.wait_at_most(self.patience, answer)
    }

    /// Like [`Driver::wait`], with another timeout.
    pub(super) fn wait_at_most<T>(
        &mut self,
        patience: Duration,
        answer: impl Future<Output = QueryResult<T>>,
    ) -> QueryResult<T> {
        let Some(runtime) = self.runtime.as_ref().filter(|_| !self.lost) else {
            return Err(lost("the connection was lost"));
        };
        let answer = runtime
            .block_on(async { timeout(patience, answer).await })
            .unwrap_or_else(|_| Err(lost(SILENT)))
            .map_err(told_apart);
        if let Err(error) = &answer {
            self.failed = true;
            // A server that has become read-only was demoted: another one is the primary now.
            self.lost |= matches!(
                error,
                Error::DatabaseError(Kind::UnableToSendCommand | Kind::ReadOnlyTransaction, _)
            );
        }
        answer
    }

    /// Whether the socket is open, judging by the data received so far.
    pub(super) fn is_open(&mut self) -> bool {
        if let Some(runtime) = &self.runtime {
            runtime.block_on(async {
                // The first pass of the loop notices that it was closed, the second acts on it.
                yield_now().await;
                yield_now().await;
            });
        }
        !self.lost && !self.socket.is_finished()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // A runtime that is dropped inside another one blocks on its threads, which panics.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Separates errors of a statement from errors of the server.
///
/// PostgreSQL's error code would tell, but diesel-async does not pass it on, and the message is in
/// the server's language. diesel-async does pass on the position in the statement, which an invalid
/// statement has, and the kind of a violated constraint. Any other error means a server that is
/// starting, stopping, full, busy or refuses access: it is not available.
fn told_apart(error: Error) -> Error {
    match error {
        Error::DatabaseError(Kind::Unknown, told) if told.statement_position().is_none() => {
            Error::DatabaseError(Kind::ClosedConnection, told)
        }
        other => other,
    }
}

fn lost(message: &str) -> Error {
    Error::DatabaseError(Kind::UnableToSendCommand, Box::new(message.to_owned()))
}

/// The cause of an error, on one line. The error's own message says only what tokio-postgres was
/// doing.
pub(super) fn explain(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => cause.to_string(),
        None => error.to_string(),
    }
}
