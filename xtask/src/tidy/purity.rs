//! Which foreign crates may be used where: pyo3 stays in `crates/python`, and what only turns
//! bytes into messages does no I/O. The whole graph below a crate counts, so that neither can
//! come in through a third party.

use crate::finding::Finding;
use crate::workspace::{Member, Workspace};

/// The door to CPython, and the crates that it is made of.
const PYTHON: &[&str] = &["pyo3", "pyo3-ffi", "pyo3-macros"];

/// Crates that reach the operating system, or a runtime that does.
const INPUT_OUTPUT: &[&str] =
    &["async-std", "io-uring", "libc", "mio", "nix", "polling", "rustix", "signal-hook", "smol", "socket2", "tokio"];

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in workspace.members() {
        if member.folder != "crates/python" && !is_outside(member) {
            refuse(workspace, member, PYTHON, "only crates/python may know Python", &mut findings);
        }
        if member.folder == "crates/gateway" || member.folder.starts_with("crates/protocol/") {
            refuse(workspace, member, INPUT_OUTPUT, "gateway and the protocols do no I/O", &mut findings);
        }
    }
    findings
}

fn is_outside(member: &Member) -> bool {
    !member.folder.starts_with("crates/")
}

fn refuse(workspace: &Workspace, member: &Member, refused: &[&str], rule: &str, findings: &mut Vec<Finding>) {
    // The table of the crate itself is looked at as well: there, what only its tests use counts too.
    let declared = member
        .declared
        .iter()
        .find(|dependency| refused.contains(&dependency.name.as_str()))
        .map(|dependency| vec![member.name.as_str(), dependency.name.as_str()]);
    let way = declared.or_else(|| workspace.way_to(member, |name| refused.contains(&name)));
    if let Some(way) = way {
        findings.push(Finding::error(
            format!("{}/Cargo.toml", member.folder),
            format!("{rule}, and this crate reaches it: {}", way.join(" -> ")),
            "drop the dependency or the feature that brings it in; what needs it belongs on a higher floor",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::fixture::workspace;

    #[test]
    fn pyo3_is_for_crates_python() {
        assert!(check(&workspace(&[("crates/python", &["pyo3"])], &[("pyo3", &[])])).is_empty());
        for folder in ["crates/gateway", "crates/runtime/server", "crates/engine/orm", "crates/protocol/http1"] {
            let findings = check(&workspace(&[(folder, &["pyo3"])], &[("pyo3", &[])]));
            assert_eq!(findings.len(), 1, "{folder}");
            assert!(findings[0].problem().contains("-> pyo3"), "{folder}");
        }
    }

    #[test]
    fn pyo3_cannot_come_in_through_a_third_party() {
        let workspace =
            workspace(&[("crates/runtime/server", &["clever"])], &[("clever", &["pyo3-ffi"]), ("pyo3-ffi", &[])]);
        let findings = check(&workspace);
        assert!(findings[0].problem().contains("server -> clever -> pyo3-ffi"), "{}", findings[0]);
    }

    #[test]
    fn protocols_and_gateway_do_no_input_or_output() {
        for refused in INPUT_OUTPUT {
            for folder in ["crates/gateway", "crates/protocol/http1"] {
                assert_eq!(check(&workspace(&[(folder, &[refused])], &[(refused, &[])])).len(), 1);
            }
            assert!(check(&workspace(&[("crates/runtime/server", &[refused])], &[(refused, &[])])).is_empty());
        }
    }

    #[test]
    fn not_even_in_their_own_tests() {
        let workspace = workspace(&[("crates/protocol/http1", &["dev:tokio"])], &[("tokio", &[])]);
        assert_eq!(check(&workspace).len(), 1);
    }

    #[test]
    fn what_the_tests_use_may_itself_reach_the_system() {
        let workspace = workspace(
            &[("crates/protocol/http1", &["httparse", "dev:proptest"])],
            &[("httparse", &[]), ("proptest", &["libc"]), ("libc", &[])],
        );
        assert!(check(&workspace).is_empty());
    }
}
