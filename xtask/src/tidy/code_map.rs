//! ARCHITECTURE.md and the tree agree: every crate is on the map, and the map shows no crate
//! that is gone.

use crate::finding::Finding;
use crate::tree::Tree;
use crate::workspace::Workspace;

const MAP: &str = "ARCHITECTURE.md";

pub(super) fn check(tree: &Tree, workspace: &Workspace) -> Vec<Finding> {
    let Some(map) = tree.files().iter().find(|file| file.path == MAP) else {
        return vec![Finding::error(
            MAP,
            "there is no map",
            "write ARCHITECTURE.md: the floors, and what each crate is",
        )];
    };
    let absent = workspace.members().iter().filter(|member| !map.text.contains(&member.folder)).map(|member| {
        Finding::error(
            MAP,
            format!("{} is not on the map", member.folder),
            "add a line that says what the crate is and what it does not know",
        )
    });
    let gone = map.text.lines().enumerate().flat_map(|(index, line)| {
        crate_paths(line).filter(|path| !tree.files().iter().any(|file| is_at(&file.path, path))).map(move |path| {
            Finding::error(
                format!("{MAP}:{}", index + 1),
                format!("`{path}` is not in the tree"),
                "correct the path, or take the line out",
            )
        })
    });
    absent.chain(gone).collect()
}

/// The paths below `crates/` that a line gives in backquotes. `crates/runtime/*` stands for a floor.
fn crate_paths(line: &str) -> impl Iterator<Item = &str> {
    line.split('`')
        .skip(1)
        .step_by(2)
        .filter(|quoted| quoted.starts_with("crates/"))
        .map(|quoted| quoted.trim_end_matches('*').trim_end_matches('/'))
        .filter(|quoted| quoted.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c)))
}

fn is_at(file: &str, path: &str) -> bool {
    file.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::fixture::workspace;

    fn problems(map: &str) -> Vec<String> {
        let tree = Tree::of(&[(MAP, map), ("crates/gateway/src/lib.rs", ""), ("crates/protocol/http1/src/lib.rs", "")]);
        let workspace = workspace(&[("crates/gateway", &[]), ("crates/protocol/http1", &[])], &[]);
        check(&tree, &workspace).iter().map(|finding| finding.problem().to_owned()).collect()
    }

    #[test]
    fn a_complete_map_passes() {
        let map = "- `crates/gateway`: the model\n- `crates/protocol/http1`: bytes\n- `crates/protocol/*`, see \
                   `crates/gateway/src/lib.rs`\n";
        assert_eq!(problems(map), Vec::<String>::new());
    }

    #[test]
    fn a_crate_that_is_not_on_the_map_is_found() {
        assert_eq!(problems("`crates/gateway`"), ["crates/protocol/http1 is not on the map"]);
    }

    #[test]
    fn a_line_about_a_crate_that_is_gone_is_found() {
        let map = "`crates/gateway` `crates/protocol/http1`\n`crates/gate`\n";
        assert_eq!(problems(map), ["`crates/gate` is not in the tree"]);
    }

    #[test]
    fn a_missing_map_is_found() {
        let findings = check(&Tree::of(&[]), &workspace(&[], &[]));
        assert_eq!(findings[0].problem(), "there is no map");
    }
}
