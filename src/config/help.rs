//! Adjusts the `--help` text of every command.

use clap::Command;

/// The text below the help of every command.
const ENVIRONMENT: &str = "Each flag can also be set by an environment variable: KILONOVA_ and the \
                           flag's name in capitals, as in KILONOVA_DATA_DIR.";

/// Hides each flag's environment variable, because all variables have the same form.
pub(super) fn shorter(command: Command) -> Command {
    command.mut_args(|arg| arg.hide_env(true)).mut_subcommands(shorter).after_help(ENVIRONMENT)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use crate::config::Cli;

    /// The maximum length of the first line of a flag's help, in columns.
    const LINE: usize = 75;

    #[test]
    fn every_flag_of_the_server_has_a_heading_and_a_first_line() {
        let command = Cli::command();
        let flags: Vec<_> = command.get_arguments().filter(|arg| arg.get_env().is_some()).collect();
        assert!(flags.len() > 60, "{}", flags.len());
        for flag in flags {
            let name = flag.get_long().unwrap();
            assert!(flag.get_help_heading().is_some(), "--{name} has no heading");
            let help = flag.get_help().unwrap().to_string();
            let line = help.split(" [").next().unwrap();
            assert!((1..=LINE).contains(&line.chars().count()), "--{name}: {line}");
            assert!(!line.ends_with('.'), "--{name}: {line}");
        }
    }
}
