//! The text files of the repository, tracked or about to be, as the checks see them.

use std::path::Path;
use std::process::Command;

/// One text file; the path is relative to the root and uses `/`.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// The last part of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// What follows the last dot of the name, or nothing.
    pub(crate) fn extension(&self) -> &str {
        self.name().rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// The lines of a Rust file with their numbers, without the test modules in it.
    ///
    /// Relies on the formatter: a test module at the left margin ends with a brace at the left margin.
    pub(crate) fn lines_without_tests(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut lines = self.text.lines().zip(1..).peekable();
        std::iter::from_fn(move || {
            loop {
                let (line, number) = lines.next()?;
                let opens_tests = line == "#[cfg(test)]" && lines.peek().is_some_and(|(next, _)| next.ends_with('{'));
                if !opens_tests {
                    return Some((number, line));
                }
                lines.by_ref().find(|(line, _)| *line == "}");
            }
        })
    }
}

/// Every text file that git tracks or would offer to add.
#[derive(Debug)]
pub(crate) struct Tree {
    files: Vec<File>,
}

impl Tree {
    /// Asks git for the files, so that build products and whatever else is ignored stay out.
    pub(crate) fn read(root: &Path) -> Result<Self, String> {
        let output = Command::new("git")
            .current_dir(root)
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .output()
            .map_err(|e| format!("git did not start ({e}); tidy asks git which files there are"))?;
        if !output.status.success() {
            return Err(format!(
                "git ls-files failed in {}: {}; tidy must run in a git checkout",
                root.display(),
                String::from_utf8_lossy(&output.stderr).trim(),
            ));
        }
        let files = String::from_utf8_lossy(&output.stdout)
            .split_terminator('\0')
            // A file that is deleted but not yet committed is still listed; a binary file has no text.
            .filter_map(|path| {
                let text = std::fs::read_to_string(root.join(path)).ok()?;
                Some(File { path: path.to_owned(), text })
            })
            .collect();
        Ok(Self { files })
    }

    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files =
            files.iter().map(|(path, text)| File { path: (*path).to_owned(), text: (*text).to_owned() }).collect();
        Self { files }
    }

    pub(crate) fn files(&self) -> &[File] {
        &self.files
    }

    pub(crate) fn with_extension<'a>(&'a self, extension: &'a str) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(move |file| file.extension() == extension)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_itself_can_be_read_and_leaves_out_what_is_ignored() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let tree = Tree::read(&root).unwrap();
        assert!(tree.files().iter().any(|file| file.path == "xtask/src/tree.rs"));
        assert!(!tree.files().iter().any(|file| file.path.starts_with("target/")));
    }

    #[test]
    fn test_modules_are_left_out_and_what_follows_keeps_its_number() {
        let text = "a\n#[cfg(test)]\nmod tests {\n    b {\n    }\n}\nc\n#[cfg(test)]\nmod tests;\n";
        let tree = Tree::of(&[("a.rs", text)]);
        let lines: Vec<_> = tree.files()[0].lines_without_tests().collect();
        assert_eq!(lines, [(1, "a"), (7, "c"), (8, "#[cfg(test)]"), (9, "mod tests;")]);
    }

    #[test]
    fn a_folder_without_git_is_named_in_the_message() {
        let message = Tree::read(Path::new("/")).unwrap_err();
        assert!(message.contains("git checkout"), "{message}");
    }
}
