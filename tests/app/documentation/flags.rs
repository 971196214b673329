//! `docs/flags.md` matches the help texts of the commands' flags.
//!
//! `KILONOVA_UPDATE_DOCS=1 cargo test --test app documentation` regenerates the page's tables.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory};
use kilonova::config::Cli;

use super::{read, root};

const PAGE: &str = "docs/flags.md";
const BEGIN: &str = "<!-- Written by tests/app/documentation/flags.rs; do not edit. -->\n";

/// The flags that all commands for a site share.
const STORAGE: [&str; 2] = ["data-dir", "database-url"];

/// A paragraph in lines of at most 100 columns.
fn paragraph(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().unwrap();
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= 100 {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}

/// Text for a cell of a table.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

/// Removes `[begin…]` from a help text, and returns the text and the removed part.
fn taken(help: &str, begin: &str) -> (String, Option<String>) {
    let Some((before, rest)) = help.split_once(begin) else { return (help.to_owned(), None) };
    let (inside, after) = rest.split_once(']').expect("a closing bracket");
    (format!("{}{after}", before.trim_end()), Some(inside.trim().to_owned()))
}

fn row(arg: &Arg) -> String {
    let name = arg.get_long().expect("a flag has a long name");
    let variable = arg.get_env().map(|name| name.to_string_lossy().into_owned());
    let expected = format!("KILONOVA_{}", name.replace('-', "_").to_uppercase());
    assert_eq!(variable, Some(expected), "--{name}");
    let takes_values = arg.get_action().takes_values();
    let value = takes_values.then(|| arg.get_value_names()).flatten().unwrap_or_default();
    let value = value.iter().map(|name| format!(" {name}")).collect::<String>();
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let (help, told) = taken(&help, "[default:");
    let (mut help, other) = taken(&help, "[env:");
    if let Some(other) = other {
        write!(help, "; also `{}`", other.trim_end_matches('=')).unwrap();
    }
    let possible: Vec<_> = match takes_values {
        true => arg.get_possible_values().iter().map(|v| format!("`{}`", v.get_name())).collect(),
        false => Vec::new(),
    };
    if !possible.is_empty() {
        write!(help, ": {}", possible.join(", ")).unwrap();
    }
    let default = arg.get_default_values().first().map(|value| value.to_string_lossy());
    let default = match (takes_values, default, told) {
        (true, Some(value), _) => format!("`{value}`"),
        (true, None, Some(told)) => told,
        _ => String::new(),
    };
    format!("| `--{name}{}` | {} | {} |\n", cell(&value), cell(&default), cell(&help))
}

/// The section of one command, and those of its subcommands.
fn section(command: &Command, path: &str, is_storage_known: bool, text: &mut String) {
    let positional: String = command
        .get_positionals()
        .map(|arg| format!(" {}", arg.get_value_names().unwrap_or_default().join(" ")))
        .collect();
    writeln!(text, "\n## {path}{positional}\n").unwrap();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    writeln!(text, "{}", paragraph(&format!("{about}."))).unwrap();
    for arg in command.get_positionals() {
        let name = arg.get_value_names().unwrap_or_default().join(" ");
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        writeln!(text, "\n{}", paragraph(&format!("`{name}`: {help}."))).unwrap();
    }
    let is_flag = |arg: &&Arg| {
        !arg.is_positional()
            && !arg.is_hide_set()
            && !["help", "version"].contains(&arg.get_id().as_str())
    };
    let flags: Vec<&Arg> = command.get_arguments().filter(is_flag).collect();
    let is_storage = |arg: &&Arg| arg.get_long().is_some_and(|name| STORAGE.contains(&name));
    let mut heading = None;
    let mut is_begun = false;
    for arg in flags.iter().filter(|arg| !(is_storage_known && is_storage(arg))) {
        if !is_begun || heading != arg.get_help_heading() {
            heading = arg.get_help_heading();
            let heading = heading.filter(|name| *name != "Options");
            let heading = heading.map(|name| format!("\n### {name}\n")).unwrap_or_default();
            writeln!(text, "{heading}\n| flag | default | |\n|---|---|---|").unwrap();
            is_begun = true;
        }
        text.push_str(&row(arg));
    }
    if is_storage_known && flags.iter().any(is_storage) {
        writeln!(text, "\n`--data-dir` and `--database-url` are as for `kilonova serve`.").unwrap();
    }
}

/// The part of the page after its marker.
fn tables() -> String {
    let mut cli = Cli::command();
    cli.build();
    let mut text = String::new();
    for command in cli.get_subcommands().filter(|command| command.get_name() != "help") {
        let path = format!("kilonova {}", command.get_name());
        let nested: Vec<_> =
            command.get_subcommands().filter(|command| command.get_name() != "help").collect();
        if nested.is_empty() {
            section(command, &path, command.get_name() != "serve", &mut text);
        }
        for command in nested {
            section(command, &format!("{path} {}", command.get_name()), true, &mut text);
        }
    }
    text
}

#[test]
fn the_page_of_flags_matches_the_commands() {
    let page = read(PAGE);
    let (head, known) = page.split_once(BEGIN).expect("the marker");
    let tables = tables();
    if std::env::var_os("KILONOVA_UPDATE_DOCS").is_some() {
        std::fs::write(root().join(PAGE), format!("{head}{BEGIN}{tables}")).unwrap();
        return;
    }
    let update = "KILONOVA_UPDATE_DOCS=1 cargo test --test app documentation";
    assert!(known == tables, "{PAGE} is not what the commands say; run {update}");
}
