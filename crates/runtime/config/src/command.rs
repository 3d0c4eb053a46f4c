//! The command line, made from the table, and clap's complaints in our words.

use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::setting::{Group, Kind, Setting};
use crate::table::SETTINGS;
use crate::{deployment, examination};

pub(crate) const TARGET: &str = "TARGET";
pub(crate) const FILE: &str = "FILE";

const TARGET_HELP: &str = "The application: module[:attribute], path/to/file.py[:attribute], paste:FILE.ini, publisher:PATH, \
    psp:DIR, handler:FILE[:function] or static:DIR";

pub(crate) const TARGET_LONG: &str = "module[:attribute] is imported; the current directory comes first on sys.path. Without an \
    attribute, 'application' is taken, or else 'app'. The attribute may be dotted, and with '()' at its end it is called \
    without arguments to make the application. path/to/file.py[:attribute] loads a file that is no module of a package. \
    paste:FILE.ini loads a PasteDeploy configuration. cgi:DIR serves CGI programs. publisher:PATH, psp:DIR and \
    handler:FILE[:function] serve what was written for mod_python; static:DIR serves files. A directory named as a path (. \
    or DIR/) is looked through, and each file in it is served as what it is. TARGET may be left out if there is a --mount.";

/// The whole program, as it presents itself.
pub(crate) fn command() -> Command {
    Command::new("millau")
        .bin_name("millau")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Puts Python on the web")
        .after_help("To serve a Django project, say: millau serve mysite.wsgi")
        .max_term_width(100)
        .subcommand(serve())
        .subcommand(cgi())
        .subcommand(relay())
        .subcommand(deployment::command())
        .subcommand(examination::command())
}

fn serve() -> Command {
    with_settings(Command::new("serve").about("Serve applications until a signal ends it"), |_| true)
}

fn cgi() -> Command {
    let command =
        Command::new("cgi").about("Be a CGI program: answer the one request that a web server has started it for");
    with_settings(command, Setting::concerns_cgi).before_long_help(
        "TARGET may also be a script: a file whose first line is '#!/path/to/millau cgi' and whose next lines are the rest of \
         this command line. The script's directory is then the current one. Options of millau serve that say nothing here \
         are allowed and have no effect.",
    )
}

fn relay() -> Command {
    let command =
        Command::new("relay").about("Write a CGI program that hands its requests to a server that stays running");
    let file = Arg::new(FILE).help("The CGI program to write").required(true).value_parser(ValueParser::os_string());
    with_settings(command.arg(file), |_| true).before_long_help(
        "FILE becomes a script whose interpreter is the executable millau-relay, which is written beside the command millau, or \
         beside FILE where that is not allowed. The first request starts 'millau serve TARGET' with the given options, as \
         the user of the CGI program; it ends when nothing has been asked of it for --exit-when-idle seconds (300 unless \
         given), and touching FILE makes the next request start it anew. Where no server can be started, the program \
         answers as 'millau cgi' does.",
    )
}

