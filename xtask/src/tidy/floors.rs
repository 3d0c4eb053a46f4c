//! A dependency between our crates may only point down.
//!
//! ```text
//! crates/python        everything below
//! crates/runtime/*     gateway, protocol, middleware, other runtime crates
//! crates/application/* gateway, protocol, middleware, other application crates
//! crates/middleware    gateway, engine
//! crates/protocol/*    gateway
//! crates/engine/*      other engine crates
//! crates/gateway       nothing of ours
//! ```
//!
//! `xtask`, `benches` and `fuzz` stand outside and may look at everything; nothing looks at them.
//! `crates/testkit` serves the tests of every floor and may be used by them alone.

use crate::finding::Finding;
use crate::workspace::{Dependency, Workspace};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Floor {
    Python,
    Runtime,
    Application,
    Middleware,
    Protocol,
    Engine,
    Gateway,
    Testkit,
    Outside,
}

impl Floor {
    fn of(folder: &str) -> Option<Self> {
        let mut parts = folder.split('/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("xtask" | "benches" | "fuzz"), _, _) => Some(Self::Outside),
            (Some("crates"), Some("python"), None) => Some(Self::Python),
            (Some("crates"), Some("runtime"), Some(_)) => Some(Self::Runtime),
            (Some("crates"), Some("application"), Some(_)) => Some(Self::Application),
            (Some("crates"), Some("middleware"), None) => Some(Self::Middleware),
            (Some("crates"), Some("protocol"), Some(_)) => Some(Self::Protocol),
            (Some("crates"), Some("engine"), Some(_)) => Some(Self::Engine),
            (Some("crates"), Some("gateway"), None) => Some(Self::Gateway),
            (Some("crates"), Some("testkit"), None) => Some(Self::Testkit),
            _ => None,
        }
    }

    /// The floors that a crate of this one may name in its dependencies.
    fn knows(self) -> &'static [Self] {
        match self {
            Self::Python => {
                &[Self::Runtime, Self::Application, Self::Middleware, Self::Protocol, Self::Engine, Self::Gateway]
            }
            Self::Runtime => &[Self::Gateway, Self::Protocol, Self::Middleware, Self::Runtime],
            Self::Application => &[Self::Gateway, Self::Protocol, Self::Middleware, Self::Application],
            Self::Middleware => &[Self::Gateway, Self::Engine],
            Self::Protocol => &[Self::Gateway],
            Self::Engine => &[Self::Engine],
            Self::Gateway => &[],
            Self::Testkit => &[Self::Gateway],
            Self::Outside => &[
                Self::Python,
                Self::Runtime,
                Self::Application,
                Self::Middleware,
                Self::Protocol,
                Self::Engine,
                Self::Gateway,
                Self::Testkit,
            ],
        }
    }

    fn rule(self) -> &'static str {
        match self {
            Self::Python => "crates/python may depend on every floor, but not on xtask, benches or fuzz",
            Self::Runtime => "a runtime crate may depend on gateway, protocol, middleware and other runtime crates",
            Self::Application => {
                "an application crate may depend on gateway, protocol, middleware and other application crates"
            }
            Self::Middleware => "middleware may depend on gateway and engine",
            Self::Protocol => "a protocol crate may depend on gateway alone, never on another protocol",
            Self::Engine => "an engine crate may depend on other engine crates alone",
            Self::Gateway => "gateway depends on nothing of ours",
            Self::Testkit => "testkit may depend on gateway alone",
            Self::Outside => "xtask, benches and fuzz may depend on every floor, but not on one another",
        }
    }
}

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in workspace.members() {
        let Some(floor) = Floor::of(&member.folder) else {
            findings.push(Finding::error(
                &member.folder,
                "this crate stands on no floor",
                "move it under crates/ where its floor is, or teach xtask/src/tidy/floors.rs a new one \
                 and say so in ARCHITECTURE.md",
            ));
            continue;
        };
        for dependency in &member.declared {
            let Some(folder) = &dependency.folder else { continue };
            if !allowed(floor, dependency, folder) {
                findings.push(Finding::error(
                    format!("{}/Cargo.toml", member.folder),
                    format!("depends on {folder}, which is not below it"),
                    format!("{}; move the code, or turn the need into a trait that the lower floor owns", floor.rule()),
                ));
            }
        }
    }
    findings
}

