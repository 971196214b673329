//! Certificates for tests, created with `openssl`: an issuer, and a server certificate that it
//! signs.

use std::io::Write;
use std::process::Command;

/// Returns true if `openssl` is installed. If not, prints a message, or panics if
/// `KILONOVA_TEST_REQUIRE` contains `openssl`.
pub fn can_be_made() -> bool {
    if Command::new("openssl").arg("version").output().is_ok() {
        return true;
    }
    assert!(!crate::required("openssl"), "openssl is not installed");
    drop(writeln!(std::io::stderr(), "skipped: openssl is not installed"));
    false
}

/// Creates `ca.crt`, and `server.crt` with `server.key` for `host`, in the folder in which the
/// commands from `openssl` run.
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
