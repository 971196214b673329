//! Drives one connection: its socket is read and written only while its thread waits for an answer.
//! Owns how long that is and when the connection counts as lost.

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

/// A runtime of one thread, the caller's, and the task on it that reads and writes the socket.
pub(super) struct Driver {
    runtime: Option<Runtime>,
    socket: JoinHandle<()>,
    /// An answer was lost, so that a later one could be taken for it.
    lost: bool,
    /// A statement has failed, and nothing was begun or rolled back since.
    pub(super) failed: bool,
    /// How long an answer is waited for. The server itself ends what takes too long before that;
    /// this is for one that has stopped while its machine keeps the connection up.
    pub(super) patience: Duration,
}

impl Driver {
    /// Connects. The patience is that of connecting until it is set.
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

    /// Drives the connection until the answer is there.
    pub(super) fn wait<T>(
        &mut self,
        answer: impl Future<Output = QueryResult<T>>,
    ) -> QueryResult<T> {
        self.wait_at_most(self.patience, answer)
    }

    /// The same for an answer that cannot take as long.
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
            // A server that takes no writes any more is one that another has taken the place of.
            self.lost |= matches!(
                error,
                Error::DatabaseError(Kind::UnableToSendCommand | Kind::ReadOnlyTransaction, _)
            );
        }
        answer
    }

    /// Whether the socket is open, by all that has come in so far.
    pub(super) fn is_open(&mut self) -> bool {
        if let Some(runtime) = &self.runtime {
            runtime.block_on(async {
                // One turn of the loop to hear that it was closed, one to act on it.
                yield_now().await;
                yield_now().await;
            });
        }
        !self.lost && !self.socket.is_finished()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Dropped where another loop runs, this one would wait for its own threads, and panic.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Tells what is wrong with a statement from what is wrong with the server.
///
/// PostgreSQL tells the two apart by a code that does not come through diesel-async, and in words
/// of the server's language. What does come through is the place in the statement, which it names
/// when it cannot make sense of one, and the kinds of constraints. The rest is a server that is
/// going, coming, full, busy or forbids something: not available.
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

/// An error with what caused it, on one line; tokio-postgres alone says only what it was doing.
pub(super) fn explain(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => cause.to_string(),
        None => error.to_string(),
    }
}
