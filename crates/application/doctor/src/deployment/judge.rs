//! Compares what was asked with what arrived.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use super::probes::{Aspect, CLAIMED_ADDRESS};
use super::remedy::{FrontServer, Topic, line};
use super::{Answer, Probe, Silence, Testimony, Url};
use crate::mend::quoted;
use crate::{Finding, Mend, Place, Problem, Severity};

/// Says what is wrong, from what came back for each probe; where nothing came back, the reason stands in its place.
///
/// `token` tells whether one was sent: without it, only what a visitor sees can be judged.
pub fn judge(url: &Url, asked: &[(Probe, Result<Answer, Silence>)], token: bool) -> Vec<Finding> {
    let Some((_, plain)) = asked.first() else { return Vec::new() };
    let answer = match plain {
        Ok(answer) => answer,
        Err(silence) => return vec![unreachable(url, silence)],
    };
    let server = field(answer, "server").unwrap_or_default();
    let named = FrontServer::named(server);
    let Some(testimony) = testimony(answer) else {
        if let Some(script) = script(url, answer, named) {
            return vec![script];
        }
        let mut findings = vec![no_witness(url, answer, named, token)];
        // Where a witness was to answer, its absence says what a refusal is about.
        let is_told = findings[0].problem == Problem::Unreachable || token && answer.status < 500;
        findings.extend(error_status(url, answer.status, named).filter(|_| !is_told));
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        return findings;
    };
    let front = behind(named, &testimony);
    let mut judge = Judge { url, front, plain: &testimony, findings: Vec::new() };
    judge.mount();
    judge.surroundings(answer);
    for (probe, answer) in asked {
        match answer {
            Ok(answer) if probe.aspect == Aspect::Visitor => judge.visitor(answer),
            Ok(answer) => judge.probe(probe, answer),
            Err(silence) if probe.aspect == Aspect::Visitor => judge.findings.push(unreachable(url, silence)),
            Err(silence) => judge.refused(probe, silence),
        }
    }
    judge.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    judge.findings
}

/// Some front servers hand on what Millau says of itself, and are known by what they add to a request.
fn behind(named: FrontServer, testimony: &Testimony) -> FrontServer {
    let adds = |name| testimony.field(name).is_some();
    match named {
        FrontServer::None if adds("X-Forwarded-Server") => FrontServer::Apache,
        FrontServer::None if adds("X-Host") && adds("X-Forwarded-Host") => FrontServer::Lighttpd,
        FrontServer::None if adds("X-Forwarded-For") || adds("Via") || testimony.by_variables => FrontServer::Other,
        named => named,
    }
}

fn field<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn testimony(answer: &Answer) -> Option<Testimony> {
    serde_json::from_slice(&answer.body).ok().filter(|_| answer.status == 200)
}

fn unreachable(url: &Url, silence: &Silence) -> Finding {
    let (what, why) = match silence {
        Silence::Connection(reason) => (
            format!("nobody answers: {reason}"),
            "the name does not lead here, the port is closed, or the front server is not running",
        ),
        Silence::Tls(reason) if reason.contains("CERTIFICATE") => (
            format!("the certificate is not accepted: {reason}"),
            "it is not for this name, out of date, or from nobody whom this machine trusts",
        ),
        Silence::Tls(reason) => (
            format!("somebody listens there, and does not speak TLS: {reason}"),
            "the port is not that of https, or the front server has no TLS (nginx: ssl behind listen; Apache: SSLEngine on)",
        ),
        Silence::Http(reason) => (
            format!("somebody listens there, and no answer of HTTP comes: {reason}"),
            "the port is that of another protocol (https, FastCGI), or who listens there does not answer in time",
        ),
    };
    let mend = Mend::Command(format!("curl -v {}", quoted(Path::new(&url.to_string()))));
    Finding::error(Problem::Unreachable, Place::Url(url.to_string()), what, why, mend)
}

