//! TLS to the database, with certificates made by `openssl`.

use std::path::Path;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use kilonova::connection::{Access, Database, DbConnection, Postgres};

use crate::databases::Home;
use kilonova_test::certificates;
use kilonova_test::postgres::{Cluster, as_owner};

/// Makes an issuer with a certificate for `localhost` in the server's data folder, and a second
/// issuer.
fn certify(data: &Path) {
    let openssl = || {
        let mut command = as_owner("openssl", &[]);
        command.current_dir(data);
        command
    };
    certificates::issue("localhost", openssl);
    let other = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other -keyout o.key \
                 -out other.crt";
    assert!(openssl().args(other.split(' ')).output().unwrap().status.success());
}

/// Whether the connection for this URL is encrypted, or the reason why it fails.
fn encrypted(url: &str) -> Result<bool, String> {
    let server = Postgres::parse(url)?;
    let database = Database::Postgres(Box::new(server));
    let mut connection = database.open(Access::Read).map_err(|error| error.to_string())?;
    assert!(matches!(connection, DbConnection::Postgres(_)));
    let ssl = sql::<Bool>("(SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())");
    diesel::select(ssl).get_result(&mut connection).map_err(|error| error.to_string())
}

#[test]
fn a_connection_is_as_private_as_its_url_says() {
    if !certificates::can_be_made() {
        return;
    }
    let Some(cluster) = Cluster::start(&[]) else { return };
    let (port, data) = (cluster.port(), cluster.data());
    let at =
        |host: &str, query: &str| format!("postgres://postgres@{host}:{port}/postgres?{query}");
    assert_eq!(encrypted(&at("localhost", "")), Ok(false), "the server has no TLS");
    assert!(encrypted(&at("localhost", "sslmode=require")).is_err());

    certify(&data);
    Home::on(&cluster.url()).execute("ALTER SYSTEM SET ssl = on");
    cluster.down("fast");
    cluster.up();
    // Only the server's user can read its folder, so the tests read copies.
    let copies = tempfile::tempdir().unwrap();
    let copy = |name: &str| {
        let file = copies.path().join(name);
        std::fs::write(&file, as_owner("cat", &[]).arg(data.join(name)).output().unwrap().stdout)
            .unwrap();
        format!("sslrootcert={}", file.display())
    };
    let (issuer, stranger) = (copy("ca.crt"), copy("other.crt"));
    let modes = |host: &str, mode: &str, roots: &str| {
        encrypted(&at(host, &format!("sslmode={mode}&{roots}")))
    };
    assert_eq!(encrypted(&at("localhost", "sslmode=disable")), Ok(false));
    assert_eq!(encrypted(&at("localhost", "")), Ok(true));
    assert_eq!(encrypted(&at("localhost", "sslmode=require")), Ok(true));
    for mode in ["require", "verify-ca", "verify-full"] {
        assert_eq!(modes("localhost", mode, &issuer), Ok(true), "{mode}");
        assert!(modes("localhost", mode, &stranger).is_err(), "{mode} trusts a stranger");
    }
    assert!(encrypted(&at("localhost", "sslmode=verify-full")).is_err(), "no issuer is trusted");
    // The certificate is for `localhost`, not for its address.
    assert_eq!(modes("127.0.0.1", "verify-ca", &issuer), Ok(true));
    let refused = modes("127.0.0.1", "verify-full", &issuer).unwrap_err();
    assert!(refused.contains("certificate"), "{refused}");
}
