//! Certificates for tests, made with `openssl`: an issuer, and a server that it vouches for.

use std::io::Write;
use std::process::Command;

/// Whether `openssl` is there; it says so where it is not, and fails if `KILONOVA_TEST_REQUIRE` has
/// `openssl`.
pub fn can_be_made() -> bool {
    if Command::new("openssl").arg("version").output().is_ok() {
        return true;
    }
    assert!(!crate::required("openssl"), "openssl is not installed");
    drop(writeln!(std::io::stderr(), "skipped: openssl is not installed"));
    false
}

/// Makes `ca.crt`, and `server.crt` with `server.key` for this host, in the folder in which
/// `openssl` gives a command.
pub fn issue(host: &str, openssl: impl Fn() -> Command) {
    let run = |line: &str| {
        let made = openssl().args(line.split(' ')).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    run("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=issuer -keyout ca.key -out ca.crt");
    run(&format!(
        "req -newkey rsa:2048 -nodes -subj /CN={host} -addext subjectAltName=DNS:{host} \
         -keyout server.key -out server.csr"
    ));
    run("x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
         -copy_extensions copyall -out server.crt");
}
