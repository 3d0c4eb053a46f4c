//! How a Python is changed so that a script runs: packages installed for it, sources converted to it.
//!
//! What the interpreter itself says of these things is better, but a failed request is explained without starting one.

use std::path::{Path, PathBuf};

use crate::mend::quoted;

/// Facts about an interpreter's installation, for what is to be done with it.
pub(crate) struct Installation {
    /// The system's packages own it, and pip leaves it alone (PEP 668).
    pub(crate) is_managed: bool,
    /// It can convert sources of Python 2 by itself.
    pub(crate) has_lib2to3: bool,
}

impl Installation {
    /// As far as the files around the interpreter tell.
    pub(crate) fn of(python: &Path) -> Self {
        let library = library_of(python);
        let has = |name: &str| library.as_ref().is_some_and(|library| library.join(name).exists());
        Self { is_managed: !is_virtual(python) && has("EXTERNALLY-MANAGED"), has_lib2to3: has("lib2to3/__main__.py") }
    }

    /// The command that installs a package for this interpreter. One that belongs to the system's packages is left alone:
    /// the script gets a virtual environment beside its directory, out of reach of requests.
    pub(crate) fn install(&self, script: &Path, python: &Path, package: &str) -> String {
        let python = quoted(python);
        if !self.is_managed {
            return format!("{python} -m pip install {package}");
        }
        let folder = script.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
        let venv = folder.join("venv");
        let (venv, venv_python) = (quoted(&venv), venv.join("bin/python"));
        format!(
            "{python} -m venv --system-site-packages {venv} && {} -m pip install {package} && sed -i {} {}",
            quoted(&venv_python),
            quoted(Path::new(&format!("1c #!{}", venv_python.display()))),
            quoted(script)
        )
    }

    /// The command that turns a source of Python 2 into one of Python 3. Where lib2to3 has left the standard library,
    /// fissix is what became of it.
    pub(crate) fn convert(&self, source: &Path, python: &Path) -> String {
        let source = quoted(source);
        if self.has_lib2to3 {
            return format!("{} -m lib2to3 -w -n {source}", quoted(python));
        }
        format!(
            "D=$(mktemp -d) && python3 -m venv $D && $D/bin/python -m pip install fissix && $D/bin/python -m fissix -w -n \
             {source}"
        )
    }
}

/// True for the Python of a virtual environment (PEP 405).
fn is_virtual(python: &Path) -> bool {
    let folder = python.parent();
    let beside = [folder, folder.and_then(Path::parent)];
    beside.into_iter().flatten().any(|folder| folder.join("pyvenv.cfg").exists())
}

/// The directory of the standard library: `/usr/lib/python3.11` for what `/usr/bin/python3` leads to.
fn library_of(python: &Path) -> Option<PathBuf> {
    let real = python.canonicalize().ok()?;
    Some(real.parent()?.parent()?.join("lib").join(real.file_name()?)).filter(|library| library.is_dir())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A Python 3.9 with a link, `usr/bin/python3`.
    fn installed(root: &Path) -> PathBuf {
        fs::create_dir_all(root.join("usr/bin")).unwrap();
        fs::create_dir_all(root.join("usr/lib/python3.9")).unwrap();
        fs::write(root.join("usr/bin/python3.9"), "").unwrap();
        std::os::unix::fs::symlink("python3.9", root.join("usr/bin/python3")).unwrap();
        root.join("usr/bin/python3")
    }

    #[test]
    fn what_the_system_owns_gets_a_virtual_environment() {
        let root = tempfile::tempdir().unwrap();
        let python = installed(root.path());
        let script = Path::new("/srv/cgi-bin/a.py");
        assert!(
            Installation::of(&python)
                .install(script, &python, "flask")
                .ends_with("usr/bin/python3 -m pip install flask")
        );
        fs::write(root.path().join("usr/lib/python3.9/EXTERNALLY-MANAGED"), "").unwrap();
        let managed = Installation::of(&python).install(script, &python, "flask");
        assert!(managed.contains("usr/bin/python3 -m venv --system-site-packages /srv/venv && "), "{managed}");
        assert!(managed.ends_with("sed -i '1c #!/srv/venv/bin/python' /srv/cgi-bin/a.py"), "{managed}");

        // pip may write into a virtual environment, whoever owns the Python behind it.
        let venv = root.path().join("venv");
        fs::create_dir_all(venv.join("bin")).unwrap();
        fs::write(venv.join("pyvenv.cfg"), "").unwrap();
        std::os::unix::fs::symlink(&python, venv.join("bin/python")).unwrap();
        assert!(!Installation::of(&venv.join("bin/python")).is_managed);
    }

    #[test]
    fn sources_are_converted_by_the_interpreter_itself_where_it_can() {
        let root = tempfile::tempdir().unwrap();
        let python = installed(root.path());
        let convert = || Installation::of(&python).convert(Path::new("/srv/a.py"), &python);
        assert!(convert().ends_with("-m fissix -w -n /srv/a.py"), "{}", convert());
        fs::create_dir(root.path().join("usr/lib/python3.9/lib2to3")).unwrap();
        fs::write(root.path().join("usr/lib/python3.9/lib2to3/__main__.py"), "").unwrap();
        assert!(convert().ends_with("python3 -m lib2to3 -w -n /srv/a.py"), "{}", convert());
    }
}
