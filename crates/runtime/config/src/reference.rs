//! The reference page, `docs/settings.md`, made from the table.

use std::fmt::Write;

use crate::command::TARGET_LONG;
use crate::setting::{Group, Setting};
use crate::table::SETTINGS;

const INTRODUCTION: &str = "\
# Settings

Made from the table in `crates/runtime/config/src/table/`; to change it, change the table and run
`UPDATE_DOCS=1 cargo test -p millau-config`.

    millau serve TARGET [options]

";

const FORMS: &str = "

Every setting is an option of the command line and a variable of the environment; the command line wins. Lists are
separated by commas in a variable, an option is given once for each. A switch has a second option that undoes it, and its
variable is `1`, `true`, `yes` or `on`, or `0`, `false`, `no` or `off`. An empty variable counts as not set, but for
`MILLAU_SERVER_HEADER`.

A size is a number of bytes, or of `k`, `M` or `G`, each 1024 times more than the last: `64k`. A time is a number of
seconds, or of `ms`, `s`, `m` or `h`: `500ms`, `1.5m`.
";

/// The page as it should be in the repository.
pub fn reference_markdown() -> String {
    let mut page = format!("{INTRODUCTION}{TARGET_LONG}{FORMS}");
    for group in Group::ALL {
        let _ = write!(page, "\n## {}\n", group.title());
        for setting in SETTINGS.iter().filter(|setting| setting.group == *group) {
            section(&mut page, setting);
        }
    }
    page
}

fn section(page: &mut String, setting: &Setting) {
    let _ = write!(page, "\n### {}\n\n{}. {}\n\n", setting.name, setting.help, setting.long);
    for choice in setting.choices() {
        let _ = writeln!(page, "- `{}`: {}", choice.name, choice.meaning);
    }
    if !setting.choices().is_empty() {
        page.push('\n');
    }
    let _ = writeln!(page, "| | |\n|---|---|");
    match setting.negation() {
        Some(negation) => {
            let _ = writeln!(page, "| option | `{}`, `{negation}` |", setting.option());
        }
        None => {
            let _ = writeln!(page, "| option | `{} {}` |", setting.option(), setting.value_name);
        }
    }
    let _ = writeln!(page, "| environment | `{}` |", setting.variable());
    let default = if setting.default.is_empty() { "none".to_owned() } else { format!("`{}`", setting.default) };
    let _ = writeln!(page, "| default | {default} |");
    let range = setting.range();
    if !range.is_empty() && !setting.is_switch() {
        let _ = writeln!(page, "| range | {range} |");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_page_in_the_repository_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/settings.md");
        let page = super::reference_markdown();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &page).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == page,
            "docs/settings.md is not what the table says; run UPDATE_DOCS=1 cargo test -p millau-config"
        );
    }
}
