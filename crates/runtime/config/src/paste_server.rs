//! `[server:main]` of a PasteDeploy file that names Millau as its server: settings, as `millau.paste` understands them, for
//! those who start the file with `millau serve paste:FILE.ini` instead of pserve.

use std::ffi::{OsStr, OsString};

use crate::setting::Setting;
use crate::table::SETTINGS;
use crate::{environment, suggestion};

/// What such a section says, read by us or passed by whoever has read it; nothing by default.
#[derive(Default)]
pub struct PasteServer {
    /// What stands before a name in a message: how the operator calls the file, and the section.
    place: String,
    settings: Vec<(String, String)>,
    /// It comes before what the environment says, as what a program passes does.
    pub(crate) outranks_environment: bool,
}

impl PasteServer {
    /// Reads the text of a file; what it says is nothing where another server is named. `here` is the directory of the file,
    /// which `%(here)s` stands for; a value with any other reference is passed over.
    pub fn read(file: &str, text: &str, here: &str) -> Self {
        let place = format!("{file} [server:main]");
        Self { place, settings: settings(text, here), outranks_environment: false }
    }

    /// Settings that a program passes, by their names and as they would be written on the command line.
    ///
    /// # Errors
    /// The message for a name that is none of a setting.
    pub fn passed(settings: Vec<(String, String)>) -> Result<Self, String> {
        let passed = Self { place: String::new(), settings, outranks_environment: true };
        let refused = passed.unknown().next().map(|(name, hint)| format!("no setting is called '{name}'{hint}"));
        refused.map_or(Ok(passed), Err)
    }

    /// What the section says about a setting. An empty value says nothing, unless empty is a value.
    pub(crate) fn given(&self, setting: &Setting) -> Option<Vec<OsString>> {
        let (_, value) = self.settings.iter().find(|(name, _)| name == setting.name)?;
        environment::values(setting, OsStr::new(value))
    }

    /// Where a setting stands.
    pub(crate) fn place(&self, setting: &Setting) -> String {
        format!("{} {}", self.place, setting.name.replace('-', "_")).trim_start().to_owned()
    }

    /// A line for each name that is none of a setting.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let line = |(name, hint)| format!("{}: '{name}' is no setting and has no effect{hint}", self.place);
        self.unknown().map(line).collect()
    }

    /// The names that are none of a setting, each with the one that may be meant.
    fn unknown(&self) -> impl Iterator<Item = (&str, String)> {
        let names = || SETTINGS.iter().map(|setting| setting.name);
        let unknown = self.settings.iter().filter(move |(name, _)| names().all(|known| known != name));
        unknown.map(move |(name, _)| (name.as_str(), suggestion::hint(name, names())))
    }
}

/// The settings of the section by their names.
fn settings(text: &str, here: &str) -> Vec<(String, String)> {
    let mut values: Vec<(String, String)> = Vec::new();
    let mut is_ours = false;
    for line in text.lines() {
        if line.starts_with(['#', ';']) || line.trim().is_empty() {
            continue;
        }
        if let Some(title) = line.strip_prefix('[') {
            is_ours = title.trim_end().strip_suffix(']').is_some_and(|title| title.trim() == "server:main");
        } else if !is_ours {
            continue;
        } else if line.starts_with(char::is_whitespace) {
            if let Some((_, value)) = values.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(['=', ':']) {
            values.push((name.trim().replace('_', "-").to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    values.iter_mut().for_each(|(_, value)| *value = value.replace("%(here)s", here));
    values.retain(|(_, value)| !value.contains("%("));
    let mut take = |name: &str| {
        let index = values.iter().position(|(other, _)| other == name)?;
        Some(values.remove(index).1).filter(|value| !value.is_empty())
    };
    if !take("use").is_some_and(|server| server == "egg:millau#main" || server == "egg:millau") {
        return Vec::new();
    }
    let (host, port, bind) = (take("host"), take("port"), take("bind").unwrap_or_default());
    let mut binds: Vec<String> = bind.split([' ', ',']).filter(|bind| !bind.is_empty()).map(str::to_owned).collect();
    if host.is_some() || port.is_some() {
        let host = match host.as_deref() {
            None => "127.0.0.1".to_owned(),
            Some("*") => "0.0.0.0".to_owned(),
            Some(host) if host.contains(':') && !host.starts_with('[') => format!("[{host}]"),
            Some(host) => host.to_owned(),
        };
        binds.insert(0, format!("http://{host}:{}", port.as_deref().unwrap_or("8000")));
    }
    values.push(("bind".to_owned(), binds.join(",")));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(section: &str) -> Vec<String> {
        let text =
            format!("[app:main]\nuse = egg:site\nthreads = 9\n[server:main]\n{section}\n[loggers]\nkeys = root\n");
        settings(&text, "/srv").into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn a_section_that_names_us_is_a_list_of_settings() {
        let section = "use = egg:millau#main\n# a comment\nhost = *\nport: 8080\nthreads = 4\nerror_log = %(here)s/log\nx = %(y)s";
        assert_eq!(said(section), ["threads=4", "error-log=/srv/log", "bind=http://0.0.0.0:8080"]);
        let section = "use = egg:millau\nbind =\n  fastcgi+unix:%(here)s/a.sock\n  ajp://127.0.0.1:8009\nhost = ::1";
        assert_eq!(said(section), ["bind=http://[::1]:8000,fastcgi+unix:/srv/a.sock,ajp://127.0.0.1:8009"]);
        assert_eq!(said("use = egg:millau#main"), ["bind="]);
    }

    #[test]
    fn what_a_program_passes_comes_before_the_environment_and_keeps_its_name() {
        let passed = |name: &str, value: &str| PasteServer::passed(vec![(name.to_owned(), value.to_owned())]);
        assert_eq!(passed("thread", "4").err().unwrap(), "no setting is called 'thread'; did you mean 'threads'?");
        let parsed = |value| {
            let line = ["millau", "serve", "m"].map(OsString::from);
            let environment = [("MILLAU_WORKERS".into(), "3".into())];
            crate::parse(line, environment, &passed("workers", value).unwrap())
        };
        let Ok(crate::Invocation::Serve(settings)) = parsed("2") else { panic!("not served") };
        assert_eq!(settings.workers, 2);
        let error = parsed("many").unwrap_err().to_string();
        assert!(error.starts_with("workers 'many': "), "{error}");
    }

    #[test]
    fn a_wrong_line_is_named_by_its_file() {
        let text = "[server:main]\nuse = egg:millau#main\nthread = 4\nworkers = many\n";
        let server = PasteServer::read("site.ini", text, "/srv");
        let told = "site.ini [server:main]: 'thread' is no setting and has no effect; did you mean 'threads'?";
        assert_eq!(server.warnings(), [told]);
        let line = ["millau", "serve", "paste:site.ini"].map(OsString::from);
        let error = crate::parse(line, [], &server).unwrap_err().to_string();
        assert!(error.contains("site.ini [server:main] workers 'many': "), "{error}");
    }

    #[test]
    fn one_that_names_another_server_says_nothing() {
        for section in ["", "use = egg:waitress#main\nport = 8080", "port = 8080"] {
            assert!(said(section).is_empty(), "{section}");
        }
    }
}
