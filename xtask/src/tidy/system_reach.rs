//! A protocol crate turns bytes into messages and back. What the standard library offers beyond
//! that (sockets, files, clocks, threads, processes) is out of its reach too, except in its tests.

use crate::finding::Finding;
use crate::tree::Tree;

const OUT_OF_REACH: &[(&str, &str)] = &[
    ("std::env", "the environment"),
    ("std::fs", "files"),
    ("std::os", "the operating system"),
    ("std::process", "processes"),
    ("std::thread", "threads"),
    ("Instant", "a clock"),
    ("SystemTime::now", "a clock"),
    ("TcpListener", "sockets"),
    ("TcpStream", "sockets"),
    ("UdpSocket", "sockets"),
    ("UnixListener", "sockets"),
    ("UnixStream", "sockets"),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.with_extension("rs").filter(|file| is_protocol_source(&file.path)) {
        for (number, line) in file.lines_without_tests().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            if let Some((name, what)) = OUT_OF_REACH.iter().find(|(name, _)| names(line, name)) {
                findings.push(Finding::error(
                    format!("{}:{number}", file.path),
                    format!("`{name}`: a protocol crate does not know {what}"),
                    "take the bytes or the time as an argument; crates/runtime/server has the sockets and the clock",
                ));
            }
        }
    }
    findings
}

/// Integration tests, benches and examples of a protocol crate may read files.
fn is_protocol_source(path: &str) -> bool {
    path.strip_prefix("crates/protocol/")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(_, within)| within.starts_with("src/") && !within.ends_with("/tests.rs"))
}

/// As a whole name: `InstantReply` is not `Instant`.
fn names(line: &str, name: &str) -> bool {
    let continues = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(name)
        .any(|(at, _)| !line[..at].ends_with(continues) && !line[at + name.len()..].starts_with(continues))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)])).iter().map(|finding| finding.place().to_owned()).collect()
    }

    #[test]
    fn everything_in_the_table_is_refused() {
        for (name, _) in OUT_OF_REACH {
            let text = format!("//! Doc.\nuse {name};\n");
            assert_eq!(places("crates/protocol/http1/src/head.rs", &text), ["crates/protocol/http1/src/head.rs:2"]);
        }
    }

    #[test]
    fn tests_comments_and_other_crates_are_left_alone() {
        let line = "use std::fs::File;\n";
        let in_tests = format!("//! Doc.\n#[cfg(test)]\nmod tests {{\n    {line}}}\n");
        assert!(places("crates/protocol/http1/src/head.rs", &in_tests).is_empty());
        assert!(places("crates/protocol/http1/src/head.rs", "// std::fs would block\n").is_empty());
        assert!(places("crates/protocol/http1/tests/corpus.rs", line).is_empty());
        assert!(places("crates/protocol/http1/src/head/tests.rs", line).is_empty());
        assert!(places("crates/runtime/server/src/listener.rs", line).is_empty());
    }

    #[test]
    fn a_longer_name_is_another_name() {
        let text = "struct InstantReply; fn f(t: std::time::SystemTime) { std::fsx::g() }\n";
        assert!(places("crates/protocol/http1/src/head.rs", text).is_empty());
    }
}
