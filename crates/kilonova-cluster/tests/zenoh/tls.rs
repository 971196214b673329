//! Connections with certificates, which the command `openssl` creates. Without it these tests are
//! skipped, unless `KILONOVA_TEST_REQUIRE` contains `openssl`.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use kilonova_cluster::zenoh::{Error, Options, Tls};
use kilonova_cluster::{Adapter, Zenoh};
use tempfile::TempDir;

use super::support::{Node, free, tls_endpoint, until};
use kilonova_test::proxy::Proxy;

/// An authority and the certificates that it has signed, in a folder.
struct Authority(TempDir);

impl Authority {
    /// `None` without openssl.
    fn new() -> Option<Authority> {
        if Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_err() {
            let required = std::env::var("KILONOVA_TEST_REQUIRE").unwrap_or_default();
            assert!(!required.split(',').any(|word| word == "openssl"), "openssl is not installed");
            drop(writeln!(std::io::stderr(), "skipped: openssl is not installed"));
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority \
                   -keyout authority.key -out authority.pem";
        openssl(folder.path(), new);
        Some(Authority(folder))
    }

    /// A certificate that is valid for `127.0.0.1`, as a server and as a client.
    fn sign(&self, name: &str) -> Tls {
        let folder = self.0.path();
        openssl(
            folder,
            &format!(
                "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} \
                 -keyout {name}.key -out {name}.csr"
            ),
        );
        let extensions = "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n";
        fs::write(folder.join("extensions"), extensions).unwrap();
        openssl(
            folder,
            &format!(
                "x509 -req -in {name}.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 \
                 -extfile extensions -out {name}.pem"
            ),
        );
        Tls {
            authority: folder.join("authority.pem"),
            certificate: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
        }
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A node that listens and connects only with this certificate.
async fn start(name: &str, tls: Tls, connect: &[std::net::SocketAddr]) -> Node {
    let address = free();
    Node::start_with(name, address, &[], |options: &mut Options| {
        options.listen = vec![tls_endpoint(address)];
        options.connect = connect.iter().copied().map(tls_endpoint).collect();
        options.tls = Some(tls);
    })
    .await
}

#[tokio::test]
async fn nodes_with_certificates_reach_each_other() {
    let Some(authority) = Authority::new() else { return };
    let mut a = start("a", authority.sign("a"), &[]).await;
    let mut b = start("b", authority.sign("b"), &[a.address]).await;
    b.sees(&[&a.id]).await;
    a.sees(&[&b.id]).await;
    b.adapter.send_to_all(Bytes::from_static(b"hello"));
    a.is_sent(&b.id, "hello").await;
    a.adapter.send_to(&b.id, Bytes::from(vec![1; 256 * 1024]));
    assert_eq!(b.next().await.1.len(), 256 * 1024);
    b.adapter.close().await;
    a.sees(&[]).await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_does_not_get_in() {
    let (Some(ours), Some(theirs)) = (Authority::new(), Authority::new()) else { return };
    let mut a = start("a", ours.sign("a"), &[]).await;
    let door = Proxy::new(a.address);
    // The stranger trusts our authority, so that only its own certificate is wrong.
    let tls = Tls { authority: ours.sign("unused").authority, ..theirs.sign("stranger") };
    let stranger = start("stranger", tls, &[door.address()]).await;
    is_kept_out(&ours, &mut a, stranger, &door).await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_not_accepted() {
    let (Some(ours), Some(theirs)) = (Authority::new(), Authority::new()) else { return };
    let tls = Tls { authority: ours.sign("unused").authority, ..theirs.sign("stranger") };
    let stranger = start("stranger", tls, &[]).await;
    let door = Proxy::new(stranger.address);
    let mut a = start("a", ours.sign("a"), &[door.address()]).await;
    is_kept_out(&ours, &mut a, stranger, &door).await;
}

async fn is_kept_out(ours: &Authority, a: &mut Node, mut stranger: Node, door: &Proxy) {
    // Repeated attempts show that the earlier ones failed.
    until(|| door.connections() >= 3).await;
    let mut b = start("b", ours.sign("b"), &[a.address]).await;
    a.sees(&[&b.id]).await;
    b.sees(&[&a.id]).await;
    stranger.sees(&[]).await;
}

#[tokio::test]
async fn a_file_that_is_not_a_certificate_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let [good, key, bad] = ["good", "key", "bad"].map(|name| folder.path().join(name));
    fs::write(&good, "-----BEGIN CERTIFICATE-----\n").unwrap();
    fs::write(&key, "-----BEGIN PRIVATE KEY-----\n").unwrap();
    fs::write(&bad, "no certificate").unwrap();
    let tls = Tls { authority: good.clone(), certificate: good.clone(), key: key.clone() };
    for tls in [
        Tls { authority: bad.clone(), ..tls.clone() },
        Tls { certificate: bad.with_extension("missing"), ..tls.clone() },
        Tls { key: bad.clone(), ..tls.clone() },
        tls,
    ] {
        let options = Options {
            site: String::new(),
            node: kilonova_cluster::NodeId::new("a", 1),
            listen: vec![tls_endpoint(free())],
            connect: Vec::new(),
            secret: kilonova_cluster::zenoh::Secret::new("secret"),
            tls: Some(tls.clone()),
            folder: folder.path().to_owned(),
        };
        let error = Zenoh::open(options).await.unwrap_err();
        let text = error.to_string();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(matches!(error, Error::Certificate { .. } | Error::Zenoh(_)), "{text}");
        drop(writeln!(std::io::stderr(), "{text}"));
    }
}
