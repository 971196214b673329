//! The statements that both databases accept.

/// Implements them for one database, given its migrations, the statement that begins a snapshot,
/// and the expression for a payload's size in bytes.
macro_rules! statements {
    ($migrations:ident, $snapshot:literal, $bytes:literal) => {
        const SNAPSHOT: &'static str = $snapshot;

        fn migrate(connection: &mut C) -> MigrationResult<()> {
            if Self::is_newer(connection)? {
                return Err("a newer version has migrated them; run that version".into());
            }
            connection.run_pending_migrations($migrations).map(drop)
        }

        fn is_newer(connection: &mut C) -> MigrationResult<bool> {
            let known = MigrationSource::<Self>::migrations(&$migrations)?;
            let applied = connection.applied_migrations()?;
            Ok(applied.iter().any(|version| {
                // The application's own migrations are in the same table, with dates as versions.
                version.to_string().starts_with("0000")
                    && !known.iter().any(|known| known.name().version() == *version)
            }))
        }

        fn is_stale(connection: &mut C) -> MigrationResult<bool> {
            connection.has_pending_migration($migrations)
        }

        fn state(connection: &mut C) -> QueryResult<State> {
            let oldest = sql::<Nullable<BigInt>>("(SELECT MIN(position) FROM kilonova_events)");
            log::table.select((log::id, log::position, oldest)).first(connection)
        }

        fn rows(
            connection: &mut C,
            after: i64,
            channels: Option<&[String]>,
            limit: usize,
            bytes: usize,
        ) -> QueryResult<(Vec<Row>, bool)> {
            let most = i64::try_from(limit).unwrap_or(i64::MAX);
            let all = || events::table.filter(events::position.gt(after)).order(events::position);
            let mut taken = Taken::of_at_most(bytes);
            let Some(channels) = channels else {
                let rows = all().limit(most).select(Row::as_select());
                for row in rows.load_iter::<Row, _>(connection)? {
                    if !taken.take(row?) {
                        break;
                    }
                }
                return Ok(taken.rows(limit));
            };
            // Reads the positions first, from the index of each channel. One query for several
            // channels would sort the payloads of the whole rest of the log.
            let mut positions = Vec::new();
            for channel in channels {
                let of_channel = all().filter(events::channel.eq(channel)).limit(most);
                positions.extend(of_channel.select(events::position).load::<i64>(connection)?);
            }
            positions.sort_unstable();
            positions.dedup();
            positions.truncate(limit);
            let (mut rest, mut count) = (&positions[..], 1);
            while !rest.is_empty() && !taken.is_full() {
                // A few at first, because each row may be large.
                let (some, others) = rest.split_at(rest.len().min(count));
                let rows = events::table.filter(events::position.eq_any(some.to_vec()));
                let mut rows = rows.select(Row::as_select()).load::<Row>(connection)?;
                rows.sort_unstable_by_key(|row| row.position);
                rows.into_iter().all(|row| taken.take(row));
                (rest, count) = (others, count * 2);
            }
            Ok(taken.rows(limit))
        }

        fn row(connection: &mut C, position: i64) -> QueryResult<Option<Row>> {
            events::table.find(position).select(Row::as_select()).first(connection).optional()
        }

        fn redact(connection: &mut C, subject: &Subject, before: i64) -> QueryResult<i64> {
            let earlier = events::position.lt(before);
            let own = events::kind.eq(subject.kind()).and(events::subject_id.eq(subject.id()));
            let own = own.and(earlier);
            let parts =
                events::parent_kind.eq(subject.kind()).and(events::parent_id.eq(subject.id()));
            let parts = parts.and(earlier);
            let sum = || sql::<BigInt>(concat!("COALESCE(SUM(", $bytes, "), 0)"));
            let reduced = || sql::<Text>("'{\"id\":' || subject_id || ',\"redacted\":true}'");
            // Two queries instead of `OR`, so that each condition uses its index.
            let bytes = |connection: &mut C| -> QueryResult<i64> {
                let own: i64 = events::table.filter(own).select(sum()).first(connection)?;
                let parts: i64 = events::table.filter(parts).select(sum()).first(connection)?;
                Ok(own + parts)
            };
            let size = bytes(connection)?;
            let payload = || events::payload.eq(reduced());
            diesel::update(events::table.filter(own)).set(payload()).execute(connection)?;
            diesel::update(events::table.filter(parts)).set(payload()).execute(connection)?;
            Ok(size - bytes(connection)?)
        }

        fn free(connection: &mut C, bytes: i64) -> QueryResult<()> {
            diesel::update(log::table)
                .set(log::bytes.eq(log::bytes - bytes))
                .execute(connection)?;
            Ok(())
        }

        fn size(connection: &mut C) -> QueryResult<(i64, i64)> {
            log::table.select((log::position, log::bytes)).first(connection)
        }

        fn oldest(connection: &mut C, limit: i64) -> QueryResult<Oldest> {
            let size = sql::<BigInt>(concat!("CAST(", $bytes, " AS BIGINT)"));
            events::table
                .order(events::position)
                .limit(limit)
                .select((events::position, events::inserted_at, size))
                .load(connection)
        }

        fn delete_through(connection: &mut C, position: i64) -> QueryResult<usize> {
            diesel::delete(events::table.filter(events::position.le(position))).execute(connection)
        }
    };
}

pub(super) use statements;
