//! The traits that Diesel's multi-connection requires in addition to queries: a way to look up
//! custom types of the database. This application has none.

use std::any::Any;

use diesel::connection::MultiConnectionHelper;
use diesel::pg::{Pg, PgMetadataLookup, PgTypeMetadata};
use diesel::sql_types::TypeMetadata;

use super::PostgresConnection;

/// Never used: Diesel knows the OIDs of PostgreSQL's built-in types.
struct NoTypes;

impl PgMetadataLookup for NoTypes {
    fn lookup_type(&mut self, _: &str, _: Option<&str>) -> PgTypeMetadata {
        PgTypeMetadata::new(0, 0)
    }
}

impl MultiConnectionHelper for PostgresConnection {
    fn to_any<'a>(_: &mut <Pg as TypeMetadata>::MetadataLookup) -> &mut (dyn Any + 'a) {
        // Zero-sized: nothing is allocated, so nothing leaks.
        Box::leak(Box::new(NoTypes))
    }

    fn from_any(lookup: &mut dyn Any) -> Option<&mut <Pg as TypeMetadata>::MetadataLookup> {
        lookup.downcast_mut::<NoTypes>().map(|types| types as &mut dyn PgMetadataLookup)
    }
}