/// What a visitor sees of the URL, where that is an error.
fn error_status(url: &Url, status: u16, front: FrontServer) -> Option<Finding> {
    if status < 400 {
        return None;
    }
    let (what, mend) = match status {
        401 => ("asks for a password", "if it is not meant to, look for what asks: front server or application"),
        403 => (
            "refuses",
            "if it is not meant to, look into its log; if this is the URL of a CGI script, on the server: millau doctor \
             /path/to/script",
        ),
        404 | 410 => {
            ("knows nothing there", "compare the path with --mount of Millau and with what the front server passes on")
        }
        405 => ("takes no GET there", "ask for a URL that takes one"),
        500.. => (
            "or what is behind it has failed",
            "look into the log of the server; if this is the URL of a CGI script, on the server: millau doctor \
             /path/to/script",
        ),
        _ => ("takes the request for a wrong one", "look into its log, or ask for a URL that takes a plain GET"),
    };
    let what = format!("{} answers {status}: it {what}", front.name());
    let why = "this is what a visitor gets; the reason is told to the log, not to clients";
    let finding =
        Finding::error(Problem::ErrorStatus, Place::Url(url.to_string()), what, why, Mend::Advice(mend.into()));
    Some(if status < 500 { Finding { severity: Severity::Warning, ..finding } } else { finding })
}

/// A script that is sent in place of what it prints.
fn script(url: &Url, answer: &Answer, front: FrontServer) -> Option<Finding> {
    answer.body.starts_with(b"#!").then(|| {
        Finding::error(
            Problem::NotServedAsCgi,
            Place::Url(url.to_string()),
            format!("{} answers {} with the source of a script, not with what it prints", front.name(), answer.status),
            "the server takes the script for a file to be sent as it is; whoever asks can read it, and the passwords in it",
            Mend::Advice(line(front, false, Topic::Script, &url.path)),
        )
    })
}

fn no_witness(url: &Url, answer: &Answer, front: FrontServer, token: bool) -> Finding {
    let place = Place::Url(url.to_string());
    let name = front.name();
    let status = answer.status;
    if matches!(status, 502..=504) && front != FrontServer::None {
        return Finding::error(
            Problem::Unreachable,
            place,
            format!("{name} answers {status}: it does not reach Millau"),
            "Millau does not run, listens elsewhere than the front server looks, speaks another protocol there, or the front \
             server's user may not use the socket (its error log says which)",
            Mend::Advice(line(front, false, Topic::Reach, &url.path)),
        );
    }
    if !token {
        let command = "export MILLAU_DOCTOR_TOKEN=$(openssl rand -hex 16)   # start millau serve with it, then: millau doctor URL";
        return Finding::note(
            Problem::NoWitness,
            place,
            format!("{name} answers {status}; no more can be told without a token"),
            "what arrives at the application is told only to whoever knows the token that Millau was started with",
            Mend::Command(command.into()),
        );
    }
    let (what, why) = match status {
        401 | 403 => ("asks for a password or refuses", "the request does not get past it"),
        404 => (
            "does not know the path, or the application does not",
            "the front server passes on other paths than this one, or Millau does not know the token",
        ),
        300..=399 => ("sends elsewhere", "this is not the address that leads to Millau"),
        _ if front == FrontServer::None => (
            "lets the application answer, and not the witness",
            "Millau was started without --doctor-token (or MILLAU_DOCTOR_TOKEN), or with another token",
        ),
        _ => (
            "or the application answers, and not the witness",
            "the front server has an answer of its own for this path, Millau was started without --doctor-token (or \
             MILLAU_DOCTOR_TOKEN) or with another token, or the front server drops the field X-Millau-Doctor",
        ),
    };
    let location = field(answer, "location").map_or_else(String::new, |location| format!(" ({location})"));
    Finding::error(
        Problem::NoWitness,
        place,
        format!("{name} answers {status}{location}: it {what}"),
        why,
        Mend::Advice(
            "ask for a URL that leads to Millau; start it with the same MILLAU_DOCTOR_TOKEN that millau doctor has"
                .into(),
        ),
    )
}

struct Judge<'a> {
    url: &'a Url,
    front: FrontServer,
    plain: &'a Testimony,
    findings: Vec<Finding>,
}

