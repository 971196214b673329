//! The pages in a real browser: Chromium, steered through chromedriver. Skipped where there is
//! none, unless `KILONOVA_TEST_REQUIRE` names `chromium`.

mod articles;
mod connection;
mod drafts;
mod driver;
mod forms;
mod hostile;
mod live;
mod markdown;
mod scriptless;
mod signed_out;

pub(crate) use self::driver::{Browser, Scripts};
