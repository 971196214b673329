//! The hosts that a URL names, tried in order until one accepts a connection that may write.
//!
//! Owns the timeout for each host. The timeout of tokio-postgres ends when TCP is connected, and
//! the kernel accepts connections for a server that has stopped.

use std::time::Duration;

use diesel::{ConnectionError, ConnectionResult};
use rand::seq::SliceRandom;
use tokio::time::timeout;
use tokio_postgres::config::{Config, Host, LoadBalanceHosts, SslMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::driver::explain;

/// An open connection. It has one type, with or without TLS.
pub(super) type Opened =
    (Client, Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>);

/// Connects to the first host that completes the handshake, TLS and password included, within
/// `limit`.
pub(super) async fn connect(
    config: &Config,
    tls: &MakeRustlsConnect,
    limit: Duration,
) -> ConnectionResult<Opened> {
    let mut hosts = each(config);
    if config.get_load_balance_hosts() == LoadBalanceHosts::Random {
        hosts.shuffle(&mut rand::rng());
    }
    let mut refusals = Vec::new();
    for host in &hosts {
        let refusal = match timeout(limit, host.connect(tls.clone())).await {
            Ok(Ok((client, connection))) => match connection.parameter("server_encoding") {
                // Other encodings change some texts and cannot store others at all.
                Some(encoding) if encoding != "UTF8" => {
                    format!("its encoding is {encoding}; it must be UTF8")
                }
                _ => return Ok((client, connection)),
            },
            Ok(Err(error)) => explain(&error),
            Err(_) => format!("no answer within {limit:?}"),
        };
        refusals.push(match hosts.len() {
            1 => refusal,
            _ => format!("{}: {refusal}", names(host)),
        });
    }
    Err(ConnectionError::BadConnection(refusals.join("; ")))
}

/// Its hosts and ports, for messages.
pub(super) fn names(config: &Config) -> String {
    let ports = config.get_ports();
    let port = |index| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
    let name = |host: &Host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    };
    let names: Vec<String> = match config.get_hosts() {
        [] => config.get_hostaddrs().iter().map(ToString::to_string).collect(),
        hosts => hosts.iter().map(name).collect(),
    };
    let all = names.iter().enumerate().map(|(index, name)| format!("{name}:{}", port(index)));
    all.collect::<Vec<_>>().join(",")
}

/// One copy of the configuration for each host.
fn each(config: &Config) -> Vec<Config> {
    let (hosts, addresses, ports) =
        (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let count = hosts.len().max(addresses.len());
    let fits = |length: usize, shared: usize| length == count || length <= shared;
    if !fits(hosts.len(), 0) || !fits(addresses.len(), 0) || !fits(ports.len(), 1) {
        // Contradictory: tokio-postgres refuses it, with an explanation.
        return vec![config.clone()];
    }
    (0..count)
        .map(|index| {
            let mut one = without_hosts(config);
            if let Some(&port) = ports.get(index).or(ports.first()) {
                one.port(port);
            }
            if let Some(&address) = addresses.get(index) {
                one.hostaddr(address);
            }
            match hosts.get(index) {
                Some(Host::Tcp(name)) => {
                    one.host(name);
                }
                #[cfg(unix)]
                Some(Host::Unix(path)) => {
                    // PostgreSQL has no TLS over Unix sockets.
                    one.host_path(path).ssl_mode(SslMode::Disable);
                }
                None => {}
            }
            one
        })
        .collect()
}

/// A copy of the configuration without its hosts. `Config` has no method to remove one.
fn without_hosts(config: &Config) -> Config {
    let mut other = Config::new();
    other
        .ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .target_session_attrs(config.get_target_session_attrs())
        .channel_binding(config.get_channel_binding());
    if let Some(user) = config.get_user() {
        other.user(user);
    }
    if let Some(password) = config.get_password() {
        other.password(password);
    }
    if let Some(name) = config.get_dbname() {
        other.dbname(name);
    }
    if let Some(options) = config.get_options() {
        other.options(options);
    }
    if let Some(name) = config.get_application_name() {
        other.application_name(name);
    }
    if let Some(&timeout) = config.get_connect_timeout() {
        other.connect_timeout(timeout);
    }
    if let Some(&timeout) = config.get_tcp_user_timeout() {
        other.tcp_user_timeout(timeout);
    }
    if let Some(interval) = config.get_keepalives_interval() {
        other.keepalives_interval(interval);
    }
    if let Some(retries) = config.get_keepalives_retries() {
        other.keepalives_retries(retries);
    }
    other
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The configurations with which the hosts of a URL are tried.
    fn of(url: &str) -> Vec<Config> {
        each(&url.parse().unwrap())
    }

    #[test]
    fn each_of_several_hosts_keeps_every_setting_of_the_url() {
        let tail = "user=ada&password=x&options=-c&application_name=a&sslmode=require\
                    &sslnegotiation=direct&connect_timeout=1&tcp_user_timeout=2&keepalives=0\
                    &keepalives_idle=3&keepalives_interval=4&keepalives_retries=5\
                    &target_session_attrs=read-write&channel_binding=require";
        let expected = |host: &str, port: u16| -> Config {
            format!("postgres://{host}:{port}/blog?{tail}").parse().unwrap()
        };
        let all = of(&format!("postgres://one:1,two:2/blog?{tail}"));
        assert_eq!(all, [expected("one", 1), expected("two", 2)]);
    }

    #[test]
    fn a_unix_socket_among_the_hosts_leaves_the_others_encrypted() {
        let all = of("postgres://%2Frun%2Fpostgresql,elsewhere/blog?sslmode=require");
        let modes: Vec<SslMode> = all.iter().map(Config::get_ssl_mode).collect();
        assert_eq!(modes, [SslMode::Disable, SslMode::Require]);
    }

    #[test]
    fn contradictory_hosts_are_left_to_the_driver() {
        let contradictory = of("postgres://one,two/blog?hostaddr=127.0.0.1");
        assert_eq!(contradictory.len(), 1);
        assert_eq!(contradictory[0].get_hosts().len(), 2);
    }
}
