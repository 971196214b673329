//! The commands about the program itself: settings, completions, manual pages and help.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use tempfile::tempdir;

use crate::crash::{complaint, kilonova};

fn said(arguments: &[&str]) -> String {
    let output = kilonova(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn settings_are_shown_with_their_sources_and_without_secrets() {
    let mut command = kilonova(&["config", "--max-body", "1000"]);
    command.env("KILONOVA_SITE_NAME", "Ada's").env("KILONOVA_CLUSTER_SECRET", "hunter2hunter2");
    command.env("DATABASE_URL", "postgres://ada:hunter2@db.example/blog");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let settings = String::from_utf8(output.stdout).unwrap();
    let line = |name: &str| {
        let found = settings.lines().find(|line| line.split(' ').next() == Some(name));
        found.unwrap_or_else(|| panic!("no {name}: {settings}")).to_owned()
    };
    assert!(line("max-body").ends_with(" 1000  (flag)"), "{settings}");
    assert!(line("site-name").ends_with(" Ada's  (environment, KILONOVA_SITE_NAME)"));
    assert!(line("cluster-secret").ends_with(" (hidden)  (environment, KILONOVA_CLUSTER_SECRET)"));
    assert!(line("bind").ends_with(" 127.0.0.1:8080  (default)"));
    assert!(line("access").ends_with(" open  (default)"));
    let database = line("database-url");
    assert!(database.contains("db.example") && database.ends_with("(environment, DATABASE_URL)"));
    assert!(!settings.contains("hunter2"), "{settings}");
    // Every flag of the server is listed.
    let help = said(&["serve", "-h"]);
    let flags = help.lines().filter_map(|line| line.strip_prefix("      --"));
    let flags: Vec<&str> = flags.filter_map(|line| line.split(' ').next()).collect();
    assert!(flags.len() > 60, "{help}");
    for flag in flags {
        line(flag);
    }
}

#[test]
fn settings_refuses_what_the_server_refuses_with_the_same_line() {
    for flags in [&["--bind", "nonsense"][..], &["--bind", "0.0.0.0:8080"], &["--nonsense"]] {
        let told = complaint(kilonova(&[&["config"], flags].concat()));
        assert_eq!(told, complaint(kilonova(&[&["serve"], flags].concat())));
    }
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = said(&["completions", shell]);
        for word in ["kilonova", "public-url", "backup", "token-file"] {
            assert!(script.contains(word), "{shell} does not complete {word}");
        }
    }
    assert!(complaint(kilonova(&["completions", "cmd"])).contains("invalid value 'cmd'"));
    // The reader closes the pipe early.
    let mut child = kilonova(&["completions", "bash"]).spawn().unwrap();
    drop(child.stdout.take());
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(child.wait().unwrap().success() && told.is_empty(), "{told}");
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempdir().unwrap();
    let mut command = kilonova(&["man", folder.path().to_str().unwrap()]);
    command.env("KILONOVA_CLUSTER_SECRET", "hunter2hunter2");
    assert!(command.output().unwrap().status.success());
    let page = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    for name in ["kilonova.1", "kilonova-backup.1", "kilonova-user-add.1", "kilonova-tail.1"] {
        assert!(page(name).contains(".SH SYNOPSIS"), "{name}");
    }
    assert!(page("kilonova-serve.1").contains("public\\-url"));
    for entry in folder.path().read_dir().unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.contains("help") && !name.contains("-man"), "{name}");
        assert!(!page(&name).contains("hunter2"), "{name}");
        // `man` reads the pages as the user who calls it.
        let mode = folder.path().join(&name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o644, 0o644, "{name}: {mode:o}");
    }
    let nowhere = complaint(kilonova(&["man", "/nowhere/at/all"]));
    assert!(nowhere.contains("cannot write to /nowhere/at/all"), "{nowhere}");
}

#[test]
fn help_groups_the_flags_and_its_short_form_has_a_line_for_each() {
    let short = said(&["-h"]);
    let headings = ["Address:", "Access:", "Data:", "Site:", "Process:", "Cluster:"];
    let limits = ["Limits on sockets", "Limits on requests", "Limits per address", "Retention"];
    for heading in headings.iter().chain(&limits) {
        assert!(short.lines().any(|line| line.starts_with(heading)), "{heading}: {short}");
    }
    assert!(short.contains("KILONOVA_ and the flag's name in capitals"), "{short}");
    assert!(!short.contains("[env:") && !short.contains("kilonova man"), "{short}");
    let long = said(&["--help"]);
    assert!(long.contains("Further ones get 503") && !short.contains("Further ones get 503"));
}
