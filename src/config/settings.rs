//! `kilonova config`: every effective setting and its source. The settings come from clap's list of
//! the server's flags, so none can be missing.

use std::ffi::OsStr;
use std::fmt;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, CommandFactory, ValueEnum};

use super::{Cli, Config, Error, ServeArgs};

/// `kilonova config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(flatten)]
    serve: Box<ServeArgs>,
    /// Clap's matches, which record the source of each value.
    #[arg(skip)]
    matches: ArgMatches,
}

/// A setting, its value, and its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The flag without its hyphens.
    pub name: String,
    /// The effective value, safe to print: on one line and without secrets.
    pub value: String,
    /// The source of the value.
    pub source: String,
}

/// Formats the setting as one line.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<32} {}  ({})", self.name, self.value, self.source)
    }
}

/// The name of the subcommand.
const COMMAND: &str = "config";

impl ConfigArgs {
    /// Stores the subcommand's matches from those of the whole command line.
    pub(super) fn know(&mut self, matches: &ArgMatches) {
        if let Some(matches) = matches.subcommand_matches(COMMAND) {
            self.matches = matches.clone();
        }
    }

    /// Validates the flags as the server does, and lists them in the order of the help.
    pub fn settings(self) -> Result<Vec<Setting>, Error> {
        let config = self.serve.check()?;
        let command = Cli::command();
        let flags = command.find_subcommand(COMMAND).into_iter();
        let flags = flags.flat_map(clap::Command::get_arguments);
        let of = |flag| setting(flag, &self.matches, &config);
        Ok(flags.filter(|flag| flag.get_env().is_some()).map(of).collect())
    }
}

fn setting(flag: &Arg, matches: &ArgMatches, config: &Config) -> Setting {
    let id = flag.get_id().as_str();
    let name = flag.get_long().unwrap_or(id).to_owned();
    let given = matches.value_source(id).filter(|source| *source != ValueSource::DefaultValue);
    let value = match chosen(id, config) {
        Some(value) => value,
        None if flag.is_hide_env_values_set() && given.is_some() => "(hidden)".to_owned(),
        None => {
            let values = matches.get_raw(id).into_iter().flatten();
            values.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(",")
        }
    };
    let source = match given {
        Some(ValueSource::EnvVariable) => {
            let variable = flag.get_env().unwrap_or_default().to_string_lossy();
            format!("environment, {variable}")
        }
        Some(_) => "flag".to_owned(),
        None if id == "database_url" && std::env::var_os("DATABASE_URL").is_some() => {
            "environment, DATABASE_URL".to_owned()
        }
        None => "default".to_owned(),
    };
    Setting { name, value: shown(&value), source }
}

/// The value of a setting whose default depends on others or on the machine.
fn chosen(id: &str, config: &Config) -> Option<String> {
    let number = |limit: usize| match limit {
        usize::MAX => "0".to_owned(),
        limit => limit.to_string(),
    };
    Some(match id {
        "data_dir" => config.storage.data_dir.display().to_string(),
        // The output omits the password.
        "database_url" => config.storage.database.to_string(),
        "access" => named(config.access),
        "registration" => named(config.registration),
        "trusted_proxies" => {
            let trusted = config.reach.trusted.iter().map(ToString::to_string);
            trusted.collect::<Vec<_>>().join(",")
        }
        // Another process has a different id.
        "node" => match config.node.strip_suffix(&format!("-{}", std::process::id())) {
            Some(host) => format!("{host}-PID"),
            None => config.node.clone(),
        },
        "workers" => config.workers.to_string(),
        "max_connections" => number(config.max_connections),
        "max_renderings" => number(config.max_renderings),
        _ => return None,
    })
}

/// Returns a choice as it is written on the command line.
fn named(choice: impl ValueEnum) -> String {
    choice.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Escapes control characters, so that a value stays on one line and cannot control a terminal.
fn shown(value: &str) -> String {
    if value.is_empty() {
        return "(none)".to_owned();
    }
    let mut line = String::with_capacity(value.len());
    for character in value.chars() {
        match character.is_control() {
            true => line.extend(character.escape_default()),
            false => line.push(character),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Command;

    fn settings(flags: &[&str]) -> Result<Vec<Setting>, Error> {
        let arguments = ["kilonova", COMMAND].iter().chain(flags).map(Into::into);
        let Command::Config(args) = Cli::read(arguments).unwrap().into_command() else {
            panic!("not the command that shows settings")
        };
        args.settings()
    }

    fn value(settings: &[Setting], name: &str) -> (String, String) {
        let setting = settings.iter().find(|setting| setting.name == name).unwrap();
        (setting.value.clone(), setting.source.clone())
    }

    #[test]
    fn each_setting_has_its_value_and_its_source() {
        let flags = ["--max-body", "7", "--data-dir", "\u{1b}[2J\n", "--host", "a.example,b"];
        let settings = settings(&flags).unwrap();
        let of = |name| value(&settings, name);
        assert_eq!(of("max-body"), ("7".to_owned(), "flag".to_owned()));
        assert_eq!(of("max-upload"), ("10485760".to_owned(), "default".to_owned()));
        assert_eq!(of("access"), ("accounts".to_owned(), "default".to_owned()));
        assert_eq!(of("host").0, "a.example,b");
        assert_eq!(of("trusted-proxy").0, "127.0.0.0/8,::1/128");
        assert_eq!(of("max-connections").0, "25000");
        assert_eq!(of("site-icon").0, "(none)");
        assert!(of("data-dir").0.ends_with("/\\u{1b}[2J\\n"), "{:?}", of("data-dir"));
    }

    /// Requires a build with both features.
    #[cfg(all(feature = "postgres", feature = "zenoh"))]
    #[test]
    fn secrets_are_hidden() {
        let flags = [
            "--cluster-secret",
            "hunter2hunter2hunter2",
            "--cluster-listen",
            "tcp/127.0.0.1:1",
            "--database-url",
            "postgres://ada:hunter2@localhost/blog",
        ];
        let settings = settings(&flags).unwrap();
        assert_eq!(value(&settings, "cluster-secret").0, "(hidden)");
        assert!(value(&settings, "database-url").0.contains("localhost"));
        assert!(!settings.iter().any(|setting| setting.to_string().contains("hunter2")));
    }

    #[test]
    fn flags_that_the_server_refuses_are_refused_in_its_words() {
        let flags = ["--access", "open", "--host", "example.org"];
        let refused = settings(&flags).unwrap_err().to_string();
        let arguments = ["kilonova"].iter().chain(&flags).map(Into::into);
        let Command::Serve(args) = Cli::read(arguments).unwrap().into_command() else {
            panic!("not the command that serves")
        };
        assert_eq!(refused, args.check().unwrap_err().to_string());
    }

    /// A flag without a fixed default either depends on others, as its help says, or is off.
    #[test]
    fn every_default_that_depends_on_something_is_shown() {
        let config = settings(&[]).unwrap();
        for flag in Cli::command().get_arguments().filter(|flag| flag.get_env().is_some()) {
            let help = flag.get_help().unwrap().to_string();
            let name = flag.get_long().unwrap();
            if help.contains("[default: ") {
                assert_ne!(value(&config, name).0, "(none)", "--{name}");
            }
        }
    }
}
