//! A browser for one test: its processes, its profile, and a reader's actions.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::wd::WindowHandle;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use crate::support::{PATIENCE, Site, within};

const CHROMIUM: &str = "/usr/bin/chromium";
const CHROMEDRIVER: &str = "/usr/bin/chromedriver";

/// No display, no account, and no network requests except to the test's site.
const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1100,900",
];

/// The interval between two checks of a page.
const PERIOD: Duration = Duration::from_millis(25);

/// Allows one browser at a time: several would slow down each other and the other tests.
static TURN: Mutex<()> = Mutex::const_new(());

/// Whether pages may run scripts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scripts {
    On,
    Off,
}

/// A running browser. Dropping it ends its processes and removes its profile, also when a test
/// fails.
pub(crate) struct Browser {
    client: Client,
    port: u16,
    // Dropped in this order, so that nothing writes to the profile while it is removed.
    _driver: Driver,
    _profile: TempDir,
    _turn: MutexGuard<'static, ()>,
}

/// chromedriver, which starts the browser in its own process group.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let kill = format!("kill -KILL -{}", self.0.id());
        drop(Command::new("sh").args(["-c", &kill]).status());
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Browser {
    /// Starts a browser. If none is installed, prints that the test is skipped and returns `None`.
    pub(crate) async fn start(scripts: Scripts) -> Option<Browser> {
        Browser::start_with(scripts, &[]).await
    }

    /// The same with additional flags.
    pub(crate) async fn start_with(scripts: Scripts, flags: &[String]) -> Option<Browser> {
        Browser::start_as(scripts, flags, None).await
    }

    /// A browser whose window has this size in pixels.
    pub(crate) async fn start_in(width: u32, height: u32) -> Option<Browser> {
        Browser::start_as(Scripts::On, &[], Some((width, height))).await
    }

    async fn start_as(
        scripts: Scripts,
        flags: &[String],
        window: Option<(u32, u32)>,
    ) -> Option<Browser> {
        if let Some(missing) = [CHROMIUM, CHROMEDRIVER].iter().find(|it| !Path::new(it).exists()) {
            let required = std::env::var("KILONOVA_TEST_REQUIRE").unwrap_or_default();
            assert!(!required.contains("chromium"), "{missing} is required but not installed");
            eprintln!("skipped: {missing} is not installed");
            return None;
        }
        let turn = TURN.lock().await;
        let profile = tempfile::tempdir().unwrap();
        let (driver, port) = start_driver();
        let arguments = [&FLAGS.map(str::to_owned), flags].concat();
        let mut options = json!({
            "binary": CHROMIUM,
            "args": arguments,
            "prefs": {},
        });
        let folder = format!("--user-data-dir={}", profile.path().display());
        options["args"].as_array_mut().unwrap().push(folder.into());
        if scripts == Scripts::Off {
            options["prefs"]["profile.managed_default_content_settings.javascript"] = 2.into();
        }
        if let Some((width, height)) = window {
            // A real window cannot be as narrow as a phone.
            let metrics = json!({"width": width, "height": height, "pixelRatio": 1,
                "mobile": false, "touch": false});
            options["mobileEmulation"] = json!({ "deviceMetrics": metrics });
        }
        let capabilities = [("goog:chromeOptions".to_owned(), options)].into_iter().collect();
        let address = format!("http://127.0.0.1:{port}");
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let connected = builder.capabilities(capabilities).connect(&address);
        let client = within("the browser starts", connected).await.unwrap();
        Some(Browser { client, port, _driver: driver, _profile: profile, _turn: turn })
    }

    /// Opens a page of the site.
    pub(crate) async fn open(&self, site: &Site, path: &str) {
        self.open_at(&format!("http://localhost:{}{path}", site.port)).await;
    }

    /// Opens a page.
    pub(crate) async fn open_at(&self, address: &str) {
        within(address, self.client.goto(address)).await.unwrap();
    }

    /// Opens a second window and switches to it. Returns the first.
    pub(super) async fn open_window(&self) -> WindowHandle {
        let first = self.window().await;
        let second = self.client.new_window(false).await.unwrap();
        self.switch_to(&second.handle).await;
        first
    }

    /// Switches to the first frame of the page.
    pub(super) async fn enter_frame(&self) {
        self.find("iframe").await.enter_frame().await.unwrap();
    }

    /// Closes the window without asking the page.
    pub(super) async fn close_window(&self) {
        self.client.close_window().await.unwrap();
    }

    pub(super) async fn window(&self) -> WindowHandle {
        self.client.window().await.unwrap()
    }

    pub(super) async fn switch_to(&self, window: &WindowHandle) {
        self.client.switch_to_window(window.clone()).await.unwrap();
    }

    /// Switches to the window that was just opened.
    pub(super) async fn switch_to_new(&self) {
        let here = self.window().await;
        let opened = async {
            loop {
                let windows = self.client.windows().await.unwrap();
                if let Some(new) = windows.into_iter().rev().find(|window| *window != here) {
                    return new;
                }
                tokio::time::sleep(PERIOD).await;
            }
        };
        let new = within("a window opens", opened).await;
        self.switch_to(&new).await;
    }

    /// Runs a script in the page, even if the page itself may run none, and returns its result.
    pub(crate) async fn run(&self, script: &str) -> Value {
        let ran = within(script, self.client.execute(script, Vec::new()));
        ran.await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Sends a command of the DevTools protocol, for example to slow the browser down.
    pub(super) async fn command(&self, name: &str, parameters: Value) {
        let session = self.client.session_id().await.unwrap().unwrap();
        let address = format!("http://127.0.0.1:{}/session/{session}/goog/cdp/execute", self.port);
        let command = json!({"cmd": name, "params": parameters});
        let answer = within(name, awc::Client::new().post(address).send_json(&command)).await;
        assert_eq!(answer.unwrap().status(), 200, "{name}");
    }

    /// A screenshot of the window, as a PNG file.
    pub(super) async fn picture(&self) -> Vec<u8> {
        within("a picture", self.client.screenshot()).await.unwrap()
    }

    /// Sets the size of the window and the theme, `light` or `dark`.
    pub(super) async fn show_at(&self, width: u32, height: u32, theme: &str) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.command("Emulation.setDeviceMetricsOverride", size).await;
        self.command("Emulation.setScrollbarsHidden", json!({"hidden": true})).await;
        let features = json!([
            {"name": "prefers-color-scheme", "value": theme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.command("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Waits until the expression is true in the page.
    #[track_caller]
    pub(crate) fn until<'a>(&'a self, expression: &str) -> impl Future<Output = ()> + use<'a> {
        let caller = std::panic::Location::caller();
        let script = format!("return Boolean({expression})");
        async move {
            let start = Instant::now();
            loop {
                // A script fails while the browser leaves a page.
                let answer = self.client.execute(&script, Vec::new()).await;
                if matches!(answer, Ok(Value::Bool(true))) {
                    return;
                }
                if start.elapsed() > PATIENCE {
                    let page = self.client.source().await.unwrap_or_default();
                    panic!("{caller}: timed out: {script}: {answer:?} in\n{page}");
                }
                tokio::time::sleep(PERIOD).await;
            }
        }
    }

    /// Waits until the page contains this text.
    #[track_caller]
    pub(crate) fn until_text<'a>(&'a self, text: &str) -> impl Future<Output = ()> + use<'a> {
        self.until(&format!("document.querySelector('main').innerText.includes({})", json!(text)))
    }

    /// Waits until the page is connected.
    #[track_caller]
    pub(crate) fn until_live(&self) -> impl Future<Output = ()> {
        self.until("document.querySelector('#live[data-state=live]')")
    }

    /// Waits until the page's address has this path, and the page has loaded. A post's id may be
    /// followed by its slug.
    #[track_caller]
    pub(crate) fn until_at<'a>(&'a self, path: &str) -> impl Future<Output = ()> + use<'a> {
        self.until(&format!(
            "location.pathname.replace(/^(\\/posts\\/\\d+)-[^/]*$/, '$1') + location.search === {} \
             && document.readyState === 'complete'",
            json!(path)
        ))
    }

    async fn find(&self, selector: &str) -> Element {
        let wait = self.client.wait().at_most(PATIENCE).every(PERIOD);
        wait.for_element(Locator::Css(selector))
            .await
            .unwrap_or_else(|error| panic!("{selector}: {error}"))
    }

    /// Types at the end of a field.
    pub(super) async fn type_in(&self, selector: &str, text: &str) {
        self.find(selector).await.send_keys(text).await.unwrap();
    }

    /// Replaces a field's text.
    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        let field = self.find(selector).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Presses a key in the focused element.
    pub(super) async fn press(&self, key: &str) {
        self.client.active_element().await.unwrap().send_keys(key).await.unwrap();
    }

    pub(crate) async fn click(&self, selector: &str) {
        let element = self.find(selector).await;
        element.click().await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Signs out through the menu in the page's header.
    pub(super) async fn sign_out(&self) {
        self.click(".account > summary").await;
        self.send("form.account button").await;
    }

    /// Disconnects the browser from the network, or connects it again.
    pub(super) async fn set_offline(&self, offline: bool) {
        let network = json!({"offline": offline, "latency": 0, "downloadThroughput": -1,
            "uploadThroughput": -1});
        self.command("Network.enable", json!({})).await;
        self.command("Network.emulateNetworkConditions", network).await;
    }

    /// Clicks a button that submits a form, and waits for the resulting page.
    pub(crate) async fn send(&self, selector: &str) {
        self.run("window.before = true").await;
        self.click(selector).await;
        self.until("!window.before && document.readyState === 'complete'").await;
    }
}

/// Starts chromedriver. It listens on the same port of two addresses. With port 0 it would exit if
/// the port chosen for one address is taken on the other, so it gets a port that the system assigns
/// to nobody.
fn start_driver() -> (Driver, u16) {
    let port = kilonova_test::free_port();
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$@\" 2>&1", "sh", CHROMEDRIVER, &format!("--port={port}")]);
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut driver = Driver(command.spawn().unwrap());
    let mut log = BufReader::new(driver.0.stdout.take().unwrap());
    let mut said = String::new();
    while !said.contains("successfully on port ") {
        assert!(log.read_line(&mut said).unwrap() > 0, "chromedriver ended:\n{said}");
    }
    // The rest of the log is read, so that it never blocks on a full pipe.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    (driver, port)
}
