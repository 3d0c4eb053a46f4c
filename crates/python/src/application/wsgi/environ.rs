//! `environ`: a real `dict`, built from a template, its keys and repeated values kept from request to request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use millau_gateway::meta_variables::{FieldRule, field_rule, http_name, separator, server_name, split_host};
use millau_gateway::{Local, Peer, Request, Scheme, Version};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::name_hash::NameHash;
use super::{Errors, FileWrapper, Input, Surroundings};
use crate::door::latin1;

/// Field names that are remembered; when clients have invented more, all are forgotten. One request may go beyond it.
const REMEMBERED_FIELDS: usize = 512;
/// Names of variables that front servers have set; each sends the same with every request.
const REMEMBERED_TOLD: usize = 128;
/// Values up to this length are remembered, one for each variable: clients repeat themselves.
const REMEMBERED_VALUE: usize = 256;

/// Makes the `environ` of each request.
pub(crate) struct Environ {
    surroundings: Surroundings,
    keys: Keys,
    memory: Mutex<Memory>,
}

/// Names that every request uses, as interned strings.
struct Keys {
    content_length: Py<PyString>,
    path_info: Py<PyString>,
    query_string: Py<PyString>,
    remote_addr: Py<PyString>,
    remote_port: Py<PyString>,
    request_method: Py<PyString>,
    request_uri: Py<PyString>,
    script_name: Py<PyString>,
    server_name: Py<PyString>,
    server_protocol: Py<PyString>,
    server_port: Py<PyString>,
    url_scheme: Py<PyString>,
    https: Py<PyString>,
    request_scheme: Py<PyString>,
    remote_user: Py<PyString>,
    auth_type: Py<PyString>,
    document_root: Py<PyString>,
}

/// What is kept between requests. Lives under a lock that is never held while Python code runs.
#[derive(Default)]
struct Memory {
    templates: Vec<(Arc<Local>, Py<PyDict>)>,
    /// A field name as received → which variable it is.
    names: HashMap<Box<[u8]>, usize, NameHash>,
    variables: Vec<Variable>,
    /// Counts requests, so that a variable knows whether this one has set it already.
    serial: u64,
    methods: Vec<(Box<[u8]>, Py<PyString>)>,
    host: Remembered,
    address: Option<(IpAddr, Py<PyString>)>,
    /// What front servers say: of the client, of themselves, and variables of any other name.
    told_address: Remembered,
    told_port: Option<(u16, Py<PyString>)>,
    told: HashMap<Box<[u8]>, Told>,
}

/// A variable that a front server has set.
struct Told {
    key: Py<PyString>,
    value: Remembered,
}

struct Variable {
    rule: FieldRule,
    key: Py<PyString>,
    seen: u64,
    value: Remembered,
}

/// The last value of something.
#[derive(Default)]
struct Remembered(Option<(Box<[u8]>, Py<PyString>)>);

impl Remembered {
    fn get<'py>(&mut self, py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyString>> {
        if let Some((known, text)) = &self.0
            && **known == *bytes
        {
            return Ok(text.bind(py).clone());
        }
        let text = latin1(py, bytes)?;
        if bytes.len() <= REMEMBERED_VALUE {
            self.0 = Some((bytes.into(), text.clone().unbind()));
        }
        Ok(text)
    }
}

impl Environ {
    pub(crate) fn new(py: Python<'_>, surroundings: Surroundings) -> PyResult<Self> {
        let key = |name: &str| PyString::intern(py, name).unbind();
        let keys = Keys {
            content_length: key("CONTENT_LENGTH"),
            path_info: key("PATH_INFO"),
            query_string: key("QUERY_STRING"),
            remote_addr: key("REMOTE_ADDR"),
            remote_port: key("REMOTE_PORT"),
            request_method: key("REQUEST_METHOD"),
            request_uri: key("REQUEST_URI"),
            script_name: key("SCRIPT_NAME"),
            server_name: key("SERVER_NAME"),
            server_protocol: key("SERVER_PROTOCOL"),
            server_port: key("SERVER_PORT"),
            url_scheme: key("wsgi.url_scheme"),
            https: key("HTTPS"),
            request_scheme: key("REQUEST_SCHEME"),
            remote_user: key("REMOTE_USER"),
            auth_type: key("AUTH_TYPE"),
            document_root: key("DOCUMENT_ROOT"),
        };
        Ok(Self { surroundings, keys, memory: Mutex::default() })
    }