impl Judge<'_> {
    fn line(&self, topic: Topic) -> String {
        let place = match self.front {
            FrontServer::None | FrontServer::Other => String::new(),
            front => format!("{}, ", front.name()),
        };
        format!("{place}{}", line(self.front, self.plain.by_variables, topic, &self.url.path))
    }

    fn add(&mut self, severity: Severity, problem: Problem, target: &str, what: String, why: &str, mend: String) {
        let place = Place::Url(format!("{}://{}{target}", self.url.scheme(), self.url.authority()));
        let finding = Finding::error(problem, place, what, why, Mend::Advice(mend));
        self.findings.push(Finding { severity, ..finding });
    }

    /// The witness answers at every path, also where no application is.
    fn mount(&mut self) {
        let target = self.url.target.clone();
        let seen = format!("{}{}", self.plain.variable("SCRIPT_NAME"), self.plain.variable("PATH_INFO"));
        // Where another path arrives, that is what is to be mended.
        if !self.plain.is_unmounted || seen != decoded(without_query(&target)) {
            return;
        }
        let start = match &*self.url.path {
            "" => "millau serve TARGET, without --mount".to_owned(),
            path => format!("millau serve --mount {path}=TARGET"),
        };
        let what = "the request arrives, and Millau has no application at its path".to_owned();
        let why = "every --mount is at another path: clients get 404";
        let mend = format!("{start}; or name the URL of an application: millau doctor URL");
        self.add(Severity::Error, Problem::NotMounted, &target, what, why, mend);
    }

    /// Scheme, host and client: what is the same for every path.
    fn surroundings(&mut self, answer: &Answer) {
        let target = self.url.target.clone();
        let (seen, plain) = (self.plain.variable("REQUEST_SCHEME"), self.plain);
        let proxy = if plain.over_unix_socket { "unix".to_owned() } else { peer_of(plain) };
        if seen != self.url.scheme() {
            let told = plain.field("X-Forwarded-Proto");
            let mend = match told {
                Some(told) if told.eq_ignore_ascii_case(self.url.scheme()) => {
                    format!("Millau, to believe it: millau serve --forwarded-from {proxy}")
                }
                _ if plain.by_variables => self.line(Topic::Scheme),
                _ => format!("{} And with it: millau serve --forwarded-from {proxy}", self.line(Topic::Scheme)),
            };
            let what = format!("the client asked by {}, the application sees {seen}", self.url.scheme());
            let why =
                "redirects and links lead to the wrong scheme, and cookies that are marked as secure are not sent";
            self.add(Severity::Error, Problem::SchemeWrong, &target, what, why, mend);
        }
        let host = plain.variable("HTTP_HOST");
        if !host.eq_ignore_ascii_case(&self.url.authority()) {
            let what = format!("the client asked for {}, the application sees {host:?}", self.url.authority());
            let why = "redirects and links lead to a host that the client may not reach, and frameworks refuse hosts that they \
                       do not know";
            self.add(Severity::Error, Problem::HostWrong, &target, what, why, self.line(Topic::Host));
        }
        self.client(&target, answer.sent_from, &proxy);
    }

    fn client(&mut self, target: &str, sent_from: Option<SocketAddr>, proxy: &str) {
        let seen = self.plain.variable("REMOTE_ADDR");
        let port = self.plain.variable("REMOTE_PORT");
        let is_ours = sent_from
            .is_some_and(|ours| seen.parse() == Ok(ours.ip()) && (port.is_empty() || port.parse() == Ok(ours.port())));
        let is_near = seen.is_empty() || is_loopback(seen);
        let forwarded = self.plain.forwarded_for();
        // Over the loopback interface the front server's address is ours as well; then what it tells decides.
        let is_told = self.plain.by_variables || !forwarded.is_empty();
        // A client that the proxy has told of has no port.
        let is_believed = port.is_empty() && forwarded.last() == Some(&seen);
        let is_another = if self.plain.by_variables { !is_near } else { is_believed };
        // Who sits behind a translation of addresses does not know its own; the loopback interface has none.
        let is_wrong = is_another && !is_near && sent_from.is_some_and(|ours| ours.ip().is_loopback());
        if self.front == FrontServer::None || is_ours && is_told || is_another && !is_wrong {
            return;
        }
        let mend = if self.plain.by_variables || is_wrong {
            self.line(Topic::Client)
        } else if is_told {
            format!("Millau, to believe what the front server tells: millau serve --forwarded-from {proxy}")
        } else {
            format!("{} And with it: millau serve --forwarded-from {proxy}", self.line(Topic::Client))
        };
        let (what, why) = match sent_from {
            Some(ours) if is_wrong => (
                format!("the client asks from {}, the application sees {seen} for its address", ours.ip()),
                "logs, limits and rules about addresses take every client for another",
            ),
            _ => (
                match seen {
                    "" => "the application sees no address at all for the client's address".to_owned(),
                    seen => format!("the application sees {seen} for the client's address"),
                },
                "logs, limits and rules about addresses take every client for the front server",
            ),
        };
        self.add(Severity::Warning, Problem::ClientAddress, target, what, why, mend);
    }

    fn refused(&mut self, probe: &Probe, silence: &Silence) {
        let what = format!("no answer to this request: {silence}");
        let why = "the front server closes the connection rather than pass the request on";
        self.add(Severity::Warning, Problem::PathRefused, &probe.target, what, why, self.line(Topic::Path));
    }

    /// The application has been asked, as by everybody.
    fn visitor(&mut self, answer: &Answer) {
        // 404 where nothing is mounted has been told.
        if !self.plain.is_unmounted {
            let source = script(self.url, answer, self.front);
            self.findings.extend(source.or_else(|| error_status(self.url, answer.status, self.front)));
        }
    }

    fn probe(&mut self, probe: &Probe, answer: &Answer) {
        let Some(testimony) = testimony(answer) else {
            // The front server checks passwords: it was not meant to let these pass.
            if probe.aspect != Aspect::Credentials && probe.aspect != Aspect::Claims {
                self.not_passed(probe, answer.status);
            }
            return;
        };
        match probe.aspect {
            Aspect::Claims => self.claims(probe, &testimony, answer.sent_from),
            Aspect::Credentials => self.credentials(probe, &testimony),
            aspect => {
                if matches!(aspect, Aspect::Plain | Aspect::Query) {
                    self.query(probe, &testimony);
                }
                self.path(probe, &testimony);
            }
        }
    }

    fn not_passed(&mut self, probe: &Probe, status: u16) {
        let (severity, topic, why) = match probe.aspect {
            Aspect::EncodedSlash => (
                Severity::Note,
                Topic::EncodedSlash,
                "an encoded slash is refused by some front servers, since it may mean two things; applications that have it in \
                 names of files or keys need it",
            ),
            _ => (Severity::Warning, Topic::Path, "the front server does not pass this path on to the application"),
        };
        let what = format!("{} answers {status} to this path itself", self.front.name());
        self.add(severity, Problem::PathRefused, &probe.target, what, why, self.line(topic));
    }

    fn path(&mut self, probe: &Probe, testimony: &Testimony) {
        let sent = without_query(&probe.target);
        let (wanted, base) = (decoded(sent), decoded(&self.url.path));
        let script_name = testimony.variable("SCRIPT_NAME");
        let seen = format!("{script_name}{}", testimony.variable("PATH_INFO"));
        if seen == wanted {
            return;
        }
        let merged = wanted.replace("//", "/");
        if seen == merged {
            let what = "two slashes after one another arrive as one".to_owned();
            let why = "most applications do not care; those that take URLs as a part of a path do";
            let mend = self.line(Topic::DoubleSlash);
            return self.add(Severity::Note, Problem::PathMangled, &probe.target, what, why, mend);
        }
        let what = format!(
            "the application sees SCRIPT_NAME {script_name:?} and PATH_INFO {:?}",
            testimony.variable("PATH_INFO")
        );
        let (why, topic) = if !base.is_empty() && wanted.strip_prefix(&base).is_some_and(|rest| same(rest, &seen)) {
            (
                "the front server takes the mount away and does not tell: links and redirects lead outside of it",
                Topic::Mount,
            )
        } else if seen == sent {
            (
                "the path arrives encoded: applications find no page whose name has a space or a letter beyond ASCII",
                Topic::Path,
            )
        } else if decoded(&wanted) == seen {
            ("the path is decoded twice: %25 in a name is lost, and checks of the path can be tricked", Topic::Path)
        } else {
            ("SCRIPT_NAME and PATH_INFO together must be the path that the client asked for, decoded once", Topic::Path)
        };
        let told_already = self.findings.iter().any(|finding| finding.why == why);
        if !told_already {
            self.add(Severity::Error, Problem::PathMangled, &probe.target, what, why, self.line(topic));
        }
    }

    fn query(&mut self, probe: &Probe, testimony: &Testimony) {
        let sent = probe.target.split_once('?').map_or("", |(_, query)| query);
        let seen = testimony.variable("QUERY_STRING");
        let told_already = self.findings.iter().any(|finding| finding.problem == Problem::QueryMangled);
        if seen != sent && !told_already {
            let what = format!("the query {sent:?} arrives as {seen:?}");
            let why = "the query belongs to the application, encoded as the client sent it";
            self.add(Severity::Error, Problem::QueryMangled, &probe.target, what, why, self.line(Topic::Query));
        }
    }

    /// What a client claims of itself must count for nothing.
    fn claims(&mut self, probe: &Probe, testimony: &Testimony, sent_from: Option<SocketAddr>) {
        // Who asks Millau itself from the machine of a trusted proxy is one.
        let is_proxy = self.front == FrontServer::None && sent_from.is_some_and(|ours| ours.ip().is_loopback());
        if testimony.variable("REMOTE_ADDR") == CLAIMED_ADDRESS && !is_proxy {
            self.believed(probe, testimony);
        }
        if testimony.variables.iter().any(|(name, _)| name == "HTTP_PROXY") {
            let what = "the field Proxy arrives as HTTP_PROXY".to_owned();
            let why = "requests that the application makes itself can be led elsewhere by a client (httpoxy)";
            let mend = "this is a fault of Millau; please report it".to_owned();
            self.add(Severity::Error, Problem::VariableTwice, &probe.target, what, why, mend);
        }
    }

    /// The address that the client has claimed is what the application sees.
    fn believed(&mut self, probe: &Probe, testimony: &Testimony) {
        const NOT_A_PROXY: &str = "millau serve: no address of a client belongs in --forwarded-from";
        let added = testimony.forwarded_for().into_iter().next_back();
        let added = added.filter(|last| *last != CLAIMED_ADDRESS && !testimony.by_variables);
        let what = |who: &str| format!("{who} can choose the address that the application sees");
        let (severity, what, why) = match added {
            Some(ours) if is_loopback(ours) => (
                Severity::Note,
                what(&format!("a client at {ours}")),
                "the front server adds the client's address to X-Forwarded-For, and Millau takes who asks from there for a \
                 proxy, which is believed about others; clients elsewhere are not",
            ),
            Some(ours) => (
                Severity::Error,
                what(&format!("a client at {ours}")),
                "the front server adds the client's address to X-Forwarded-For, and Millau takes it for a proxy's, which is \
                 believed about others: logs, limits and rules about addresses can be deceived",
            ),
            None => (
                Severity::Error,
                what("a client"),
                "the front server passes X-Forwarded-For on as the client sent it, and it is believed: logs, limits and rules \
                 about addresses can be deceived",
            ),
        };
        let mend = match (self.front, severity, added) {
            (FrontServer::None, ..) => NOT_A_PROXY.to_owned(),
            (_, Severity::Error, Some(_)) => format!("{NOT_A_PROXY}. Or {}", self.line(Topic::Claims)),
            _ => self.line(Topic::Claims),
        };
        self.add(severity, Problem::ClientAddress, &probe.target, what, why, mend);
    }

    fn credentials(&mut self, probe: &Probe, testimony: &Testimony) {
        if testimony.field("Authorization").is_none() && testimony.variable("HTTP_AUTHORIZATION").is_empty() {
            let what = "the field Authorization does not arrive".to_owned();
            let why = "an application that checks passwords or tokens itself sees none; where the front server checks them, \
                       that is as it should be";
            self.add(Severity::Note, Problem::FieldDropped, &probe.target, what, why, self.line(Topic::Credentials));
        }
    }
}

fn is_loopback(address: &str) -> bool {
    address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whom Millau would have to believe: the front server's address, as far as it is seen.
fn peer_of(testimony: &Testimony) -> String {
    match testimony.variable("REMOTE_ADDR") {
        "" => "ADDRESS-OF-THE-FRONT-SERVER".to_owned(),
        address => address.to_owned(),
    }
}

/// Equal but for slashes that were merged and one at the beginning.
fn same(wanted: &str, seen: &str) -> bool {
    let plain = |path: &str| path.replace("//", "/").trim_start_matches('/').to_owned();
    plain(wanted) == plain(seen)
}

fn without_query(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

/// Percent-decoded once; bytes beyond ASCII as the testimony tells them.
fn decoded(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut out = String::new();
    let mut at = 0;
    while at < bytes.len() {
        let hexadecimal = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match hexadecimal.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                out.push(char::from(byte));
                at += 3;
            }
            _ => {
                out.push(char::from(bytes[at]));
                at += 1;
            }
        }
    }
    out
}
#[cfg(test)]
mod tests;
