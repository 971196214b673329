//! The flags of `kilonova backup`, `restore`, `tail`, `completions` and `man`.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use url::Url;

use super::{Cli, Error, StorageArgs};
use crate::tail::{Order, Token};

/// `kilonova backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// New file for the backup
    ///
    /// It contains the entire site, including drafts and password hashes. Only its owner can read
    /// it.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The site to back up.
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// `kilonova restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Backup to restore
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The empty site to restore to.
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// `kilonova tail`.
#[derive(Debug, Args)]
pub struct TailArgs {
    /// Address of the site
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Channel to follow [default: posts and comments]
    ///
    /// posts, comments, notes, system, post_comments_ID or presence_ID. May be repeated.
    #[arg(
        long = "channel",
        env = "KILONOVA_CHANNEL",
        value_name = "CHANNEL",
        value_delimiter = ','
    )]
    channels: Vec<String>,
    /// Position after which to begin [default: new events only]
    #[arg(
        long,
        env = "KILONOVA_AFTER",
        value_name = "N",
        value_parser = clap::value_parser!(i64).range(0..),
    )]
    after: Option<i64>,
    /// Prints each frame as JSON on one line
    #[arg(long, env = "KILONOVA_JSON")]
    json: bool,
    /// File with a bearer token, for content that only accounts may read
    #[arg(long, env = "KILONOVA_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// `kilonova completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Shell to complete commands for
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// `kilonova man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Existing folder to write the pages to
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// The maximum number of bytes read from a token file.
const TOKEN: u64 = 4096;

impl TailArgs {
    /// Checks the flags, and reads the token.
    pub fn check(self) -> Result<Order, Error> {
        let site = Url::parse(&self.url).ok().filter(is_site).ok_or_else(|| {
            Error(
                "URL: expected the address of a site, as in https://example.org/blog, without a \
                 query"
                    .to_owned(),
            )
        })?;
        let is_name = |name: &String| {
            (1..=64).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        if let Some(name) = self.channels.iter().find(|name| !is_name(name)) {
            return Err(Error(format!(
                "--channel {}: expected letters, digits and '_'",
                name.escape_debug()
            )));
        }
        let file = self.token_file.as_deref().filter(|path| !path.as_os_str().is_empty());
        Ok(Order {
            site,
            channels: self.channels,
            after: self.after,
            json: self.json,
            token: file.map(token).transpose()?,
        })
    }
}

fn is_site(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

fn token(path: &Path) -> Result<Token, Error> {
    let of =
        |error: &dyn std::fmt::Display| Error(format!("--token-file {}: {error}", path.display()));
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| of(&error))?;
    file.take(TOKEN).read_to_string(&mut text).map_err(|error| of(&error))?;
    let token = text.trim();
    match !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(Token(token.to_owned())),
        false => Err(of(&"expected a token and nothing else")),
    }
}

impl CompletionsArgs {
    /// Returns the script that completes this program's commands and flags in the shell.
    pub fn script(&self) -> Vec<u8> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "kilonova", &mut script);
        script
    }
}

impl ManArgs {
    /// Writes a page for the program and one for each command.
    pub fn write(&self) -> Result<(), Error> {
        clap_mangen::generate_to(Cli::command(), &self.folder)
            .map_err(|error| Error(format!("cannot write to {}: {error}", self.folder.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &[&str]) -> Result<Order, Error> {
        let arguments = ["kilonova", "tail"].iter().chain(arguments).map(Into::into);
        let super::super::Command::Tail(args) = Cli::read(arguments).unwrap().into_command() else {
            panic!("not the command that follows a feed")
        };
        args.check()
    }

    #[test]
    fn a_site_is_followed_by_its_address() {
        let order = check(&["https://example.org/blog/", "--channel", "posts,notes"]).unwrap();
        assert_eq!(order.site.as_str(), "https://example.org/blog/");
        assert_eq!(order.channels, ["posts", "notes"]);
        assert_eq!(check(&[]).unwrap().site.as_str(), "http://127.0.0.1:8080/");
        for url in [
            "example.org",
            "ftp://example.org",
            "http://",
            "http://ada:secret@example.org",
            "http://example.org/?a=b",
            "http://example.org/#x",
        ] {
            let error = check(&[url]).unwrap_err().to_string();
            assert!(error.starts_with("URL: ") && !error.contains("secret"), "{error}");
        }
        for channel in ["", "a b", "a&b=c", "\u{1b}[2J"] {
            assert!(check(&["--channel", channel]).is_err(), "{channel}");
        }
    }

    #[test]
    fn a_token_is_read_from_its_file_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "  kilonova_abc\n").unwrap();
        let order = check(&["--token-file", file.to_str().unwrap()]).unwrap();
        assert!(order.token.as_ref().is_some_and(|token| token.0 == "kilonova_abc"));
        assert!(!format!("{order:?}").contains("kilonova_abc"));
        for content in ["", "two words", "a\nb", "é"] {
            std::fs::write(&file, content).unwrap();
            let error = check(&["--token-file", file.to_str().unwrap()]).unwrap_err();
            assert!(error.to_string().contains("expected a token"), "{error}");
        }
        let missing = check(&["--token-file", "/nowhere"]).unwrap_err().to_string();
        assert!(missing.starts_with("--token-file /nowhere: "), "{missing}");
    }
}
