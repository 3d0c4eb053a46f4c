//! The scripts in a directory: what is meant to be started, among data and modules.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Files that are looked at; a directory with more is no directory of scripts.
const MOST: usize = 10_000;

/// What is found in a directory and below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// What is meant to be started, by name.
    pub scripts: Vec<PathBuf>,
    /// Python files that are only imported, as it seems: neither executable nor with a `#!`, and they print no header.
    pub modules: Vec<PathBuf>,
    /// Everything else.
    pub others: usize,
}

/// Suffixes of files that are started, whatever their permissions are.
const SUFFIXES: [&str; 6] = ["cgi", "fcgi", "pl", "sh", "rb", "py"];

/// Directories that hold no scripts.
const PASSED_OVER: [&str; 7] = ["__pycache__", "venv", "node_modules", "site-packages", "static", "templates", "CVS"];

/// Finds the scripts in a directory and below it. Hidden files, caches and virtual environments are passed over.
///
/// # Errors
/// The directory cannot be read. What cannot be read below it is passed over.
pub fn scripts_in(directory: &Path) -> std::io::Result<Found> {
    let mut found = Found::default();
    let mut waiting = vec![directory.to_owned()];
    let mut first = true;
    let mut looked_at = 0;
    while let Some(folder) = waiting.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if first => return Err(error),
            Err(_) => continue,
        };
        first = false;
        for entry in entries.flatten() {
            looked_at += 1;
            if looked_at > MOST {
                break;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            let path = entry.path();
            // A link to a directory may lead back.
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_directory && !PASSED_OVER.contains(&name.as_str()) && !path.join("pyvenv.cfg").exists() {
                waiting.push(path);
            } else if path.is_file() {
                sort(path, &mut found);
            }
        }
    }
    found.scripts.sort();
    found.modules.sort();
    Ok(found)
}

fn sort(path: PathBuf, found: &mut Found) {
    let suffix = path.extension().unwrap_or_default().to_string_lossy().into_owned();
    let is_executable = path.metadata().is_ok_and(|facts| facts.permissions().mode() & 0o111 != 0);
    let mut head = Vec::new();
    let _ = File::open(&path).and_then(|file| file.take(64 * 1024).read_to_end(&mut head));
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head).trim_ascii_start();
    let has_shebang = text.starts_with(b"#!") || head.starts_with(b"\xff\xfe#") || head.starts_with(b"\xfe\xff\0#");
    if suffix == "py" && !is_executable && !has_shebang && !prints_a_header(&head) {
        found.modules.push(path);
    } else if has_shebang || SUFFIXES.contains(&suffix.as_str()) || is_executable && head.starts_with(b"\x7fELF") {
        found.scripts.push(path);
    } else {
        found.others += 1;
    }
}

fn prints_a_header(head: &[u8]) -> bool {
    head.to_ascii_lowercase().windows(13).any(|window| window == b"content-type:")
}
