//! Runs the commands of the documentation against a server on fresh data, page by page, and
//! compares what they print with what the pages show.
//!
//! A block of `console` or `sh` has commands, which begin with `$`, and optionally their output.
//! `curl -N` follows a stream: it keeps running beside the next commands, and its output is
//! compared at the end of the page. A block below `<!-- manual -->` is not run.

use std::time::Instant;

use tempfile::tempdir;

use super::markdown::{self, Block};
use super::output::fits;
use super::shell::{Follower, Shell};
use super::{files, read};
use crate::crash::Server;
use crate::databases::Home;
use crate::support::PATIENCE;

/// A command and the lines that the page shows below it.
#[derive(Debug, PartialEq)]
struct Step {
    command: String,
    shown: Vec<String>,
}

/// The commands of a block.
#[track_caller]
fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(command) = line.strip_prefix("$ ") {
            let mut command = command.to_owned();
            while command.ends_with('\\') {
                command.push('\n');
                command.push_str(lines.next().expect("a line behind a backslash"));
            }
            steps.push(Step { command, shown: Vec::new() });
        } else {
            let step = steps.last_mut().expect("a command before the first line of output");
            step.shown.push(line.to_owned());
        }
    }
    steps
}

/// Whether a command only reads. Such a command is repeated until its output fits, because the
/// search index lags behind the log.
fn is_read(command: &str) -> bool {
    command.starts_with("curl ")
        && !["-d", "-X", "--data"].iter().any(|flag| command.contains(flag))
}

/// Whether a command runs until it is stopped.
fn is_follower(command: &str) -> bool {
    command.starts_with("curl ") && command.split_whitespace().any(|word| word == "-N")
}

fn is_shell(block: &Block) -> bool {
    matches!(block.language.as_str(), "console" | "sh" | "bash" | "shell")
}

/// The pages whose commands are run.
fn pages() -> Vec<String> {
    let mut pages = files("docs");
    pages.insert(0, "README.md".to_owned());
    pages
}

fn run(page: &str) {
    let text = read(page);
    let blocks = markdown::blocks(&text).into_iter();
    let blocks: Vec<_> = blocks.filter(|block| is_shell(block) && !block.is_manual).collect();
    if blocks.is_empty() {
        return;
    }
    let (home, folder) = (Home::new(), tempdir().unwrap());
    let server = Server::start(&home);
    let local = |text: &str| text.replace("localhost:8080", &format!("localhost:{}", server.port));
    let mut shell = Shell::start(&home, folder.path());
    let mut followers: Vec<(Follower, Vec<String>)> = Vec::new();
    for block in blocks {
        for Step { command, shown } in steps(&block.text) {
            let at = format!("{page}, line {}: {command}", block.line);
            let command = local(&command);
            let shown: Vec<_> = shown.iter().map(|line| local(line)).collect();
            if is_follower(&command) {
                followers.push((shell.follow(&command), shown));
                continue;
            }
            let begun = Instant::now();
            let (mut status, mut printed) = shell.run(&command);
            let is_right = |printed: &[String]| shown.is_empty() || fits(&shown, printed);
            while is_read(&command) && !is_right(&printed) && begun.elapsed() < PATIENCE {
                (status, printed) = shell.run(&command);
            }
            let all = printed.join("\n");
            let wanted = shown.join("\n");
            assert!(is_right(&printed), "{at}\nprints\n{all}\nand not\n{wanted}");
            assert!(status == 0 || !shown.is_empty(), "{at}\nends with {status}\n{all}");
        }
    }
    for (follower, shown) in followers {
        follower.assert_prints(&shown);
    }
}

#[test]
fn the_documented_commands_print_what_the_pages_show() {
    if std::process::Command::new("curl").arg("--version").output().is_err() {
        assert!(!kilonova_test::required("curl"), "curl is not installed");
        eprintln!("skipped: curl is not installed");
        return;
    }
    let pages = pages();
    std::thread::scope(|scope| {
        let runs: Vec<_> = pages.iter().map(|page| scope.spawn(|| run(page))).collect();
        let failed = runs.into_iter().filter_map(|run| run.join().err()).count();
        assert_eq!(failed, 0, "of the pages, this many failed; see above");
    });
}

#[test]
fn a_shell_block_has_commands() {
    for page in pages() {
        for block in markdown::blocks(&read(&page)).iter().filter(|block| is_shell(block)) {
            let is_command = block.text.starts_with("$ ") || block.text.starts_with("# ");
            assert!(is_command, "{page}, line {}: a command begins with `$ `", block.line);
        }
    }
}

#[test]
fn a_command_continues_after_a_backslash() {
    let step = |command: &str, shown: &[&str]| Step {
        command: command.to_owned(),
        shown: shown.iter().map(|&line| line.to_owned()).collect(),
    };
    let text = "$ curl a \\\n    -d b\n{\"id\":1}\n\nlast\n$ true\n";
    let expected = [step("curl a \\\n    -d b", &["{\"id\":1}", "", "last"]), step("true", &[])];
    assert_eq!(steps(text), expected);
}