    /// The `environ` of a request; `wsgi.input` is an empty one, the caller replaces it where there is a body.
    pub(crate) fn build<'py>(&self, py: Python<'py>, request: &Request) -> PyResult<Bound<'py, PyDict>> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = &mut *memory;
        memory.serial += 1;
        if memory.names.len() >= REMEMBERED_FIELDS {
            memory.names.clear();
            memory.variables.clear();
        }
        let keys = &self.keys;
        let environ = self.template(py, memory, &request.local)?.copy()?;
        if request.method != b"GET" {
            environ.set_item(&keys.request_method, memory.method(py, &request.method)?)?;
        }
        if request.version != Version::Http11 {
            environ.set_item(&keys.server_protocol, request.version.name())?;
        }
        environ.set_item(&keys.path_info, latin1(py, request.path_info())?)?;
        environ.set_item(&keys.request_uri, latin1(py, request.target())?)?;
        if !request.script_name().is_empty() {
            environ.set_item(&keys.script_name, latin1(py, request.script_name())?)?;
        }
        if !request.query().is_empty() {
            environ.set_item(&keys.query_string, latin1(py, request.query())?)?;
        }
        if request.scheme != request.local.scheme {
            self.set_scheme(&environ, request.scheme)?;
        }
        let told = request.front.as_deref().is_some_and(|front| front.remote_addr.is_some());
        if let Peer::Inet(address) = request.peer
            && !told
        {
            let ip = address.ip().to_canonical();
            let text = match &memory.address {
                Some((known, text)) if *known == ip => text.bind(py).clone(),
                _ => {
                    let text = PyString::new(py, &ip.to_string());
                    memory.address = Some((ip, text.clone().unbind()));
                    text
                }
            };
            environ.set_item(&keys.remote_addr, text)?;
            environ.set_item(&keys.remote_port, decimal(py, address.port().into())?)?;
        }
        let name = server_name(request);
        if name != request.local.name.as_bytes() {
            environ.set_item(&keys.server_name, memory.host.get(py, name)?)?;
        }
        if let Some(length) = request.content_length {
            environ.set_item(&keys.content_length, decimal(py, length)?)?;
        }
        self.set_fields(py, memory, &environ, request)?;
        if request.authority().is_some() {
            // The target in absolute form overrules the Host field (RFC 9112 §3.2.2).
            environ.set_item("HTTP_HOST", latin1(py, request.host().unwrap_or_default())?)?;
        }
        if request.front.is_some() {
            self.set_front(py, memory, &environ, request)?;
        }
        Ok(environ)
    }

    fn set_fields(
        &self,
        py: Python<'_>,
        memory: &mut Memory,
        environ: &Bound<'_, PyDict>,
        request: &Request,
    ) -> PyResult<()> {
        for (name, value) in request.fields.iter() {
            let index = memory.variable(py, name);
            let variable = &mut memory.variables[index];
            match variable.rule {
                FieldRule::Withheld | FieldRule::ContentLength => continue,
                FieldRule::ContentType | FieldRule::Http => {}
            }
            let text = if variable.seen == memory.serial && variable.rule == FieldRule::Http {
                match environ.get_item(&variable.key)? {
                    Some(before) => repeated(py, &before, name, value)?,
                    None => latin1(py, value)?,
                }
            } else {
                variable.value.get(py, value)?
            };
            variable.seen = memory.serial;
            environ.set_item(&variable.key, text)?;
        }
        Ok(())
    }

    fn set_front(
        &self,
        py: Python<'_>,
        memory: &mut Memory,
        environ: &Bound<'_, PyDict>,
        request: &Request,
    ) -> PyResult<()> {
        let Some(front) = request.front.as_deref() else { return Ok(()) };
        let keys = &self.keys;
        for (key, value) in [
            (&keys.remote_user, &front.remote_user),
            (&keys.auth_type, &front.auth_type),
            (&keys.document_root, &front.document_root),
        ] {
            if let Some(value) = value {
                environ.set_item(key, latin1(py, value)?)?;
            }
        }
        if let Some(address) = &front.remote_addr {
            environ.set_item(&keys.remote_addr, memory.told_address.get(py, address)?)?;
            if let Some(port) = front.remote_port {
                environ.set_item(&keys.remote_port, decimal(py, port.into())?)?;
            }
        }
        if let Some(port) = front.server_port.filter(|port| *port != request.local.port) {
            let text = match &memory.told_port {
                Some((known, text)) if *known == port => text.bind(py).clone(),
                _ => {
                    let text = decimal(py, port.into())?;
                    memory.told_port = Some((port, text.clone().unbind()));
                    text
                }
            };
            environ.set_item(&keys.server_port, text)?;
        }
        for (name, value) in &front.variables {
            match memory.told(py, name)? {
                Some(told) => environ.set_item(&told.key, told.value.get(py, value)?)?,
                None => environ.set_item(latin1(py, name)?, latin1(py, value)?)?,
            }
        }
        Ok(())
    }

    fn set_scheme(&self, environ: &Bound<'_, PyDict>, scheme: Scheme) -> PyResult<()> {
        environ.set_item(&self.keys.url_scheme, scheme.name())?;
        environ.set_item(&self.keys.request_scheme, scheme.name())?;
        if scheme == Scheme::Https {
            environ.set_item(&self.keys.https, "on")?;
        }
        Ok(())
    }

    /// The variables that all requests at one listener have in common.
    fn template<'a, 'py>(
        &self,
        py: Python<'py>,
        memory: &'a mut Memory,
        local: &Arc<Local>,
    ) -> PyResult<&'a Bound<'py, PyDict>> {
        let known = memory.templates.iter().position(|(other, _)| Arc::ptr_eq(other, local));
        let index = match known {
            Some(index) => index,
            None => {
                let template = self.make_template(py, local)?;
                memory.templates.push((local.clone(), template.unbind()));
                memory.templates.len() - 1
            }
        };
        Ok(memory.templates[index].1.bind(py))
    }

    fn make_template<'py>(&self, py: Python<'py>, local: &Local) -> PyResult<Bound<'py, PyDict>> {
        let environ = PyDict::new(py);
        let set = |name: &str, value: Bound<'py, PyAny>| environ.set_item(PyString::intern(py, name), value);
        let text = |value: &str| PyString::intern(py, value).into_any();
        let flag = |value: bool| pyo3::types::PyBool::new(py, value).to_owned().into_any();
        set("GATEWAY_INTERFACE", text("CGI/1.1"))?;
        set("SERVER_SOFTWARE", text(concat!("Millau/", env!("CARGO_PKG_VERSION"))))?;
        set("SERVER_NAME", latin1(py, split_host(local.name.as_bytes()).0)?.into_any())?;
        set("SERVER_PORT", decimal(py, local.port.into())?.into_any())?;
        set("SERVER_PROTOCOL", text("HTTP/1.1"))?;
        set("REQUEST_METHOD", text("GET"))?;
        set("SCRIPT_NAME", text(""))?;
        set("QUERY_STRING", text(""))?;
        set("REMOTE_ADDR", text(""))?;
        set("wsgi.version", (1, 0).into_pyobject(py)?.into_any())?;
        set("wsgi.input", Input::empty(py)?.into_any())?;
        set("wsgi.input_terminated", flag(true))?;
        set("wsgi.errors", Bound::new(py, Errors::default())?.into_any())?;
        set("wsgi.multithread", flag(self.surroundings.multithread))?;
        set("wsgi.multiprocess", flag(self.surroundings.multiprocess))?;
        set("wsgi.run_once", flag(self.surroundings.run_once))?;
        set("wsgi.file_wrapper", py.get_type::<FileWrapper>().into_any())?;
        self.set_scheme(&environ, local.scheme)?;
        // Room for the request's own variables: a copy has the size of its original, and growing costs more than copying.
        let extra = 23usize.saturating_sub(environ.len());
        for number in 0..extra {
            environ.set_item(number, number)?;
        }
        for number in 0..extra {
            environ.del_item(number)?;
        }
        Ok(environ)
    }
}

