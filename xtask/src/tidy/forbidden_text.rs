//! What must not be written into the repository: the hosts of package indexes (a mirror may be
//! in use, and the tools know where to go) and the paths of somebody's own machine.

use crate::finding::Finding;
use crate::tree::{File, Tree};

/// Written in two halves, so that this file does not find itself.
const INDEX_HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("python", "hosted.org"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("deb", ".debian.org"),
    concat!("archive", ".ubuntu.com"),
    concat!("proxy", ".golang.org"),
];

const HOMES: &[&str] = &[concat!("/", "home/"), concat!("/", "Users/"), concat!("/", "root/")];

/// Written by package managers, which put hosts into them by themselves.
const LOCK_FILES: &[&str] = &["Cargo.lock", "package-lock.json"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files().iter().filter(|file| !LOCK_FILES.contains(&file.name())).flat_map(findings_in).collect()
}

fn findings_in(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let place = format!("{}:{}", file.path, index + 1);
        if let Some(host) = INDEX_HOSTS.iter().find(|host| line.contains(**host)) {
            findings.push(Finding::error(
                &place,
                format!("names the package index {host}"),
                "write \"the package index\", and let the tool's own settings say where that is",
            ));
        }
        if let Some(home) = HOMES.iter().find(|home| names_a_home(line, home)) {
            findings.push(Finding::error(
                &place,
                format!("holds a path of one machine ({home}...)"),
                "use a path relative to the repository, an option, or an environment variable",
            ));
        }
    }
    findings
}

/// A home folder starts a path; the same word further down in a path or URL is somebody's page.
fn names_a_home(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(at, _)| {
        let starts_a_path = !line[..at].ends_with(|c: char| c.is_alphanumeric() || "./-_~*".contains(c));
        let goes_on = line[at + home.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '.');
        starts_a_path && goes_on
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)])).iter().map(|finding| finding.place().to_owned()).collect()
    }

    #[test]
    fn index_hosts_are_found_with_their_line() {
        for host in INDEX_HOSTS {
            assert_eq!(found("README.md", &format!("one\nsee https://{host}/x\n")), ["README.md:2"], "{host}");
        }
    }

    #[test]
    fn homes_are_found_where_a_path_starts() {
        for home in HOMES {
            assert_eq!(found("scripts/test", &format!("cd {home}anna/millau\n")), ["scripts/test:1"]);
            assert_eq!(found("a.toml", &format!("path = \"{home}.cargo\"\n")), ["a.toml:1"]);
        }
    }

    #[test]
    fn a_page_that_is_called_home_is_not_a_home() {
        let url = format!("https://example.com{}page", HOMES[0]);
        for line in [url.as_str(), "GET /home HTTP/1.1", "/root", "~/millau"] {
            assert!(found("tests/python/test_a.py", line).is_empty(), "{line}");
        }
    }

    #[test]
    fn lock_files_are_left_alone() {
        assert!(found("Cargo.lock", INDEX_HOSTS[0]).is_empty());
        assert!(found("fuzz/Cargo.lock", INDEX_HOSTS[0]).is_empty());
    }
}
