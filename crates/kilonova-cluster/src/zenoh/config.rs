//! Zenoh's configuration. It is set entirely here. Zenoh reads no configuration file, and no
//! environment variable except `ZENOH_RUNTIME`, which sets its number of threads.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use serde_json::{Value, json};

use super::credentials::USER;
use super::proof::Proof;
use super::{Endpoint, Error, MAX_MESSAGE, Options, Tls};

// A node that sends nothing for this long is considered gone. It sends a keep-alive four times as
// often.
const LEASE_MS: u64 = 1_500;

// The timeout of a handshake.
const OPEN_MS: u64 = 3_000;

/// Builds the configuration. `connect` has the endpoints to connect to, without this node itself.
pub(super) fn build(
    options: &Options,
    connect: &[Endpoint],
    credentials: &Path,
) -> Result<::zenoh::Config, Error> {
    let config = json!({
        "mode": "peer",
        "listen": {
            "endpoints": options.listen.iter().map(Endpoint::to_string).collect::<Vec<_>>(),
            "timeout_ms": 0,
            "exit_on_failure": true,
        },
        "connect": {
            "endpoints": connect.iter().map(|endpoint| retried(options, endpoint)).collect::<Vec<_>>(),
            "timeout_ms": -1,
            "exit_on_failure": false,
        },
        "open": { "return_conditions": { "connect_scouted": false, "declares": false } },
        "scouting": { "multicast": { "enabled": false }, "gossip": { "enabled": false } },
        "timestamping": { "enabled": false },
        "adminspace": { "enabled": false },
        "transport": {
            "unicast": { "open_timeout": OPEN_MS, "accept_timeout": OPEN_MS },
            "link": {
                "protocols": ["tcp", "tls"],
                "tx": {
                    "lease": LEASE_MS,
                    "keep_alive": 4,
                    "queue": {
                        // Batches of 64 KiB, allocated on demand.
                        "size": { "data": 16 },
                        "congestion_control": {
                            // A message that finds the queue of a peer full is dropped at once, for
                            // that peer only.
                            "drop": { "wait_before_drop": 0, "max_wait_before_drop_fragments": 0 },
                            // Zenoh never drops its own messages. It drops a peer that does not
                            // read them.
                            "block": { "wait_before_close": LEASE_MS * 1_000 },
                        },
                    },
                },
                "rx": { "max_message_size": MAX_MESSAGE + 4_096 },
                "tls": options.tls.as_ref().map(tls).transpose()?.unwrap_or_else(|| json!({})),
            },
            "auth": {
                "usrpwd": {
                    "user": USER,
                    "password": Proof::password(&options.secret),
                    "dictionary_file": credentials,
                },
            },
        },
    });
    ::zenoh::Config::from_json5(&config.to_string()).map_err(Error::open)
}

// Two nodes that connect to each other at the same moment refuse each other. Each waits for a
// different time before it retries, so that this does not repeat.
fn retried(options: &Options, endpoint: &Endpoint) -> String {
    let mut own = std::hash::DefaultHasher::new();
    std::hash::Hash::hash(&(&options.node, endpoint), &mut own);
    let first = 250 + std::hash::Hasher::finish(&own) % 250;
    format!(
        "{endpoint}#retry_period_init_ms={first};retry_period_max_ms={};retry_period_increase_factor=2",
        8 * first
    )
}

fn tls(tls: &Tls) -> Result<Value, Error> {
    for (path, what, heading) in [
        (&tls.authority, "the authority's certificate", "CERTIFICATE-----"),
        (&tls.certificate, "the certificate", "CERTIFICATE-----"),
        (&tls.key, "the private key", "PRIVATE KEY-----"),
    ] {
        let checked = fs::read_to_string(path).and_then(|text| match text.contains(heading) {
            true => Ok(()),
            false => Err(io::Error::new(ErrorKind::InvalidData, "the file does not contain one")),
        });
        checked.map_err(|source| Error::Certificate { what, path: path.clone(), source })?;
    }
    Ok(json!({
        "root_ca_certificate": tls.authority,
        "listen_certificate": tls.certificate,
        "listen_private_key": tls.key,
        "connect_certificate": tls.certificate,
        "connect_private_key": tls.key,
        "enable_mtls": true,
        "verify_name_on_connect": true,
    }))
}
