//! The pages in a real browser: Chromium, driven by chromedriver. Skipped if they are not
//! installed, unless `KILONOVA_TEST_REQUIRE` names `chromium`.

mod accessible;
mod articles;
mod bin;
mod client;
mod connection;
mod drafts;
mod driver;
mod embed;
mod figures;
mod forms;
mod hostile;
mod live;
mod markdown;
mod notes;
mod overview;
mod pictures;
mod reading;
mod scriptless;
mod search;
mod signed_out;
mod still;
mod together;
mod writing;

pub(crate) use self::driver::{Browser, Scripts};
