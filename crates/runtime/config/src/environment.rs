//! The environment form of the settings: `MILLAU_BIND` for `--bind`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::setting::Setting;
use crate::suggestion;
use crate::table::SETTINGS;

const PREFIX: &str = "MILLAU_";

/// Those variables that are meant for us.
pub(crate) struct Environment(Vec<(String, OsString)>);

impl Environment {
    /// Picks them out of the environment of a process.
    pub(crate) fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let ours = variables.into_iter().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            name.starts_with(PREFIX).then_some((name, value))
        });
        Self(ours.collect())
    }

    /// What the environment says about a setting. An empty variable says nothing, unless empty is a value.
    pub(crate) fn given(&self, setting: &Setting) -> Option<Vec<OsString>> {
        let name = setting.variable();
        let (_, value) = self.0.iter().find(|(other, _)| *other == name)?;
        if value.is_empty() && !setting.may_be_empty() {
            return None;
        }
        Some(if setting.is_list() { split(value) } else { vec![value.clone()] })
    }

    /// A line for each variable that looks like ours and is not.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let known: Vec<String> = SETTINGS.iter().map(Setting::variable).collect();
        let unknown = self.0.iter().map(|(name, _)| name).filter(|name| !known.contains(name));
        let bare = |name: &str| name.trim_start_matches(PREFIX).to_owned();
        unknown
            .map(|name| {
                // Without the prefix, which makes everything alike.
                let known: Vec<String> = known.iter().map(|name| bare(name)).collect();
                let hint = suggestion::nearest(&bare(name), known.iter().map(String::as_str))
                    .map_or_else(String::new, |likely| format!("; did you mean '{PREFIX}{likely}'?"));
                format!("the environment variable {name} is no setting and has no effect{hint}")
            })
            .collect()
    }
}

/// At commas; space around them does not count. There is no way to write a comma inside a value.
fn split(value: &OsStr) -> Vec<OsString> {
    let parts = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    parts.filter(|part| !part.is_empty()).map(|part| OsString::from_vec(part.to_vec())).collect()
}
