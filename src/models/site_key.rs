//! Keys that all nodes of a site share. Each is made once, by the node that first needs it.

use data_encoding::HEXLOWER;
use diesel::prelude::*;
use rand::TryRng;
use rand::rngs::SysRng;

use crate::connection::DbConnection;
use crate::schema::site_keys;

/// A key's bytes, as many as a block of SHA-256 has.
pub type Key = [u8; 64];

/// The name of the key that signs device cookies.
pub const DEVICE: &str = "device";

/// The name of the key that the ids of feeds and their entries are made with.
pub const FEEDS: &str = "feeds";

/// The key of that name; makes it if there is none. Must run in a transaction that touches existing
/// rows, so that two nodes do not make two.
pub fn get_or_make(connection: &mut DbConnection, name: &str) -> QueryResult<Key> {
    let known = site_keys::table.find(name).select(site_keys::value);
    let known = known.first::<String>(connection).optional()?;
    if let Some(value) = known {
        let key = HEXLOWER.decode(value.as_bytes()).ok().and_then(|key| key.try_into().ok());
        return key.ok_or_else(|| broken(format!("site key {name} is not 128 hexadecimal digits")));
    }
    let mut key = [0; 64];
    SysRng.try_fill_bytes(&mut key).map_err(|error| broken(error.to_string()))?;
    diesel::insert_into(site_keys::table)
        .values((site_keys::name.eq(name), site_keys::value.eq(HEXLOWER.encode(&key))))
        .execute(connection)?;
    Ok(key)
}

/// Writes the keys again as they are: this finds out whether the database takes writes.
pub fn touch(connection: &mut DbConnection) -> QueryResult<()> {
    let same = site_keys::value.eq(site_keys::value);
    diesel::update(site_keys::table).set(same).execute(connection).map(drop)
}

/// The names of all keys, each with its value in hexadecimal digits.
pub fn all(connection: &mut DbConnection) -> QueryResult<Vec<(String, String)>> {
    site_keys::table.load(connection)
}

/// Replaces all keys of a site by those of another, which it is a copy of.
pub fn replace(connection: &mut DbConnection, keys: Vec<(String, String)>) -> QueryResult<()> {
    diesel::delete(site_keys::table).execute(connection)?;
    for (name, value) in keys {
        diesel::insert_into(site_keys::table)
            .values((site_keys::name.eq(name), site_keys::value.eq(value)))
            .execute(connection)?;
    }
    Ok(())
}

fn broken(reason: String) -> diesel::result::Error {
    diesel::result::Error::DeserializationError(reason.into())
}
