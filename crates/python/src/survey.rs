//! `millau serve DIR`: from what a directory holds to the application that serves it.

use std::path::Path;
use std::sync::Arc;

use millau_gateway::Application;
use millau_static_files::StaticFiles;
use pyo3::prelude::*;

use crate::application::directory::Directory;
use crate::application::outside::Outside;
use crate::application::wsgi::{Surroundings, WsgiApplication};
use crate::host::PythonHost;
use crate::load;

/// Looks through a directory, says what it found, and puts the applications for it together.
///
/// # Errors
/// A text for the log: what is ambiguous and how to name it, or what could not be loaded.
pub(crate) fn directory(
    host: &PythonHost<'_>,
    target: &str,
    surroundings: Surroundings,
) -> Result<(Arc<dyn Application>, bool), String> {
    let py = host.py;
    let root = Path::new(target).canonicalize().map_err(|error| format!("cannot load '{target}': {error}"))?;
    let Some(root_name) = root.to_str() else {
        return Err(format!("cannot load '{target}': its path is not UTF-8"));
    };
    let mounted = host.settings.mounts.iter().map(|mount| mount.prefix.trim_start_matches('/')).collect();
    let survey = Survey::of(py, root_name, mounted).map_err(|error| {
        if Survey::is_ambiguous(py, &error) {
            format!("cannot load '{target}': {}", error.value(py))
        } else {
            load::raised(py, target, &error)
        }
    })?;
    for line in &survey.report {
        log::info!("{target}: {line}");
    }
    let mut found = Directory { root: root.clone(), ..Directory::default() };
    let python = |kind: &str, path: &str| -> Result<Arc<dyn Application>, String> {
        let made = load::mod_python_target(py, kind, path, Some(root_name), host.settings)
            .and_then(|callable| WsgiApplication::new(py, callable, surroundings));
        made.map(|application| Arc::new(application) as Arc<dyn Application>)
            .map_err(|error| load::raised(py, &format!("{kind}:{path}"), &error))
    };
    if !survey.pages.is_empty() {
        found.pages = Some(python("psp", root_name)?);
    }
    if !survey.published.is_empty() {
        let publisher = python("publisher", root_name)?;
        found.files.extend(survey.published.iter().map(|path| (path.clone().into_bytes(), publisher.clone())));
    }
    for path in &survey.handlers {
        let file = root.join(path).to_string_lossy().into_owned();
        found.files.insert(path.clone().into_bytes(), python("handler", &file)?);
    }
    if let Some(wsgi) = &survey.wsgi {
        load::put_on_path(py, &root).map_err(|error| load::raised(py, target, &error))?;
        let module = if wsgi.contains('/') || wsgi.contains(".py") {
            root.join(wsgi).to_string_lossy().into_owned()
        } else {
            wsgi.clone()
        };
        found.rest = Some(host.application(&module, surroundings)?.0);
    }
    let first_published = survey.published.first().and_then(|path| found.files.get(path.as_bytes()));
    let first_handler = survey.handlers.first().and_then(|path| found.files.get(path.as_bytes()));
    found.python = [found.pages.as_ref(), first_published, first_handler, found.rest.as_ref()]
        .into_iter()
        .flatten()
        .next()
        .cloned();
    // While the interpreter is held for the others, these must let go of it.
    let outside = |application: Arc<dyn Application>| -> Arc<dyn Application> {
        if found.python.is_some() { Arc::new(Outside(application)) } else { application }
    };
    let suffixes: Vec<&str> = survey.suffixes.iter().map(String::as_str).collect();
    let files = StaticFiles::new(&root).map_err(|error| format!("cannot load '{target}': {error}"))?.only(&suffixes);
    let files = outside(Arc::new(files));
    if !survey.cgi.is_empty() {
        let programs = outside(host.application(&format!("cgi:{root_name}"), surroundings)?.0);
        found.files.extend(survey.cgi.iter().map(|path| (path.clone().into_bytes(), programs.clone())));
    }
    found.static_files = Some(files);
    found.static_suffixes = survey.suffixes.iter().map(|suffix| suffix.clone().into_bytes()).collect();
    found.folders = survey.folders.into_iter().map(String::into_bytes).collect();
    found.indexes = survey.indexes.into_iter().map(|(folder, path)| (folder.into_bytes(), path.into_bytes())).collect();
    let runs_python = found.python.is_some();
    Ok((Arc::new(found), runs_python))
}

/// What `millau.survey` found.
struct Survey {
    cgi: Vec<String>,
    pages: Vec<String>,
    published: Vec<String>,
    handlers: Vec<String>,
    folders: Vec<String>,
    indexes: Vec<(String, String)>,
    wsgi: Option<String>,
    report: Vec<String>,
    suffixes: Vec<String>,
}

impl Survey {
    fn of(py: Python<'_>, root: &str, mounted: Vec<&str>) -> PyResult<Self> {
        let module = py.import("millau.survey")?;
        let found = module.call_method1("survey", (root, mounted))?;
        let list = |name: &str| found.getattr(name)?.extract::<Vec<String>>();
        let wsgi: Vec<(String, String)> = found.getattr("wsgi")?.extract()?;
        let suffixes =
            module.getattr("STATIC")?.try_iter()?.map(|suffix| suffix?.extract()).collect::<PyResult<_>>()?;
        Ok(Self {
            cgi: list("cgi")?,
            pages: list("pages")?,
            published: list("published")?,
            handlers: list("handlers")?,
            folders: list("folders")?,
            indexes: found.call_method0("indexes")?.extract()?,
            wsgi: wsgi.into_iter().next().map(|(target, _)| target),
            report: found.call_method0("report")?.extract()?,
            suffixes,
        })
    }

    fn is_ambiguous(py: Python<'_>, error: &PyErr) -> bool {
        let kind = py.import("millau.survey").and_then(|module| module.getattr("Ambiguous"));
        kind.is_ok_and(|kind| error.is_instance(py, &kind))
    }
}
