//! The workspace as `cargo metadata` tells it: our crates, and who depends on what.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// One of our own crates.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// The crate's folder relative to the root, with `/`.
    pub(crate) folder: String,
    /// What its Cargo.toml asks for: every kind, also optional ones and those for other systems.
    pub(crate) declared: Vec<Dependency>,
    id: String,
}

/// One line of a dependency table.
#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// The folder relative to the root, if the dependency is a crate of ours.
    pub(crate) folder: Option<String>,
    /// A dev-dependency: the crate itself is built without it.
    pub(crate) only_tests: bool,
}

/// Our crates and the resolved graph below them.
#[derive(Debug)]
pub(crate) struct Workspace {
    members: Vec<Member>,
    names: HashMap<String, String>,
    /// Package id -> ids that are linked or run in its build; what only its tests use is left out.
    needs: HashMap<String, Vec<String>>,
}

impl Workspace {
    /// Asks cargo, with every feature on, so that an optional dependency cannot hide.
    pub(crate) fn read(root: &Path) -> Result<Self, String> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .current_dir(root)
            .args(["metadata", "--format-version", "1", "--all-features"])
            .output()
            .map_err(|e| format!("cargo did not start: {e}"))?;
        if !output.status.success() {
            return Err(format!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        let metadata = serde_json::from_slice(&output.stdout)
            .map_err(|e| format!("cargo metadata printed something that is not JSON: {e}"))?;
        Self::from_metadata(&metadata)
    }

    /// Reads format version 1 of `cargo metadata`.
    pub(crate) fn from_metadata(metadata: &Value) -> Result<Self, String> {
        let root = text(metadata, "workspace_root")?;
        let ours: HashSet<&str> = list(metadata, "workspace_members")?.iter().filter_map(Value::as_str).collect();

        let mut members = Vec::new();
        let mut names = HashMap::new();
        for package in list(metadata, "packages")? {
            let (id, name) = (text(package, "id")?, text(package, "name")?);
            names.insert(id.to_owned(), name.to_owned());
            if ours.contains(id) {
                let manifest = text(package, "manifest_path")?;
                let folder = manifest.strip_suffix("/Cargo.toml").unwrap_or(manifest);
                members.push(Member {
                    name: name.to_owned(),
                    folder: relative(root, folder).unwrap_or(folder).to_owned(),
                    declared: declared(package, root)?,
                    id: id.to_owned(),
                });
            }
        }
        members.sort_by(|a, b| a.folder.cmp(&b.folder));

        let resolve = metadata.get("resolve").ok_or("cargo metadata has no `resolve`")?;
        let mut needs = HashMap::new();
        for node in list(resolve, "nodes")? {
            let mut below = Vec::new();
            for edge in list(node, "deps")? {
                let only_tests = list(edge, "dep_kinds")?.iter().all(|kind| kind["kind"].as_str() == Some("dev"));
                if !only_tests {
                    below.push(text(edge, "pkg")?.to_owned());
                }
            }
            needs.insert(text(node, "id")?.to_owned(), below);
        }
        Ok(Self { members, names, needs })
    }

    /// Our own crates, by folder.
    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// The shortest way from a crate of ours down to a package that `wanted` accepts, as names.
    pub(crate) fn way_to<'a>(&'a self, from: &'a Member, wanted: impl Fn(&str) -> bool) -> Option<Vec<&'a str>> {
        let mut came_from: HashMap<&str, &str> = HashMap::new();
        let mut queue = VecDeque::from([from.id.as_str()]);
        while let Some(id) = queue.pop_front() {
            if id != from.id && wanted(self.name_of(id)) {
                let mut way = vec![self.name_of(id)];
                let mut at = id;
                while let Some(above) = came_from.get(at) {
                    way.push(self.name_of(above));
                    at = above;
                }
                way.reverse();
                return Some(way);
            }
            for below in self.needs.get(id).into_iter().flatten() {
                if below != &from.id && !came_from.contains_key(below.as_str()) {
                    came_from.insert(below, id);
                    queue.push_back(below);
                }
            }
        }
        None
    }

    fn name_of<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.get(id).map_or(id, String::as_str)
    }
}

