//! A file is named after the one idea in it. Some names only say that nobody knew which idea.

use crate::finding::Finding;
use crate::tree::Tree;

const EMPTY_NAMES: &[&str] =
    &["common", "helper", "helpers", "manager", "managers", "misc", "util", "utilities", "utils"];

/// Names that end in such a word and are terms all the same, with who says so.
const TERMS: &[(&str, &str)] =
    &[("service_manager", "sd_listen_fds(3): what starts a service and hands it its sockets")];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files()
        .iter()
        .filter(|file| !GIVEN.iter().any(|(path, _)| *path == file.path))
        .filter_map(|file| Some((file, file.path.split('/').find(|part| is_empty_name(part))?)))
        .map(|(file, part)| {
            Finding::error(
                &file.path,
                format!("`{part}` does not say what is inside"),
                "name it after the thing it holds, in the words of the standard; two things are two files",
            )
        })
        .collect()
}

/// Files whose name is somebody else's interface, with whose.
const GIVEN: &[(&str, &str)] =
    &[("python/millau/mod_python/util.py", "`from mod_python import util`, as its manual has it")];

/// Also as the last word of a longer name: `string_utils.rs` says no more than `utils.rs`.
fn is_empty_name(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).to_ascii_lowercase();
    if TERMS.iter().any(|(term, _)| *term == stem) {
        return false;
    }
    stem.rsplit(['_', '-']).next().is_some_and(|word| EMPTY_NAMES.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str) -> bool {
        !check(&Tree::of(&[(path, "")])).is_empty()
    }

    #[test]
    fn names_that_say_nothing_are_refused() {
        for path in [
            "crates/a/src/utils.rs",
            "crates/a/src/common/mod.rs",
            "python/millau/helpers.py",
            "tests/python/http_helpers.py",
            "crates/a/src/worker_manager.rs",
            "crates/common/src/lib.rs",
        ] {
            assert!(found(path), "{path}");
        }
    }

    #[test]
    fn names_that_only_resemble_them_are_fine() {
        for path in [
            "examples/guestbook/manage.py",
            "crates/a/src/management.rs",
            "crates/a/src/service_manager.rs",
            "docs/common_gateway_interface.md",
        ] {
            assert!(!found(path), "{path}");
        }
    }
}
