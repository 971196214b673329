//! `postgres://` URLs: their parameters, and this application's defaults for them.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use diesel::ConnectionResult;
use percent_encoding::percent_decode_str;
use tokio_postgres::config::{Config, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::driver::explain;
use super::hosts::{self, Opened};
use crate::connection::tls::{Tls, Verify};

/// A PostgreSQL database, as a URL names it.
#[derive(Clone)]
pub struct Postgres {
    config: Config,
    tls: MakeRustlsConnect,
    /// The timeout for connecting to one host.
    connecting: Duration,
}

/// The timeout for connecting, unless the URL has a `connect_timeout`.
const CONNECTING: Duration = Duration::from_secs(3);

impl Postgres {
    /// Parses a URL. `sslmode` is one of libpq's and defaults to `prefer`. `sslrootcert` names a
    /// file of certificates to trust instead of the system's. An error never repeats the URL, which
    /// may contain a password.
    pub fn parse(url: &str) -> Result<Postgres, String> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        // The text after the first `@` would be parsed as the host, and appear in messages.
        if base.matches('@').count() > 1 {
            return Err(
                "the PostgreSQL URL has more than one @; write %40 for @ in a user or a password"
                    .to_owned(),
            );
        }
        let (mut chosen, mut system) = (None, false);
        let mut tls = Tls::default();
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8_lossy();
            match name {
                "sslmode" => {
                    chosen = Some(match &*value {
                        "disable" => (SslMode::Disable, Verify::Nothing),
                        "prefer" => (SslMode::Prefer, Verify::Nothing),
                        "require" => (SslMode::Require, Verify::Nothing),
                        "verify-ca" => (SslMode::Require, Verify::Issuer),
                        "verify-full" => (SslMode::Require, Verify::IssuerAndName),
                        _ => {
                            return Err("sslmode must be disable, prefer, require, verify-ca or \
                                        verify-full"
                                .to_owned());
                        }
                    });
                }
                "sslrootcert" if value == "system" => system = true,
                "sslrootcert" => tls.roots = Some(PathBuf::from(&*value)),
                "sslcert" => tls.certificate = Some(PathBuf::from(&*value)),
                "sslkey" => tls.key = Some(PathBuf::from(&*value)),
                _ => rest.push(pair),
            }
        }
        // As libpq does. A URL that names issuers wants them checked. Anyone can get a certificate
        // that the system trusts, so with `system` the name is checked too.
        let (mode, verify) = match chosen {
            None if system => (SslMode::Require, Verify::IssuerAndName),
            None => (SslMode::Prefer, Verify::Nothing),
            Some((_, verify)) if system && verify != Verify::IssuerAndName => {
                return Err("sslrootcert=system needs sslmode=verify-full".to_owned());
            }
            Some((SslMode::Require, Verify::Nothing)) if tls.roots.is_some() => {
                (SslMode::Require, Verify::Issuer)
            }
            Some(chosen) => chosen,
        };
        let mut config: Config = format!("{base}?{}", rest.join("&"))
            .parse()
            .map_err(|error| format!("not a PostgreSQL URL: {}", explain(&error)))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err("the PostgreSQL URL names no host".to_owned());
        }
        config.ssl_mode(mode);
        let said = |name: &str| rest.iter().any(|pair| pair.split('=').next() == Some(name));
        if !said("application_name") {
            config.application_name("kilonova");
        }
        // Of several hosts, choose the one that accepts writes, not a read-only standby.
        if !said("target_session_attrs") {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let connecting = config.get_connect_timeout().copied().unwrap_or(CONNECTING);
        config.connect_timeout(connecting);
        if !said("keepalives_idle") {
            config.keepalives_idle(Duration::from_secs(10));
            config.keepalives_interval(Duration::from_secs(5));
            config.keepalives_retries(3);
        }
        if !said("tcp_user_timeout") {
            config.tcp_user_timeout(Duration::from_secs(20));
        }
        let tls = tls.connector(verify)?;
        Ok(Postgres { config, tls, connecting })
    }

    /// Opens a connection, with or without TLS.
    pub(super) async fn connect(&self) -> ConnectionResult<Opened> {
        hosts::connect(&self.config, &self.tls, self.connecting).await
    }

    /// The timeout for connecting, and for the first answers on a connection.
    pub(super) fn connecting(&self) -> Duration {
        self.connecting
    }
}

/// The database and its hosts, without user and password.
impl fmt::Display for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.config.get_dbname().unwrap_or("postgres");
        write!(f, "{name} at {}", hosts::names(&self.config))
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Postgres({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let url = "postgres://ada:hunter2@db.example:5433/blog?sslmode=disable";
        let server = Postgres::parse(url).unwrap();
        assert_eq!(server.to_string(), "blog at db.example:5433");
        let several = Postgres::parse("postgres://ada:hunter2@one,%2Frun:7/blog").unwrap();
        assert_eq!(several.to_string(), "blog at one:5432,/run:7");
        let database = crate::connection::Database::Postgres(Box::new(server.clone()));
        assert!(!format!("{server:?} {database:?} {database}").contains("hunter2"));
        for refused in [
            "postgres://ada:hunter2@db.example:port/blog",
            "postgres://ada:hunter2@db.example/blog?sslmode=hunter2",
            "postgres://ada:hunter2@db.example/blog?no_such_option=hunter2",
            "postgres://ada:hunter2@db.example/blog?connect_timeout=hunter2",
            "postgres://ada:hunter2@db.example/blog?sslmode=verify-ca&sslrootcert=/nowhere",
            "postgres://ada:hunter2@/blog",
        ] {
            let error = Postgres::parse(refused).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }

    #[test]
    fn the_systems_certificates_require_full_verification() {
        let url = "postgres://ada@db/blog?sslrootcert=system";
        let server = Postgres::parse(url).unwrap();
        assert_eq!(server.config.get_ssl_mode(), SslMode::Require);
        for weak in ["disable", "prefer", "require", "verify-ca"] {
            assert!(Postgres::parse(&format!("{url}&sslmode={weak}")).is_err(), "{weak}");
        }
        assert!(Postgres::parse(&format!("{url}&sslmode=verify-full")).is_ok());
    }

    #[test]
    fn settings_of_the_url_win_over_the_defaults() {
        let said = Postgres::parse(
            "postgres://ada@db/blog?application_name=mine&connect_timeout=9&keepalives_idle=99\
             &tcp_user_timeout=7",
        )
        .unwrap();
        assert_eq!(said.config.get_application_name(), Some("mine"));
        assert_eq!(said.config.get_connect_timeout(), Some(&Duration::from_secs(9)));
        assert_eq!(said.config.get_keepalives_idle(), Duration::from_secs(99));
        let unsaid = Postgres::parse("postgres://ada@db/blog?connect_timeout=0").unwrap();
        assert_eq!(unsaid.config.get_application_name(), Some("kilonova"));
        assert_eq!(unsaid.config.get_connect_timeout(), Some(&CONNECTING), "0 means the default");
    }
}