fn allowed(floor: Floor, dependency: &Dependency, folder: &str) -> bool {
    match Floor::of(folder) {
        Some(Floor::Testkit) => dependency.only_tests || floor == Floor::Outside,
        Some(below) => floor.knows().contains(&below),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::fixture::workspace;

    const GATEWAY: &str = "crates/gateway";
    const HTTP1: &str = "crates/protocol/http1";
    const AJP: &str = "crates/protocol/ajp";
    const CONFIG: &str = "crates/runtime/config";
    const SERVER: &str = "crates/runtime/server";
    const STATIC: &str = "crates/application/static_files";
    const DOCTOR: &str = "crates/application/doctor";
    const MIDDLEWARE: &str = "crates/middleware";
    const ROUTER: &str = "crates/engine/router";
    const ORM: &str = "crates/engine/orm";
    const PYTHON: &str = "crates/python";
    const TESTKIT: &str = "crates/testkit";
    const ALL: [&str; 15] = [
        GATEWAY, HTTP1, AJP, CONFIG, SERVER, STATIC, DOCTOR, MIDDLEWARE, ROUTER, ORM, PYTHON, TESTKIT, "xtask",
        "benches", "fuzz",
    ];

    /// Whether a dependency of `above` on `below`, alone in its workspace, passes.
    fn passes(above: &str, below: &str) -> bool {
        let needs = [below];
        let name = below.strip_prefix("dev:").unwrap_or(below);
        let crates: Vec<(&str, &[&str])> =
            if name == above { vec![(above, &needs)] } else { vec![(above, &needs), (name, &[])] };
        check(&workspace(&crates, &[])).is_empty()
    }

    #[test]
    fn every_pair_of_crates_is_allowed_or_refused_as_the_table_says() {
        let permitted = [
            (HTTP1, vec![GATEWAY]),
            (AJP, vec![GATEWAY]),
            (ROUTER, vec![ORM]),
            (ORM, vec![ROUTER]),
            (MIDDLEWARE, vec![GATEWAY, ROUTER, ORM]),
            (STATIC, vec![GATEWAY, HTTP1, AJP, MIDDLEWARE, DOCTOR]),
            (DOCTOR, vec![GATEWAY, HTTP1, AJP, MIDDLEWARE, STATIC]),
            (SERVER, vec![GATEWAY, HTTP1, AJP, MIDDLEWARE, CONFIG]),
            (CONFIG, vec![GATEWAY, HTTP1, AJP, MIDDLEWARE, SERVER]),
            (PYTHON, vec![GATEWAY, HTTP1, AJP, MIDDLEWARE, STATIC, DOCTOR, ROUTER, ORM, CONFIG, SERVER]),
            (TESTKIT, vec![GATEWAY]),
            (GATEWAY, vec![]),
        ];
        for (above, below) in &permitted {
            for other in ALL.iter().filter(|other| *other != above) {
                assert_eq!(passes(above, other), below.contains(other), "{above} on {other}");
            }
        }
    }

    #[test]
    fn a_dependency_of_the_tests_must_point_down_too() {
        assert!(!passes(GATEWAY, "dev:crates/protocol/http1"));
    }

    #[test]
    fn testkit_is_for_the_tests_of_every_floor() {
        assert!(passes(GATEWAY, "dev:crates/testkit"));
        assert!(passes(HTTP1, "dev:crates/testkit"));
        assert!(!passes(HTTP1, TESTKIT));
    }

    #[test]
    fn outside_sees_everything_and_is_seen_by_nobody() {
        assert!(passes("benches", PYTHON));
        assert!(passes("fuzz", HTTP1));
        assert!(!passes(PYTHON, "xtask"));
    }

    #[test]
    fn a_crate_without_a_floor_is_an_error() {
        let findings = check(&workspace(&[("crates/misc", &[])], &[]));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].place(), "crates/misc");
    }

    #[test]
    fn the_message_names_the_file_and_the_rule() {
        let findings = check(&workspace(&[(HTTP1, &[AJP]), (AJP, &[])], &[]));
        let message = findings[0].to_string();
        assert!(message.contains("crates/protocol/http1/Cargo.toml"), "{message}");
        assert!(message.contains("never on another protocol"), "{message}");
    }
}
