//! A file that has grown long holds more than one idea. Lines of code count; blank lines,
//! comments, docs and the tests at the bottom of the file do not.

use crate::finding::Finding;
use crate::tree::{File, Tree};

/// From here on a file wants splitting.
const LONG: usize = 500;
/// From here on it must be split.
const TOO_LONG: usize = 900;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("rs")
        .chain(tree.with_extension("py"))
        .filter_map(|file| {
            let lines = code_lines(file);
            let problem = format!("{lines} lines of code");
            let remedy = "cut it along the life of the thing it describes, one idea per file";
            if lines > TOO_LONG {
                Some(Finding::error(&file.path, format!("{problem}, {TOO_LONG} is the limit"), remedy))
            } else if lines > LONG {
                Some(Finding::warning(&file.path, format!("{problem}, {LONG} is where it gets hard to read"), remedy))
            } else {
                None
            }
        })
        .collect()
}

fn code_lines(file: &File) -> usize {
    if file.extension() == "py" {
        python_lines(&file.text)
    } else {
        file.lines_without_tests().filter(|(_, line)| is_code(line, "//")).count()
    }
}

/// A string that opens a line is taken for a docstring.
fn python_lines(text: &str) -> usize {
    let mut count = 0;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let start = line.trim_start().trim_start_matches(['r', 'R']);
        match ["\"\"\"", "'''"].iter().find_map(|quote| Some((quote, start.strip_prefix(*quote)?))) {
            Some((quote, rest)) if !rest.contains(quote) => {
                lines.by_ref().find(|line| line.contains(quote));
            }
            Some(_) => {}
            None => count += usize::from(is_code(line, "#")),
        }
    }
    count
}

fn is_code(line: &str, comment: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with(comment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_counts_in_rust() {
        let text = "//! Doc.\n\nuse a;\n\n/// Doc.\nfn f() {\n    // Why.\n    g();\n}\n\n\
                    #[cfg(test)]\nmod tests {\n    fn t() {\n    }\n}\n\nconst C: u8 = 1;\n";
        assert_eq!(code_lines(&Tree::of(&[("a.rs", text)]).files()[0]), 5);
    }

    #[test]
    fn only_code_counts_in_python() {
        let text = "\"\"\"One line.\"\"\"\n\nimport a\n\n# Why.\ndef f():\n    r\"\"\"Several\n\n    lines.\n    \"\"\"\n    g()\n";
        assert_eq!(python_lines(text), 3);
    }

    #[test]
    fn the_limits_hold_on_both_sides() {
        for (lines, expected) in [(500, None), (501, Some(false)), (900, Some(false)), (901, Some(true))] {
            for (path, line) in [("crates/a/src/lib.rs", "f();\n"), ("python/millau/a.py", "f()\n")] {
                let findings = check(&Tree::of(&[(path, &line.repeat(lines))]));
                assert_eq!(findings.first().map(Finding::is_error), expected, "{path}: {lines}");
            }
        }
    }
}
