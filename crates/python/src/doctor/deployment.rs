//! A URL: asks the deployment that it leads to, with Python's own HTTP client.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

use millau_config::Examination;
use millau_doctor::{Answer, Aspect, Finding, Probe, Problem, Severity, Silence, TOKEN_FIELD, Url, judge, probes};
use pyo3::prelude::*;

use super::counted;

/// How long one answer may take, in seconds; `--time-limit` is about scripts.
const PATIENCE: f64 = 10.0;

type Reply = (u16, Vec<(String, String)>, Vec<u8>, (String, u16));

/// Asks everything that there is to ask, and tells what is wrong. `true`: nothing is, as far as could be told.
pub(super) fn examine(py: Python<'_>, url: &Url, examination: &Examination, out: &mut impl Write) -> io::Result<bool> {
    let token = examination.token.as_deref();
    let mut asked: Vec<(Probe, Result<Answer, Silence>)> = Vec::new();
    for probe in probes(url) {
        let answer = ask(py, url, &probe, token);
        let is_first = asked.is_empty();
        // Without a witness no path can tell more than the first.
        let is_witness = answer.as_ref().is_ok_and(|answer| answer.status == 200 && answer.body.starts_with(b"{"));
        asked.push((probe, answer));
        if is_first && !(token.is_some() && is_witness) {
            break;
        }
    }
    let findings = judge(url, &asked, token.is_some());
    tell(url, &asked, &findings, out)
}

fn ask(py: Python<'_>, url: &Url, probe: &Probe, token: Option<&str>) -> Result<Answer, Silence> {
    let mut fields = vec![("Host".to_owned(), url.authority()), ("User-Agent".into(), "millau doctor".into())];
    fields.extend(probe.fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    if let Some(token) = token.filter(|_| probe.aspect != Aspect::Visitor) {
        fields.push((TOKEN_FIELD.into(), token.into()));
    }
    fields.push(("Connection".into(), "close".into()));
    let reply = py
        .import("millau._ask")
        .and_then(|module| {
            module.call_method1("ask", (url.is_secure, &*url.host, url.port, &*probe.target, fields, PATIENCE))
        })
        .and_then(|reply| reply.extract::<Reply>());
    match reply {
        Ok((status, fields, body, (address, port))) => {
            let address = address.parse::<IpAddr>().ok();
            let sent_from = address.map(|address| SocketAddr::new(address, port));
            Ok(Answer { status, fields, body, sent_from })
        }
        Err(error) => Err(silence(py, &error)),
    }
}

/// How far a request came: the module raises with the name of the protocol that failed, and the reason.
fn silence(py: Python<'_>, error: &PyErr) -> Silence {
    let told = error.value(py).getattr("args").and_then(|arguments| arguments.extract::<(String, String)>());
    match told {
        Ok((protocol, reason)) if protocol == "TLS" => Silence::Tls(reason),
        Ok((protocol, reason)) if protocol == "HTTP" => Silence::Http(reason),
        Ok((_, reason)) => Silence::Connection(reason),
        Err(_) => Silence::Connection(error.value(py).to_string()),
    }
}

fn tell(
    url: &Url,
    asked: &[(Probe, Result<Answer, Silence>)],
    findings: &[Finding],
    out: &mut impl Write,
) -> io::Result<bool> {
    for finding in findings {
        writeln!(out, "{finding}\n")?;
    }
    let requests = counted(asked.len(), "request");
    let number = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (number(Severity::Error), number(Severity::Warning));
    let is_unseen = findings.iter().any(|finding| finding.problem == Problem::NoWitness);
    let verdict = match (errors + warnings, is_unseen) {
        (0, true) => "Millau has not been asked what arrives".to_owned(),
        (0, false) => "path, scheme, host and client arrive as they should".to_owned(),
        _ => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    };
    writeln!(out, "{url}: {requests}: {verdict}")?;
    Ok(errors == 0)
}
