//! The rules of the house, one file each. A rule looks and reports; it never changes anything.

mod code_map;
mod file_names;
mod file_sizes;
mod floors;
mod forbidden_text;
mod module_docs;
mod purity;
mod system_reach;

use crate::finding::Finding;
use crate::tree::Tree;
use crate::workspace::Workspace;

/// Runs every rule. Warnings come first, so that the errors stand next to the closing line.
pub(crate) fn check(tree: &Tree, workspace: &Workspace) -> Vec<Finding> {
    let mut findings: Vec<Finding> = [
        floors::check(workspace),
        purity::check(workspace),
        system_reach::check(tree),
        module_docs::check(tree),
        file_names::check(tree),
        file_sizes::check(tree),
        forbidden_text::check(tree),
        code_map::check(tree, workspace),
    ]
    .concat();
    findings.sort_by_key(Finding::is_error);
    findings
}
