//! From a TARGET on the command line to a Python callable.

use std::path::{Path, PathBuf};

use millau_config::Settings;
use pyo3::exceptions::{PyAttributeError, PyModuleNotFoundError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyModule};

use crate::door::{traceback, type_name};

/// Attributes that a target without one may mean, in this order.
const DEFAULT_ATTRIBUTES: [&str; 2] = ["application", "app"];

/// Finds the callable that a target names: `module[:attr]`, `FILE.py[:attr]` or `paste:FILE.ini[#name]`.
///
/// `attr` may be dotted, and may end with `()` to call a factory.
///
/// # Errors
/// A text for the log that says what is wrong and what to do, with the traceback where Python raised.
pub(crate) fn application(py: Python<'_>, target: &str) -> Result<Py<PyAny>, String> {
    if let Some(file) = target.strip_prefix("paste:") {
        return paste(py, file).map(Bound::unbind);
    }
    if let Some((kind, _)) = target.split_once(':')
        && ["asgi", "fastcgi", "scgi", "uwsgi", "http"].contains(&kind)
        && !Path::new(&format!("{kind}.py")).exists()
    {
        return Err(format!("cannot load '{target}': targets of the kind '{kind}:' are not in this version of Millau"));
    }
    let (source, attribute) = split(target);
    let module = if source.ends_with(".py") || source.contains('/') {
        from_file(py, target, source)?
    } else {
        from_module(py, target, source)?
    };
    let found = match attribute {
        Some(attribute) => named(py, target, &module, attribute)?,
        None => by_default(target, &module)?,
    };
    checked(target, found).map(Bound::unbind)
}

/// The kinds of target that mod_python's handlers are.
const MOD_PYTHON: [&str; 3] = ["publisher", "psp", "handler"];

/// Whether a target is one of mod_python's, and of which kind; what follows the colon is the second answer.
///
/// A module of that name beside us is meant instead, as it would be without the colon.
pub(crate) fn mod_python_kind(target: &str) -> Option<(&str, &str)> {
    let (kind, path) = target.split_once(':')?;
    (MOD_PYTHON.contains(&kind) && !Path::new(&format!("{kind}.py")).exists()).then_some((kind, path))
}

/// Whether a target is a directory to be served as it is: one that is named as a path, since a bare name is a module's.
pub(crate) fn is_directory(target: &str) -> bool {
    (matches!(target, "." | "..") || target.contains('/')) && Path::new(target).is_dir()
}

/// Makes the callable of one of mod_python's kinds for `path`; `root` is where the URLs of a handler count from.
pub(crate) fn mod_python_target(
    py: Python<'_>,
    kind: &str,
    path: &str,
    root: Option<&str>,
    settings: &Settings,
) -> PyResult<Py<PyAny>> {
    let options = PyDict::new(py);
    for (name, value) in &settings.python_options {
        options.set_item(name, value)?;
    }
    let targets = py.import("millau.mod_python._targets")?;
    Ok(targets.call_method1("make", (kind, path, options, settings.debug, root))?.unbind())
}

/// The DIR of `static:DIR`.
pub(crate) fn static_directory(target: &str) -> Option<&str> {
    target.strip_prefix("static:").filter(|_| !Path::new("static.py").exists())
}

/// Makes the callable of `publisher:PATH`, `psp:DIR` or `handler:MODULE_OR_FILE[:function]`.
///
/// # Errors
/// As [`application`].
pub(crate) fn mod_python(py: Python<'_>, target: &str, settings: &Settings) -> Result<Option<Py<PyAny>>, String> {
    let Some((kind, path)) = mod_python_kind(target) else { return Ok(None) };
    mod_python_target(py, kind, path, None, settings).map(Some).map_err(|error| {
        let wrong_target = py
            .import("millau.mod_python._targets")
            .and_then(|targets| targets.getattr("TargetError"))
            .is_ok_and(|kind| error.is_instance(py, &kind));
        if wrong_target { format!("cannot load '{target}': {}", error.value(py)) } else { raised(py, target, &error) }
    })
}

/// `a/b.py:attr` → (`a/b.py`, `attr`); `module` → (`module`, none).
fn split(target: &str) -> (&str, Option<&str>) {
    match target.rsplit_once(':') {
        Some((source, attribute)) if !attribute.contains('/') && !source.is_empty() => (source, Some(attribute)),
        _ => (target, None),
    }
}

