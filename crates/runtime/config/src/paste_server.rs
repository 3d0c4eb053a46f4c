//! `[server:main]` of a PasteDeploy file that names Millau as its server: settings, as `millau.paste` understands them, for
//! those who start the file with `millau serve paste:FILE.ini` instead of pserve.

use std::ffi::OsString;

/// What the section says, as variables of the environment; nothing where another server is named. `here` is the directory of
/// the file, which `%(here)s` stands for; a value with any other reference is passed over.
pub fn paste_server_settings(text: &str, here: &str) -> Vec<(OsString, OsString)> {
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
    let variable = |name: &str| format!("MILLAU_{}", name.replace('-', "_").to_ascii_uppercase());
    values.into_iter().map(|(name, value)| (variable(&name).into(), value.into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(section: &str) -> Vec<String> {
        let text =
            format!("[app:main]\nuse = egg:site\nthreads = 9\n[server:main]\n{section}\n[loggers]\nkeys = root\n");
        let pairs = paste_server_settings(&text, "/srv");
        pairs.into_iter().map(|(name, value)| format!("{}={}", name.display(), value.display())).collect()
    }

    #[test]
    fn a_section_that_names_us_is_a_list_of_settings() {
        let section = "use = egg:millau#main\n# a comment\nhost = *\nport: 8080\nthreads = 4\nerror_log = %(here)s/log\nx = %(y)s";
        assert_eq!(said(section), ["MILLAU_THREADS=4", "MILLAU_ERROR_LOG=/srv/log", "MILLAU_BIND=http://0.0.0.0:8080"]);
        let section = "use = egg:millau\nbind =\n  fastcgi+unix:%(here)s/a.sock\n  ajp://127.0.0.1:8009\nhost = ::1";
        assert_eq!(said(section), ["MILLAU_BIND=http://[::1]:8000,fastcgi+unix:/srv/a.sock,ajp://127.0.0.1:8009"]);
        assert_eq!(said("use = egg:millau#main"), ["MILLAU_BIND="]);
    }

    #[test]
    fn one_that_names_another_server_says_nothing() {
        for section in ["", "use = egg:waitress#main\nport = 8080", "port = 8080"] {
            assert!(said(section).is_empty(), "{section}");
        }
    }
}
