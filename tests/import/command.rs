//! The command: its output, and when it exits with 1.

use std::process::{Command, Output};

use super::site::Site;

fn kilonova(site: &Site, flags: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kilonova"));
    command.arg("import").arg(site.dir()).args(flags);
    command.arg("--data-dir").arg(site.home.path().join("data"));
    // The environment of the test run must not affect the command.
    command.env_clear().output().expect("a run")
}

#[test]
fn strict_exits_with_1_when_something_was_lost_and_imports_the_rest() {
    let site = Site::new();
    site.write("a.md", "---\ntitle: A post\ndate: 2020-01-01\ndraft: true\n---\nBody");
    let clean = kilonova(&site, &["--strict"]);
    assert!(clean.status.success(), "a draft is no loss: {clean:?}");
    site.write("b.md", "---\ntitle: [\n---\nBody");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    assert!(kilonova(&site, &[]).status.success());
    for flags in [&["--strict", "--dry-run"][..], &["--strict"]] {
        let lossy = kilonova(&site, flags);
        assert_eq!(lossy.status.code(), Some(1));
        let out = text(&lossy.stdout);
        assert!(out.contains("1 unchanged, 1 skipped"), "{out}");
        assert!(out.contains("\n  b.md:"), "the file and the line are named: {out}");
        assert!(text(&lossy.stderr).contains("left out or not understood"), "{lossy:?}");
    }
}

#[test]
fn a_report_has_all_findings_and_replaces_no_file() {
    let site = Site::new();
    for n in 0..30 {
        site.write(&format!("{n}.md"), "# No front matter");
    }
    let report = site.home.path().join("report.txt");
    let flags = ["--report", report.to_str().expect("text"), "--dry-run"];
    let out = String::from_utf8(kilonova(&site, &flags).stdout).expect("text");
    assert!(out.ends_with("  … and 10 more\n"), "{out}");
    let all = std::fs::read_to_string(&report).expect("a report");
    assert_eq!(all.lines().count(), 31, "{all}");
    let again = kilonova(&site, &flags);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(&report).expect("a report"), all);
}