fn from_module<'py>(py: Python<'py>, target: &str, name: &str) -> Result<Bound<'py, PyModule>, String> {
    py.import(name).map_err(|error| {
        let missing = error.is_instance_of::<PyModuleNotFoundError>(py)
            && error.value(py).getattr("name").and_then(|missing| missing.extract::<String>()).is_ok_and(|missing| {
                name == missing || name.strip_prefix(&missing).is_some_and(|rest| rest.starts_with('.'))
            });
        if !missing {
            return raised(py, target, &error);
        }
        let here = std::env::current_dir().unwrap_or_default();
        format!(
            "cannot load '{target}': there is no module '{name}'. Looked in the current directory ({}) and on Python's path. \
             Run millau where the module is, or name its directory with --chdir or --pythonpath; if it is a package of a \
             virtual environment, use the millau of that environment.",
            here.display()
        )
    })
}

fn from_file<'py>(py: Python<'py>, target: &str, source: &str) -> Result<Bound<'py, PyModule>, String> {
    let path = PathBuf::from(source);
    if !path.is_file() {
        return Err(format!("cannot load '{target}': there is no file '{source}'"));
    }
    let path = path.canonicalize().map_err(|error| format!("cannot load '{target}': {error}"))?;
    let import = || -> PyResult<Bound<'py, PyModule>> {
        if let Some(directory) = path.parent() {
            put_on_path(py, directory)?;
        }
        let name = path.file_stem().map(|stem| stem.to_string_lossy().replace('-', "_")).unwrap_or_default();
        let util = py.import("importlib.util")?;
        let loader = py
            .import("importlib.machinery")?
            .getattr("SourceFileLoader")?
            .call1((&name, path.to_string_lossy().as_ref()))?;
        let spec = util.call_method1("spec_from_loader", (&name, loader))?;
        let module = util.call_method1("module_from_spec", (&spec,))?;
        py.import("sys")?.getattr("modules")?.set_item(&name, &module)?;
        spec.getattr("loader")?.call_method1("exec_module", (&module,))?;
        Ok(module.cast_into::<PyModule>()?)
    };
    import().map_err(|error| raised(py, target, &error))
}

fn paste<'py>(py: Python<'py>, file: &str) -> Result<Bound<'py, PyAny>, String> {
    let target = format!("paste:{file}");
    let (path, name) = file.split_once('#').map_or((file, None), |(path, name)| (path, Some(name)));
    let path = Path::new(path);
    if !path.is_file() {
        return Err(format!("cannot load '{target}': there is no file '{}'", path.display()));
    }
    let path = path.canonicalize().map_err(|error| format!("cannot load '{target}': {error}"))?;
    let deploy = py.import("paste.deploy").map_err(|error| {
        if error.is_instance_of::<PyModuleNotFoundError>(py) {
            format!("cannot load '{target}': the package PasteDeploy is not installed (pip install PasteDeploy)")
        } else {
            raised(py, &target, &error)
        }
    })?;
    let uri = format!("config:{}{}", path.display(), name.map(|name| format!("#{name}")).unwrap_or_default());
    let load = || -> PyResult<Bound<'py, PyAny>> {
        let paths = path.to_string_lossy().into_owned();
        // An ini file may configure logging; those who start it with pserve or Zope expect that.
        let text = std::fs::read_to_string(&path)?;
        if text.contains("[loggers]") {
            let directory = path.parent().unwrap_or(Path::new("/")).to_string_lossy().into_owned();
            let defaults = PyDict::new(py);
            defaults.set_item("__file__", &paths)?;
            defaults.set_item("here", directory)?;
            let options = PyDict::new(py);
            options.set_item("disable_existing_loggers", false)?;
            options.set_item("defaults", defaults)?;
            py.import("logging.config")?.getattr("fileConfig")?.call((&paths,), Some(&options))?;
        }
        deploy.call_method1("loadapp", (uri,))
    };
    checked(&target, load().map_err(|error| raised(py, &target, &error))?)
}

