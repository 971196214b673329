//! Reading the site: the owner's texts, its lists, and a post's page.

mod heads;
mod lists;
mod owner;
mod post;
mod weight;

use std::ffi::OsString;

use actix_web::http::Method;
use actix_web::web::Bytes;
use kilonova::config::{Cli, Command, Config, Error};

use crate::support::{Answer, Site};

/// Requests a page as a browser does.
async fn page(site: &Site, path: &str) -> Answer {
    site.send(Method::GET, path, &[("accept", "text/html")], Bytes::new()).await
}

/// The HTML of a page, which must exist.
async fn html(site: &Site, path: &str) -> String {
    let answer = page(site, path).await;
    assert_eq!(answer.status, 200, "{path}");
    text(&answer)
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.to_vec()).unwrap()
}

/// The configuration from these flags.
fn flagged(flags: &[&str]) -> Result<Config, Error> {
    let arguments = ["kilonova"].iter().chain(flags).map(OsString::from);
    match Cli::read(arguments).unwrap().into_command() {
        Command::Serve(args) => args.check(),
        _ => panic!("not the command that serves"),
    }
}

/// The part of a page between two texts.
#[track_caller]
fn between<'a>(page: &'a str, before: &str, after: &str) -> &'a str {
    let rest = page.split_once(before).unwrap_or_else(|| panic!("no {before} in {page}")).1;
    rest.split_once(after).unwrap_or_else(|| panic!("no {after} in {rest}")).0
}
