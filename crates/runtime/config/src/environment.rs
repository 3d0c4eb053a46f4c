//! The environment form of the settings: `MILLAU_BIND` for `--bind`.

use std::ffi::{OsStr, OsString};
use std::net::IpAddr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::setting::Setting;
use crate::suggestion;
use crate::table::SETTINGS;

const PREFIX: &str = "MILLAU_";

/// Who may connect to a FastCGI application over TCP, for whoever starts it (FastCGI 1.0 §3.2).
const WEB_SERVERS: &str = "FCGI_WEB_SERVER_ADDRS";

/// Those variables that are meant for us.
pub(crate) struct Environment(Vec<(String, OsString)>);

impl Environment {
    /// Picks them out of the environment of a process.
    pub(crate) fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let ours = variables.into_iter().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            (name.starts_with(PREFIX) || name == WEB_SERVERS).then_some((name, value))
        });
        Self(ours.collect())
    }

    /// What the environment says about a setting. An empty variable says nothing, unless empty is a value.
    pub(crate) fn given(&self, setting: &Setting) -> Option<Vec<OsString>> {
        let name = setting.variable();
        let (_, value) = self.0.iter().find(|(other, _)| *other == name)?;
        values(setting, value)
    }

    /// What the environment says under a name, given without the prefix.
    pub(crate) fn value(&self, name: &str) -> Option<OsString> {
        let is_it = |other: &str| other.strip_prefix(PREFIX) == Some(name);
        self.0.iter().find(|(other, _)| is_it(other)).map(|(_, value)| value.clone())
    }

    /// The addresses that `FCGI_WEB_SERVER_ADDRS` names; `None` if it is not set, which means everybody. What is no address
    /// fits nobody.
    pub(crate) fn web_servers(&self) -> Option<Vec<IpAddr>> {
        let (_, value) = self.0.iter().find(|(name, _)| name == WEB_SERVERS)?;
        Some(split(value).iter().filter_map(|address| address.to_str()?.parse().ok()).collect())
    }

    /// A line for each variable that looks like ours and is not.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let known: Vec<String> = SETTINGS.iter().map(|setting| setting.variable()).collect();
        // Without the prefix, which makes everything alike.
        let words = || known.iter().filter_map(|name| name.strip_prefix(PREFIX));
        let unknown = self.0.iter().filter_map(|(name, _)| name.strip_prefix(PREFIX));
        unknown
            .filter(|word| words().all(|known| known != *word))
            .map(|word| {
                let likely = suggestion::nearest(word, words());
                let hint = likely.map_or_else(String::new, |likely| format!("; did you mean '{PREFIX}{likely}'?"));
                format!("the environment variable {PREFIX}{word} is no setting and has no effect{hint}")
            })
            .collect()
    }
}

/// The values of a setting that has one text for all of them. An empty one says nothing, unless empty is a value.
pub(crate) fn values(setting: &Setting, text: &OsStr) -> Option<Vec<OsString>> {
    if text.is_empty() && !setting.may_be_empty() {
        return None;
    }
    let values = if setting.is_list() { split(text) } else { vec![text.to_owned()] };
    (!values.is_empty()).then_some(values)
}

/// At commas; space around them does not count. There is no way to write a comma inside a value.
fn split(value: &OsStr) -> Vec<OsString> {
    let parts = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    parts.filter(|part| !part.is_empty()).map(|part| OsString::from_vec(part.to_vec())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::new(variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
    }

    #[test]
    fn the_addresses_of_web_servers_are_read_as_fastcgi_defines_them() {
        assert_eq!(environment(&[]).web_servers(), None);
        let found = environment(&[("FCGI_WEB_SERVER_ADDRS", "199.170.183.28, 199.170.183.71,oops")]).web_servers();
        assert_eq!(found, Some(vec!["199.170.183.28".parse().unwrap(), "199.170.183.71".parse().unwrap()]));
        assert_eq!(environment(&[("FCGI_WEB_SERVER_ADDRS", "")]).web_servers(), Some(vec![]));
        assert!(environment(&[("FCGI_WEB_SERVER_ADDRS", "::1")]).warnings().is_empty());
    }

    fn given(variables: &[(&str, &str)], setting: &str) -> Option<Vec<OsString>> {
        environment(variables).given(SETTINGS.iter().find(|row| row.name == setting).unwrap())
    }

    #[test]
    fn finds_the_variable_of_a_setting() {
        assert_eq!(given(&[("MILLAU_WORKERS", "3")], "workers"), Some(vec!["3".into()]));
        assert_eq!(given(&[("MILLAU_THREADS_MIN", " 3")], "threads-min"), Some(vec![" 3".into()]));
        assert_eq!(given(&[("WORKERS", "3"), ("MILLAU_WORKER", "3")], "workers"), None);
    }

    #[test]
    fn a_list_is_split_at_commas() {
        let binds = given(&[("MILLAU_BIND", "a:1, b:2 ,,c:3,")], "bind");
        assert_eq!(binds, Some(vec!["a:1".into(), "b:2".into(), "c:3".into()]));
        assert_eq!(given(&[("MILLAU_ACCESS_LOG", "a,b")], "access-log"), Some(vec!["a,b".into()]));
    }

    #[test]
    fn an_empty_variable_says_nothing_unless_empty_is_a_value() {
        assert_eq!(given(&[("MILLAU_WORKERS", "")], "workers"), None);
        assert_eq!(given(&[("MILLAU_BIND", "")], "bind"), None);
        assert_eq!(given(&[("MILLAU_BIND", " ,")], "bind"), None);
        assert_eq!(given(&[("MILLAU_SERVER_HEADER", "")], "server-header"), Some(vec!["".into()]));
    }

    #[test]
    fn a_variable_that_is_no_setting_is_reported_with_the_likely_one() {
        let variables = [
            ("MILLAU_BIND", "a:1"),
            ("MILLAU_BINDS", "a:1"),
            ("MILLAU_NO_PRELOAD", "1"),
            ("MILLAU_XYZ", "1"),
            ("PATH", "/bin"),
        ];
        assert_eq!(
            environment(&variables).warnings(),
            [
                "the environment variable MILLAU_BINDS is no setting and has no effect; did you mean 'MILLAU_BIND'?",
                "the environment variable MILLAU_NO_PRELOAD is no setting and has no effect; did you mean 'MILLAU_PRELOAD'?",
                "the environment variable MILLAU_XYZ is no setting and has no effect",
            ]
        );
    }
}
