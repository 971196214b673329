//! A log over a pool of Diesel connections. Owns the threads and transactions of reads; leaves the
//! queries to `read`.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use diesel::connection::{AnsiTransactionManager, Connection, TransactionManager};
use diesel::r2d2::{ConnectionManager, Pool, R2D2Connection};
use kilonova_pubsub::Channel;

use super::backend::Statements;
use super::{LogConnection, page, state};
use crate::{Event, Log, LogState, Page, Visibility};

/// The rule that decides which part of an event a viewer may see.
type Rule<V> = dyn Fn(&V, &Event) -> Visibility + Send + Sync;

/// A [`Log`] in the tables of [`migrate`](super::migrate), read through a pool of connections on
/// tokio's blocking threads. Cheap to clone.
///
/// Every event is public unless you set a rule with [`DieselLog::visible`].
pub struct DieselLog<C: R2D2Connection + 'static, V = ()> {
    pool: Pool<ConnectionManager<C>>,
    rule: Option<Arc<Rule<V>>>,
    viewer: PhantomData<fn(V)>,
}

/// The error of a failed read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// The pool did not return a connection.
    #[error("the pool returned no connection: {0}")]
    Pool(#[from] diesel::r2d2::PoolError),
    /// The query failed.
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    /// The read panicked, or the runtime is shutting down.
    #[error("the read panicked, or the runtime is shutting down")]
    Abandoned,
}

impl<C> DieselLog<C>
where
    C: LogConnection + R2D2Connection + Connection<TransactionManager = AnsiTransactionManager>,
{
    /// The log in the database that `pool` connects to.
    pub fn new(pool: Pool<ConnectionManager<C>>) -> DieselLog<C> {
        DieselLog { pool, rule: None, viewer: PhantomData }
    }
}

impl<C, V> DieselLog<C, V>
where
    C: LogConnection + R2D2Connection + Connection<TransactionManager = AnsiTransactionManager>,
{
    /// Sets the rule that decides which part of an event a viewer may see. It must not block.
    pub fn visible<W>(
        self,
        rule: impl Fn(&W, &Event) -> Visibility + Send + Sync + 'static,
    ) -> DieselLog<C, W> {
        DieselLog { pool: self.pool, rule: Some(Arc::new(rule)), viewer: PhantomData }
    }

    /// Runs a query in one snapshot on a blocking thread.
    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut C) -> diesel::QueryResult<T> + Send + 'static,
    ) -> Result<T, PoolError> {
        let pool = self.pool.clone();
        let read = move || {
            let mut connection = pool.get()?;
            let connection: &mut C = &mut connection;
            AnsiTransactionManager::begin_transaction_sql(connection, C::Backend::SNAPSHOT)?;
            let outcome = query(connection);
            match &outcome {
                Ok(_) => AnsiTransactionManager::commit_transaction(connection)?,
                Err(_) => AnsiTransactionManager::rollback_transaction(connection)?,
            }
            Ok(outcome?)
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| PoolError::Abandoned)?
    }
}

impl<C, V> Log for DieselLog<C, V>
where
    C: LogConnection + R2D2Connection + Connection<TransactionManager = AnsiTransactionManager>,
    V: Clone + Send + Sync + Unpin + 'static,
{
    type Viewer = V;
    type Error = PoolError;

    async fn state(&self) -> Result<LogState, PoolError> {
        self.read(state).await
    }

    async fn after(
        &self,
        position: i64,
        channels: Option<&[Channel]>,
        limit: usize,
    ) -> Result<Page, PoolError> {
        let channels = channels.map(<[Channel]>::to_vec);
        self.read(move |connection| page(connection, position, channels.as_deref(), limit)).await
    }

    fn visibility(&self, viewer: &V, event: &Event) -> Visibility {
        self.rule.as_ref().map_or(Visibility::Whole, |rule| rule(viewer, event))
    }
}

impl<C: R2D2Connection + 'static, V> Clone for DieselLog<C, V> {
    fn clone(&self) -> DieselLog<C, V> {
        DieselLog { pool: self.pool.clone(), rule: self.rule.clone(), viewer: PhantomData }
    }
}

impl<C: R2D2Connection + 'static, V> fmt::Debug for DieselLog<C, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DieselLog").finish_non_exhaustive()
    }
}