fn declared(package: &Value, root: &str) -> Result<Vec<Dependency>, String> {
    list(package, "dependencies")?
        .iter()
        .map(|dependency| {
            let folder = dependency["path"].as_str().and_then(|path| relative(root, path));
            Ok(Dependency {
                name: text(dependency, "name")?.to_owned(),
                folder: folder.map(str::to_owned),
                only_tests: dependency["kind"].as_str() == Some("dev"),
            })
        })
        .collect()
}

fn relative<'a>(root: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(root)?.strip_prefix('/')
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str, String> {
    value[key].as_str().ok_or_else(|| format!("cargo metadata: no text under `{key}`"))
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>, String> {
    value[key].as_array().ok_or_else(|| format!("cargo metadata: no list under `{key}`"))
}

#[cfg(test)]
pub(crate) mod fixture {
    //! Small workspaces for the tests of the rules, written as (folder, kind of edge, what it needs).

    use super::*;
    use serde_json::json;

    /// Builds a workspace. An entry of `needs` that is a folder of `crates` is one of ours; every
    /// other entry is a package from the index. The prefix `dev:` makes it a dev-dependency.
    /// `foreign` lists packages of the index with what they need themselves.
    pub(crate) fn workspace(crates: &[(&str, &[&str])], foreign: &[(&str, &[&str])]) -> Workspace {
        let is_ours = |name: &str| crates.iter().any(|(folder, _)| *folder == name);
        let packages: Vec<Value> = crates
            .iter()
            .chain(foreign)
            .map(|(package, needs)| {
                let dependencies: Vec<Value> = needs
                    .iter()
                    .map(|need| {
                        let (kind, name) = kind_and_name(need);
                        let path = is_ours(name).then(|| format!("/root-of-fixture/{name}"));
                        json!({ "name": crate_name(name), "kind": kind, "path": path })
                    })
                    .collect();
                json!({
                    "id": package,
                    "name": crate_name(package),
                    "manifest_path": format!("/root-of-fixture/{package}/Cargo.toml"),
                    "dependencies": dependencies,
                })
            })
            .collect();
        let nodes: Vec<Value> = crates
            .iter()
            .chain(foreign)
            .map(|(package, needs)| {
                let deps: Vec<Value> = needs
                    .iter()
                    .map(|need| {
                        let (kind, name) = kind_and_name(need);
                        json!({ "pkg": name, "dep_kinds": [{ "kind": kind }] })
                    })
                    .collect();
                json!({ "id": package, "deps": deps })
            })
            .collect();
        let members: Vec<&str> = crates.iter().map(|(folder, _)| *folder).collect();
        Workspace::from_metadata(&json!({
            "workspace_root": "/root-of-fixture",
            "workspace_members": members,
            "packages": packages,
            "resolve": { "nodes": nodes },
        }))
        .unwrap()
    }

    fn kind_and_name(need: &str) -> (Option<&str>, &str) {
        match need.strip_prefix("dev:") {
            Some(name) => (Some("dev"), name),
            None => (None, need),
        }
    }

    fn crate_name(package: &str) -> &str {
        package.rsplit('/').next().unwrap_or(package)
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::workspace;
    use super::*;

    #[test]
    fn the_repository_itself_can_be_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let workspace = Workspace::read(&root).unwrap();
        let xtask = workspace.members().iter().find(|member| member.name == "xtask").unwrap();
        assert_eq!(xtask.folder, "xtask");
        assert!(xtask.declared.iter().any(|dependency| dependency.name == "serde_json"));
        assert_eq!(workspace.way_to(xtask, |name| name == "serde_json"), Some(vec!["xtask", "serde_json"]));
    }

    #[test]
    fn a_way_down_is_named_step_by_step() {
        let workspace = workspace(
            &[("crates/gateway", &["quick"])],
            &[("quick", &["deeper"]), ("deeper", &["libc"]), ("libc", &[])],
        );
        let gateway = &workspace.members()[0];
        assert_eq!(workspace.way_to(gateway, |name| name == "libc"), Some(vec!["gateway", "quick", "deeper", "libc"]));
        assert_eq!(workspace.way_to(gateway, |name| name == "tokio"), None);
    }

    #[test]
    fn what_only_the_tests_use_is_not_a_way_down() {
        let workspace = workspace(&[("crates/gateway", &["dev:libc"])], &[("libc", &[])]);
        assert_eq!(workspace.way_to(&workspace.members()[0], |name| name == "libc"), None);
    }
}