impl Memory {
    /// Where in `variables` the one of a field is.
    fn variable(&mut self, py: Python<'_>, name: &[u8]) -> usize {
        if let Some(index) = self.names.get(name) {
            return *index;
        }
        let rule = field_rule(name);
        let key = match rule {
            FieldRule::ContentType => "CONTENT_TYPE".to_owned(),
            _ => http_name(name),
        };
        let same = |variable: &Variable| variable.rule == rule && variable.key.bind(py).to_str().ok() == Some(&key);
        let index = self.variables.iter().position(same).unwrap_or_else(|| {
            let key = PyString::intern(py, &key).unbind();
            self.variables.push(Variable { rule, key, seen: 0, value: Remembered::default() });
            self.variables.len() - 1
        });
        self.names.insert(name.into(), index);
        index
    }

    /// The memory of a variable that a front server has set; `None` once there are too many, and for a strange name.
    fn told(&mut self, py: Python<'_>, name: &[u8]) -> PyResult<Option<&mut Told>> {
        // Not `entry`, which would want a name of its own each time.
        if !self.told.contains_key(name) {
            if self.told.len() >= REMEMBERED_TOLD {
                return Ok(None);
            }
            let key = match std::str::from_utf8(name) {
                Ok(name) if name.is_ascii() => PyString::intern(py, name).unbind(),
                _ => return Ok(None),
            };
            self.told.insert(name.into(), Told { key, value: Remembered::default() });
        }
        Ok(self.told.get_mut(name))
    }

    fn method<'py>(&mut self, py: Python<'py>, method: &[u8]) -> PyResult<Bound<'py, PyString>> {
        if let Some((_, text)) = self.methods.iter().find(|(known, _)| **known == *method) {
            return Ok(text.bind(py).clone());
        }
        let text = latin1(py, method)?;
        if self.methods.len() < 16 {
            self.methods.push((method.into(), text.clone().unbind()));
        }
        Ok(text)
    }
}

/// The value of a field that has occurred before in this request.
fn repeated<'py>(
    py: Python<'py>,
    before: &Bound<'py, PyAny>,
    name: &[u8],
    value: &[u8],
) -> PyResult<Bound<'py, PyString>> {
    let joined = before.add(latin1(py, separator(name))?)?.add(latin1(py, value)?)?;
    Ok(joined.cast_into::<PyString>()?)
}

fn decimal(py: Python<'_>, value: u64) -> PyResult<Bound<'_, PyString>> {
    let mut digits = [0u8; 20];
    let mut start = digits.len();
    let mut rest = value;
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return latin1(py, &digits[start..]);
        }
    }
}
