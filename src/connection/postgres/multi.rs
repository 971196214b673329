//! The traits that Diesel's multi-connection needs of a connection beside its queries: a way to ask
//! for types of the database's own making. There are none here.

use std::any::Any;

use diesel::connection::MultiConnectionHelper;
use diesel::pg::{Pg, PgMetadataLookup, PgTypeMetadata};
use diesel::sql_types::TypeMetadata;

use super::PostgresConnection;

/// The answer to a question that is not asked: Diesel knows the numbers of PostgreSQL's own types.
struct NoTypes;

impl PgMetadataLookup for NoTypes {
    fn lookup_type(&mut self, _: &str, _: Option<&str>) -> PgTypeMetadata {
        PgTypeMetadata::new(0, 0)
    }
}

impl MultiConnectionHelper for PostgresConnection {
    fn to_any<'a>(_: &mut <Pg as TypeMetadata>::MetadataLookup) -> &mut (dyn Any + 'a) {
        // Of no size: nothing is allocated, so nothing leaks.
        Box::leak(Box::new(NoTypes))
    }

    fn from_any(lookup: &mut dyn Any) -> Option<&mut <Pg as TypeMetadata>::MetadataLookup> {
        lookup.downcast_mut::<NoTypes>().map(|types| types as &mut dyn PgMetadataLookup)
    }
}
