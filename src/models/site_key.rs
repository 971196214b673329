//! Keys that all nodes of a site share. Each is generated once, by the node that first needs it.

use data_encoding::HEXLOWER;
use diesel::prelude::*;
use rand::TryRng;
use rand::rngs::SysRng;

use crate::connection::DbConnection;
use crate::schema::site_keys;

/// A key's bytes, the length of a SHA-256 block.
pub type Key = [u8; 64];

/// The name of the key that signs device cookies.
pub const DEVICE: &str = "device";

/// The name of the key from which the ids of feeds and their entries are derived.
pub const FEEDS: &str = "feeds";

/// The key with that name, generated if it does not exist. Must run in a transaction that touches
/// existing rows, so that two nodes do not generate two keys.
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

/// Rewrites the keys unchanged, to find out whether the database accepts writes.
pub fn touch(connection: &mut DbConnection) -> QueryResult<()> {
    let same = site_keys::value.eq(site_keys::value);
    diesel::update(site_keys::table).set(same).execute(connection).map(drop)
}

/// The names of all keys, each with its value in hexadecimal digits.
pub fn all(connection: &mut DbConnection) -> QueryResult<Vec<(String, String)>> {
    site_keys::table.load(connection)
}

/// Replaces all keys of a site with those of the site that it is a copy of.
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
