//! The proxies, each with its configuration from `docs/proxies`. A test replaces only the ports,
//! certificate and folders, each of which must occur exactly once in the file.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use kilonova_test::certificates;
use tempfile::TempDir;

/// The site's host name in all configurations.
pub(super) const HOST: &str = "blog.example.org";

/// The nodes' addresses in the configurations.
const NODES: [&str; 3] = ["127.0.0.1:8081", "127.0.0.1:8082", "127.0.0.1:8083"];

/// The unprivileged user for the proxy if the tests run as root.
const NOBODY: u32 = 65534;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Caddy,
    Nginx,
    Haproxy,
}

/// A running proxy. It is killed with all its processes when dropped, or when the test dies.
pub(super) struct Proxy {
    folder: TempDir,
    /// The port for TLS.
    pub(super) https: u16,
    /// The port for plain HTTP, which redirects to TLS.
    pub(super) http: u16,
    /// Waits until this process closes its standard input, and then kills its process group.
    keeper: Child,
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Program::Caddy => "caddy",
            Program::Nginx => "nginx",
            Program::Haproxy => "haproxy",
        }
    }

    /// The path of the program. If it is missing, prints that the test is skipped and returns
    /// `None`, or panics if `KILONOVA_TEST_REQUIRE` has `proxies`.
    pub(super) fn installed(self) -> Option<PathBuf> {
        let paths = std::env::var("PATH").unwrap_or_default() + ":/usr/local/sbin:/usr/sbin";
        let found = std::env::split_paths(&paths).map(|folder| folder.join(self.name()));
        let found = found.into_iter().find(|program| program.is_file());
        if found.is_none() {
            assert!(!kilonova_test::required("proxies"), "{} is not installed", self.name());
            drop(writeln!(std::io::stderr(), "skipped: {} is not installed", self.name()));
        }
        found
    }

    fn shipped(self) -> &'static str {
        match self {
            Program::Caddy => include_str!("../../../../docs/proxies/Caddyfile"),
            Program::Nginx => include_str!("../../../../docs/proxies/nginx.conf"),
            Program::Haproxy => include_str!("../../../../docs/proxies/haproxy.cfg"),
        }
    }

    /// The shipped configuration with a test's ports, certificate and folder.
    fn configuration(self, folder: &Path, https: u16, http: u16, nodes: [u16; 3]) -> String {
        let mut text = self.shipped().to_owned();
        let mut put = |shipped: &str, own: String| {
            assert_eq!(text.matches(shipped).count(), 1, "{} times {shipped:?}", self.name());
            text = text.replace(shipped, &own);
        };
        for (shipped, own) in NODES.iter().zip(nodes) {
            put(shipped, format!("127.0.0.1:{own}"));
        }
        let file = |name: &str| folder.join(name).display().to_string();
        match self {
            Program::Caddy => {
                let ports = format!("{{\n\thttp_port {http}\n\thttps_port {https}\n}}\n");
                let tls = format!("\ttls {} {}\n", file("server.crt"), file("server.key"));
                put("\nblog.example.org {\n", format!("\n{ports}{HOST} {{\n{tls}"));
            }
            Program::Nginx => {
                put("listen 443 ", format!("listen {https} "));
                put("listen 80;", format!("listen {http};"));
                put("/etc/ssl/blog.example.org.pem", file("server.crt"));
                put("/etc/ssl/blog.example.org.key", file("server.key"));
                let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
                let own = kinds.map(|kind| format!("    {kind}_temp_path {};\n", file(kind)));
                put("http {\n", format!("http {{\n    access_log off;\n{}", own.concat()));
            }
            Program::Haproxy => {
                put("bind :443 ", format!("bind :{https} "));
                put("bind :80\n", format!("bind :{http}\n"));
                put("/etc/ssl/blog.example.org.pem", file("both.pem"));
            }
        }
        text
    }

    fn command(self, program: &Path, folder: &Path) -> Vec<String> {
        let text = |path: &Path| path.display().to_string();
        let (program, file) = (text(program), text(&folder.join("configuration")));
        let pid = format!("daemon off; pid {};", text(&folder.join("pid")));
        let words: &[&str] = match self {
            Program::Caddy => &["run", "--adapter", "caddyfile", "--config", &file],
            Program::Nginx => &["-e", "stderr", "-g", &pid, "-c", &file],
            Program::Haproxy => &["-db", "-f", &file],
        };
        let words = [program.as_str()].into_iter().chain(words.iter().copied());
        words.map(str::to_owned).collect()
    }
}

impl Proxy {
    /// Starts the proxy in front of nodes on these ports. It may not be ready on return.
    pub(super) fn start(program: Program, installed: &Path, nodes: [u16; 3]) -> Proxy {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        certificates::issue(HOST, || {
            let mut command = Command::new("openssl");
            command.current_dir(at);
            command
        });
        let read = |name: &str| std::fs::read_to_string(at.join(name)).unwrap();
        std::fs::write(at.join("both.pem"), read("server.crt") + &read("server.key")).unwrap();
        let [https, http] = [super::nodes::free(), super::nodes::free()];
        let text = program.configuration(at, https, http, nodes);
        std::fs::write(at.join("configuration"), text).unwrap();
        let log = File::create(at.join("log")).unwrap();
        // Its process group contains nothing else.
        let keep = "\"$@\" </dev/null & cat >/dev/null; kill -KILL 0";
        let mut command = Command::new("sh");
        command.args(["-c", keep, "sh"]).args(program.command(installed, at));
        // The proxy must not use files of the user who runs the tests.
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", at);
        command.env("CADDY_ADMIN", format!("unix/{}", at.join("admin").display()));
        command.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
        command.current_dir(at).process_group(0);
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            let files = std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path());
            for path in files.chain([at.to_owned()]) {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
            command.uid(NOBODY).gid(NOBODY);
        }
        let keeper = command.spawn().unwrap();
        Proxy { folder, https, http, keeper }
    }

    /// The certificate of the authority that signed the site's.
    pub(super) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// The proxy's output.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
    }
}
