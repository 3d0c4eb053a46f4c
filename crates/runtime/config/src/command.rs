//! The command line, made from the table, and clap's complaints in our words.

use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::setting::{Group, Setting};
use crate::table::SETTINGS;

pub(crate) const TARGET: &str = "TARGET";

const TARGET_HELP: &str = "The application: module[:attribute], path/to/file.py[:attribute] or paste:FILE.ini";

pub(crate) const TARGET_LONG: &str = "module[:attribute] is imported; the current directory comes first on sys.path. Without an \
    attribute, 'application' is taken, or else 'app'. The attribute may be dotted, and with '()' at its end it is called \
    without arguments to make the application. path/to/file.py[:attribute] loads a file that is no module of a package. \
    paste:FILE.ini loads a PasteDeploy configuration. TARGET may be left out if there is a --mount.";

/// The whole program, as it presents itself.
pub(crate) fn command() -> Command {
    Command::new("millau")
        .bin_name("millau")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Puts Python on the web")
        .max_term_width(100)
        .subcommand(serve())
}

fn serve() -> Command {
    let target = Arg::new(TARGET).help(TARGET_HELP).long_help(TARGET_LONG).value_parser(ValueParser::os_string());
    let mut command = Command::new("serve").about("Serve applications until a signal ends it").max_term_width(100).arg(target);
    for group in Group::ALL {
        for setting in SETTINGS.iter().filter(|setting| setting.group == *group) {
            command = command.args(options(setting));
        }
    }
    command.after_help(
        "Every option is also read from the environment, MILLAU_BIND for --bind and so on; lists are separated by \
         commas there, and the command line wins.",
    )
}

/// One option, or a switch and its negation.
fn options(setting: &'static Setting) -> Vec<Arg> {
    let named = |id: String| Arg::new(id.clone()).long(id).help_heading(setting.group.title());
    let default = match setting.default {
        "" => String::new(),
        default => format!(" [default: {default}]"),
    };
    let documented = |argument: Arg| {
        argument.help(format!("{}{default}", setting.help)).long_help(long_help(setting))
    };
    let name = setting.name.to_owned();
    if setting.is_switch() {
        let negation = negation_id(setting);
        let on = named(name.clone()).action(ArgAction::SetTrue).overrides_with_all([&name, &negation]);
        let off = named(negation.clone()).action(ArgAction::SetTrue).overrides_with_all([&name, &negation]);
        // Help shows the one that changes something.
        return if setting.default == "on" {
            vec![on.hide(true), documented(off).help(format!("Do not {}", decapitalised(setting.help)))]
        } else {
            vec![documented(on), off.hide(true)]
        };
    }
    let action = if setting.is_list() { ArgAction::Append } else { ArgAction::Set };
    vec![
        documented(named(name))
            .action(action)
            .value_name(setting.value_name)
            .value_parser(ValueParser::os_string())
            .allow_negative_numbers(true),
    ]
}

fn long_help(setting: &Setting) -> String {
    let mut text = format!("{}. {}", setting.help, setting.long);
    for choice in setting.choices() {
        text.push_str(&format!("\n- {}: {}", choice.name, choice.meaning));
    }
    text.push_str("\n[");
    if !setting.default.is_empty() {
        text.push_str(&format!("default: {}; ", setting.default));
    }
    let range = setting.range();
    if !range.is_empty() && setting.choices().is_empty() && !setting.is_switch() {
        text.push_str(&format!("range: {range}; "));
    }
    text.push_str(&format!("environment: {}]", setting.variable()));
    text
}

fn decapitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

fn negation_id(setting: &Setting) -> String {
    format!("no-{}", setting.name)
}

/// What the command line says about a setting; nothing if it does not mention it.
pub(crate) fn given(matches: &ArgMatches, setting: &Setting) -> Option<Vec<OsString>> {
    if setting.is_switch() {
        return if matches.get_flag(&negation_id(setting)) {
            Some(vec!["off".into()])
        } else {
            matches.get_flag(setting.name).then(|| vec!["on".into()])
        };
    }
    Some(matches.get_many::<OsString>(setting.name)?.cloned().collect())
}

/// One line, in our words, for what clap found wrong.
pub(crate) fn explain(error: &clap::Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        Some(ContextValue::Strings(texts)) => texts.first().map(String::as_str),
        _ => None,
    };
    // `--bind <FRONT>` in clap's words.
    let argument = context(ContextKind::InvalidArg).unwrap_or_default();
    let option = argument.split([' ', '=']).next().unwrap_or_default();
    let hint = |kind| context(kind).map_or_else(String::new, |likely| format!("; did you mean '{likely}'?"));
    match error.kind() {
        ErrorKind::UnknownArgument if option.starts_with('-') => {
            let hint = match hint(ContextKind::SuggestedArg) {
                none if none.is_empty() => "; millau serve --help lists them all".to_owned(),
                hint => hint,
            };
            format!("unknown option '{option}'{hint}")
        }
        ErrorKind::UnknownArgument => {
            format!("'{argument}' is one target too many: further applications are added with --mount /path=TARGET")
        }
        ErrorKind::InvalidSubcommand => {
            let word = context(ContextKind::InvalidSubcommand).unwrap_or_default();
            let hint = match hint(ContextKind::SuggestedSubcommand) {
                none if none.is_empty() => format!("; to serve an application: millau serve {word}"),
                hint => hint,
            };
            format!("unknown command '{word}'{hint}")
        }
        ErrorKind::ArgumentConflict => format!("'{option}' is given twice"),
        ErrorKind::InvalidValue => format!("'{option}' needs a value"),
        ErrorKind::TooManyValues => {
            let negation = format!("--no-{}", option.trim_start_matches('-'));
            format!("'{option}' takes no value; to switch it off: '{negation}'")
        }
        _ => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            line.trim_start_matches("error: ").to_owned()
        }
    }
}