fn named<'py>(
    py: Python<'py>,
    target: &str,
    module: &Bound<'py, PyModule>,
    attribute: &str,
) -> Result<Bound<'py, PyAny>, String> {
    let (path, is_factory) = match attribute.strip_suffix("()") {
        Some(path) => (path, true),
        None => (attribute, false),
    };
    let mut found = module.clone().into_any();
    let names: Vec<&str> = path.split('.').collect();
    for (index, name) in names.iter().enumerate() {
        found = found.getattr(name).map_err(|error| {
            if error.is_instance_of::<PyAttributeError>(py) {
                let what = described(&found, &names[..index].join("."));
                format!("cannot load '{target}': {what} has no attribute '{name}'.{}", candidates(&found))
            } else {
                raised(py, target, &error)
            }
        })?;
    }
    if is_factory { found.call0().map_err(|error| raised(py, target, &error)) } else { Ok(found) }
}

fn by_default<'py>(target: &str, module: &Bound<'py, PyModule>) -> Result<Bound<'py, PyAny>, String> {
    for name in DEFAULT_ATTRIBUTES {
        if let Ok(found) = module.getattr(name) {
            return Ok(found);
        }
    }
    Err(format!(
        "cannot load '{target}': the module has neither 'application' nor 'app'. Name the callable: {target}:NAME.{}",
        candidates(module.as_any())
    ))
}

fn checked<'py>(target: &str, found: Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>, String> {
    if !found.is_callable() {
        return Err(format!(
            "cannot load '{target}': it is {} and cannot be called. A WSGI application is a callable that takes environ \
             and start_response (PEP 3333).",
            type_name(&found)
        ));
    }
    if is_coroutine_function(&found) || found.getattr("__call__").is_ok_and(|call| is_coroutine_function(&call)) {
        return Err(format!(
            "cannot load '{target}': it is an ASGI application, which this version of Millau does not serve yet; \
             it serves WSGI."
        ));
    }
    Ok(found)
}

/// What `inspect.iscoroutinefunction` says; importing that module would take longer than many a CGI program as a whole.
fn is_coroutine_function(object: &Bound<'_, PyAny>) -> bool {
    /// `inspect.CO_COROUTINE`
    const CO_COROUTINE: u32 = 0x80;
    let mut object = object.clone();
    // Through bound methods and functools.partial objects; a cycle of them cannot be called anyway.
    for _ in 0..100 {
        let attribute = if type_name(&object) == "partial" { "func" } else { "__func__" };
        match object.getattr(attribute) {
            Ok(inner) => object = inner,
            Err(_) => break,
        }
    }
    let flags = object.getattr("__code__").and_then(|code| code.getattr("co_flags")?.extract::<u32>());
    flags.is_ok_and(|flags| flags & CO_COROUTINE != 0) || object.hasattr("_is_coroutine_mark").unwrap_or(false)
}

pub(crate) fn raised(py: Python<'_>, target: &str, error: &PyErr) -> String {
    format!(
        "cannot load '{target}': the application raised while it was imported. Mend what the traceback names and start again.\n{}",
        traceback(py, error)
    )
}

/// An object that stands at `path` in the target's module.
fn described(object: &Bound<'_, PyAny>, path: &str) -> String {
    match object.cast::<PyModule>() {
        Ok(module) => format!("the module '{}'", module.name().map_or_else(|_| "?".into(), |name| name.to_string())),
        Err(_) => format!("'{path}' ({})", type_name(object)),
    }
}

/// The callables of a module or of another object that might be meant.
fn candidates(object: &Bound<'_, PyAny>) -> String {
    let module = object.cast::<PyModule>().ok().and_then(|module| module.name().ok());
    let is_own = |value: &Bound<'_, PyAny>| {
        let Some(module) = &module else { return true };
        value.getattr("__module__").is_ok_and(|owner| owner.to_string() == module.to_string())
    };
    // First of the type: a property is not to be called for a message.
    let value_of = |name: &str| object.get_type().getattr(name).or_else(|_| object.getattr(name));
    let names = object.dir().map(|names| names.iter().map(|name| name.to_string()).collect::<Vec<_>>());
    let mut names = names.unwrap_or_default();
    names.retain(|name| {
        !name.starts_with('_') && value_of(name).is_ok_and(|value| value.is_callable() && is_own(&value))
    });
    names.truncate(8);
    if names.is_empty() { String::new() } else { format!(" It has these callables: {}.", names.join(", ")) }
}

/// Puts a directory in front of Python's path, if it is not there.
pub(crate) fn put_on_path(py: Python<'_>, directory: &Path) -> PyResult<()> {
    let path = py.import("sys")?.getattr("path")?.cast_into::<PyList>()?;
    let directory = directory.to_string_lossy().into_owned();
    if !path.contains(&directory)? {
        path.insert(0, directory)?;
    }
    Ok(())
}
