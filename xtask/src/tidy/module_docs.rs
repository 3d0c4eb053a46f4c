//! Every module says first what it is: `//!` in Rust, a docstring in the Python package.

use crate::finding::Finding;
use crate::tree::{File, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let rust = tree.with_extension("rs").filter(|file| !says_what_it_is(file, &["//!"]));
    let python = tree
        .with_extension("py")
        .filter(|file| file.path.starts_with("python/"))
        .filter(|file| !says_what_it_is(file, &["\"\"\"", "r\"\"\""]));

    let missing = |file: &File, form: &str| {
        Finding::error(
            format!("{}:1", file.path),
            "the file does not say what it is",
            format!("begin it with {form}: one sentence on what this module is and where its limits are"),
        )
    };
    rust.map(|file| missing(file, "a `//!` line")).chain(python.map(|file| missing(file, "a docstring"))).collect()
}

/// Whether the first line of meaning opens a module doc that is not empty.
fn says_what_it_is(file: &File, openings: &[&str]) -> bool {
    let is_python = file.extension() == "py";
    file.text.lines().map(str::trim).find(|line| !(line.is_empty() || is_python && line.starts_with('#'))).is_some_and(
        |line| openings.iter().any(|opening| line.strip_prefix(opening).is_some_and(|rest| !rest.trim().is_empty())),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)])).iter().map(|finding| finding.place().to_owned()).collect()
    }

    #[test]
    fn rust_modules_begin_with_a_doc_line() {
        assert!(places("crates/a/src/lib.rs", "//! The model.\n\nuse a;\n").is_empty());
        assert!(places("crates/a/src/lib.rs", "\n//! The model.\n").is_empty());
        for wrong in ["use a;\n//! Too late.\n", "// The model.\n", "/// The model.\n", "//!\n\nuse a;\n", ""] {
            assert_eq!(places("crates/a/src/lib.rs", wrong), ["crates/a/src/lib.rs:1"], "{wrong:?}");
        }
    }

    #[test]
    fn the_python_package_begins_with_docstrings() {
        assert!(places("python/millau/a.py", "\"\"\"The face.\"\"\"\n").is_empty());
        assert!(
            places("python/millau/a.py", "#!/usr/bin/env python3\n# encoding\n\n\"\"\"The face.\n\n\"\"\"\n")
                .is_empty()
        );
        for wrong in ["import os\n\"\"\"Too late.\"\"\"\n", "# The face.\n", "\"\"\"\nThe face.\n\"\"\"\n", ""] {
            assert_eq!(places("python/millau/a.py", wrong), ["python/millau/a.py:1"], "{wrong:?}");
        }
    }

    #[test]
    fn python_outside_the_package_is_left_alone() {
        assert!(places("tests/python/test_a.py", "import os\n").is_empty());
    }
}
