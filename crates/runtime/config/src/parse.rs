//! From the command line and the environment to [`Settings`].

use std::ffi::OsString;

use clap::error::ErrorKind;

use crate::command::{self, TARGET};
use crate::environment::Environment;
use crate::setting::{BadValue, Setting};
use crate::table::SETTINGS;
use crate::{Settings, UsageError};

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// `millau serve`
    Serve(Box<Settings>),
    /// Help or version: to be printed to standard output, after which the process ends well.
    Print(String),
}

/// Reads a command line, whose first word is the name of the program, and an environment.
///
/// The command line wins over the environment, and that over the defaults. An empty variable counts as not set, but for
/// MILLAU_SERVER_HEADER. Variables that begin with `MILLAU_` and are no settings end up in [`Settings::warnings`].
///
/// # Errors
/// The first thing found wrong, in one line.
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Invocation, UsageError> {
    let matches = match command::command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return Ok(Invocation::Print(error.to_string()));
        }
        Err(error) => return Err(UsageError::new(command::explain(&error))),
    };
    let Some(("serve", matches)) = matches.subcommand() else {
        return Err(UsageError::new(
            "no command is given: millau serve TARGET serves an application, millau --help says more",
        ));
    };

    let environment = Environment::new(environment);
    let mut settings = Settings::blank();
    let mut given = Vec::new();
    for setting in SETTINGS {
        let (place, values) = if let Some(values) = command::given(matches, setting) {
            (setting.option(), values)
        } else if let Some(values) = environment.given(setting) {
            (setting.variable(), values)
        } else {
            apply_default(setting, &mut settings)?;
            continue;
        };
        setting.apply(&mut settings, &values).map_err(|bad| refusal(&place, &bad))?;
        given.push(setting.name);
    }
    settings.target = target(matches.get_one::<OsString>(TARGET))?;
    settings.binds_given = given.contains(&"bind");
    settings.warnings = environment.warnings();
    settings.check(|name| given.contains(&name)).map_err(UsageError::new)?;
    Ok(Invocation::Serve(Box::new(settings)))
}

fn apply_default(setting: &Setting, settings: &mut Settings) -> Result<(), UsageError> {
    if setting.default.is_empty() {
        return Ok(());
    }
    setting.apply(settings, &[setting.default.into()]).map_err(|bad| refusal("the default of", &bad))
}

fn refusal(place: &str, bad: &BadValue) -> UsageError {
    UsageError::new(format!("{place} '{}': {}", bad.value.escape_debug(), bad.problem))
}

fn target(given: Option<&OsString>) -> Result<Option<String>, UsageError> {
    let Some(given) = given else {
        return Ok(None);
    };
    match given.to_str() {
        Some("") => Err(UsageError::new("TARGET is empty: write millau serve module:attribute, say")),
        Some(text) => Ok(Some(text.to_owned())),
        None => Err(UsageError::new(format!("TARGET '{}' is not valid UTF-8", given.to_string_lossy()))),
    }
}