/// A command that takes a target and the settings; those that are not `shown` are allowed too.
fn with_settings(command: Command, shown: fn(&Setting) -> bool) -> Command {
    let target = Arg::new(TARGET).help(TARGET_HELP).long_help(TARGET_LONG).value_parser(ValueParser::os_string());
    let mut command = command.max_term_width(100).arg(target);
    for group in Group::ALL {
        for setting in SETTINGS.iter().filter(|setting| setting.group == *group) {
            let hide = |arg: Arg| if shown(setting) { arg } else { arg.hide(true) };
            command = command.args(options(setting).into_iter().map(hide));
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
    let name = setting.name.to_owned();
    if let Kind::Switch { off, .. } = setting.kind {
        let negation = negation_id(setting);
        let switch = |id: &String| named(id.clone()).action(ArgAction::SetTrue).overrides_with_all([&name, &negation]);
        // Help shows the one that changes something.
        let is_on = setting.default == "on";
        let on = switch(&name).hide(is_on).help(setting.help).long_help(long_help(setting, ""));
        let off = switch(&negation).hide(!is_on).help(off).long_help(long_help(setting, &format!("{off}. Else: ")));
        return vec![on, off];
    }
    let default = if setting.default.is_empty() { String::new() } else { format!(" [default: {}]", setting.default) };
    let action = if setting.is_list() { ArgAction::Append } else { ArgAction::Set };
    vec![
        named(name)
            .help(format!("{}{default}", setting.help))
            .long_help(long_help(setting, ""))
            .action(action)
            .value_name(setting.value_name)
            .value_parser(ValueParser::os_string())
            .allow_negative_numbers(true),
    ]
}

fn long_help(setting: &Setting, before: &str) -> String {
    let mut text = format!("{before}{}. {}", setting.help, setting.long);
    for choice in setting.choices() {
        text.push_str(&format!("\n- {}: {}", choice.name, choice.meaning));
    }
    let mut facts = Vec::new();
    if !setting.default.is_empty() {
        facts.push(format!("default: {}", setting.default));
    }
    let range = setting.range();
    if !range.is_empty() && setting.choices().is_empty() && !setting.is_switch() {
        facts.push(format!("range: {range}"));
    }
    facts.push(format!("environment: {}", setting.variable()));
    text.push_str(&format!("\n[{}]", facts.join("; ")));
    text
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

/// What the command line says, as it could be said again: the target, then each option with its values.
pub(crate) fn said_again(matches: &ArgMatches) -> Vec<Vec<OsString>> {
    let mut lines: Vec<Vec<OsString>> =
        matches.get_one::<OsString>(TARGET).map(|target| vec![target.clone()]).into_iter().collect();
    for setting in SETTINGS {
        let Some(values) = given(matches, setting) else { continue };
        if setting.is_switch() {
            let id = if matches.get_flag(setting.name) { setting.name.to_owned() } else { negation_id(setting) };
            lines.push(vec![format!("--{id}").into()]);
        } else {
            lines.extend(values.into_iter().map(|value| vec![setting.option().into(), value]));
        }
    }
    lines
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
        ErrorKind::UnknownArgument if is_option_of_serve(option) => {
            // Only before the command can an option be unknown that is known after it.
            format!("'{option}' belongs after the command: millau serve TARGET {option}")
        }
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
                none if none.is_empty() && word.contains(['.', ':', '/']) => {
                    format!("; to serve an application: millau serve {word}")
                }
                none if none.is_empty() => "; millau --help lists them all".to_owned(),
                hint => hint,
            };
            format!("unknown command '{word}'{hint}")
        }
        ErrorKind::MissingRequiredArgument => {
            "no file is named: write millau relay FILE TARGET, for instance millau relay cgi-bin/site.cgi mysite.wsgi"
                .to_owned()
        }
        ErrorKind::ArgumentConflict => format!("'{option}' is given twice"),
        ErrorKind::InvalidValue => format!("'{option}' needs a value"),
        ErrorKind::TooManyValues => {
            let opposite = match option.strip_prefix("--no-") {
                Some(name) => format!("to switch it on: '--{name}'"),
                None => format!("to switch it off: '--no-{}'", option.trim_start_matches('-')),
            };
            format!("'{option}' takes no value; {opposite}")
        }
        _ => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            line.trim_start_matches("error: ").to_owned()
        }
    }
}

fn is_option_of_serve(option: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.option() == option || setting.negation().is_some_and(|no| no == option))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_finds_no_fault_with_the_command() {
        command().debug_assert();
    }

    #[test]
    fn help_shows_every_setting_below_the_heading_of_its_group() {
        let help = serve().render_long_help().to_string();
        for setting in SETTINGS {
            let shown = if setting.default == "on" { setting.negation().unwrap() } else { setting.option() };
            let place = help.lines().position(|line| line.trim_start().split(' ').next() == Some(&shown));
            let before: Vec<&str> = help.lines().take(place.unwrap()).collect();
            let heading = before.iter().rev().find(|line| line.starts_with(|c: char| c.is_uppercase()));
            assert_eq!(*heading.unwrap(), format!("{}:", setting.group.title()), "{shown}");
            assert!(help.contains(&format!("environment: {}]", setting.variable())), "{}", setting.variable());
        }
    }
}
