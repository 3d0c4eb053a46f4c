//! Where a front listens, as a URL: `http://127.0.0.1:8000`, `fastcgi+unix:/run/app.sock`, `scgi+fd:3`.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::suggestion;

/// Every form, for messages.
const FORMS: &str = "http://HOST:PORT, http+unix:/PATH or http+fd:NUMBER";

/// Protocols that a front may have one day.
const LATER: &[&str] = &["https"];

/// What is spoken at a front.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.1 and HTTP/1.0, without TLS.
    #[default]
    Http,
    /// FastCGI 1.0.
    Fastcgi,
    /// SCGI.
    Scgi,
    /// uWSGI's own protocol.
    Uwsgi,
    /// AJP/1.3.
    Ajp,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 5] = [Self::Http, Self::Fastcgi, Self::Scgi, Self::Uwsgi, Self::Ajp];

    /// As it is written in the URL of a front.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Fastcgi => "fastcgi",
            Self::Scgi => "scgi",
            Self::Uwsgi => "uwsgi",
            Self::Ajp => "ajp",
        }
    }

    fn named(scheme: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.scheme() == scheme)
    }
}

/// One front: a protocol, and the address where it listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bind {
    /// What is spoken there.
    pub protocol: Protocol,
    /// Where it listens.
    pub address: Address,
}

/// An address at which a socket can listen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A host and a port of TCP.
    Tcp {
        /// A name in lower case, or an address; an IPv6 address stands without its brackets.
        host: String,
        /// 0: any free port.
        port: u16,
    },
    /// A UNIX socket in the file system.
    Unix(PathBuf),
    /// A descriptor that listens already and was left open by whoever started the process. Never negative.
    Fd(i32),
}

/// Why a text is no front. Its text says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindError(String);

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BindError {}

/// As a URL that reads back as the same front.
impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.protocol.scheme();
        match &self.address {
            Address::Tcp { host, port } if host.contains(':') => write!(f, "{scheme}://[{host}]:{port}"),
            Address::Tcp { host, port } => write!(f, "{scheme}://{host}:{port}"),
            Address::Unix(path) => write!(f, "{scheme}+unix:{}", path.display()),
            Address::Fd(number) => write!(f, "{scheme}+fd:{number}"),
        }
    }
}

impl FromStr for Bind {
    type Err = BindError;

    fn from_str(text: &str) -> Result<Self, BindError> {
        front(text).map_err(BindError)
    }
}

fn front(text: &str) -> Result<Bind, String> {
    if text.is_empty() {
        return Err(format!("nothing is given; write {FORMS}"));
    }
    if let Some(odd) = text.chars().find(|c| c.is_control()) {
        return Err(format!("'{}' cannot be part of an address", odd.escape_default()));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        return with_authority(&scheme.to_ascii_lowercase(), rest);
    }
    match text.split_once(':') {
        Some((scheme, rest)) if scheme.contains('+') => with_carrier(&scheme.to_ascii_lowercase(), rest),
        Some(("unix", path)) => Err(format!("did you mean 'http+unix:{path}'?")),
        Some(("fd", number)) => Err(format!("did you mean 'http+fd:{number}'?")),
        _ if text.starts_with(['/', '.']) => Err(format!("for a UNIX socket write http+unix:{text}")),
        _ => tcp(text).map(|address| Bind { protocol: Protocol::Http, address }),
    }
}

/// `scheme://rest`
fn with_authority(scheme: &str, rest: &str) -> Result<Bind, String> {
    if let Some(protocol) = Protocol::named(scheme) {
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return Err("a front has no path: an application is put at a path with --mount /path=TARGET".to_owned());
        }
        return tcp(authority).map(|address| Bind { protocol, address });
    }
    match carried(scheme) {
        // An empty authority is allowed before a path (RFC 8089 §2 has file:///p and file:/p likewise).
        Some((_, "unix")) if rest.starts_with('/') => with_carrier(scheme, rest),
        Some((_, "unix")) => Err(format!("did you mean '{scheme}:/{rest}'?")),
        Some(_) => Err(format!("did you mean '{scheme}:{rest}'?")),
        None if scheme == "unix" => Err(format!("did you mean 'http+unix:/{}'?", rest.trim_start_matches('/'))),
        None if scheme == "fd" => Err(format!("did you mean 'http+fd:{rest}'?")),
        None => Err(unknown(scheme)),
    }
}

/// `fastcgi+unix` → the protocol, `unix`
fn carried(scheme: &str) -> Option<(Protocol, &str)> {
    let (protocol, carrier) = scheme.split_once('+')?;
    Some((Protocol::named(protocol)?, carrier)).filter(|_| ["unix", "fd"].contains(&carrier))
}

/// `protocol+carrier:rest`
fn with_carrier(scheme: &str, rest: &str) -> Result<Bind, String> {
    match carried(scheme) {
        Some((_, "unix")) if rest.is_empty() || rest.ends_with('/') => {
            Err(format!("no path of a socket: write {scheme}:/run/app.sock, say"))
        }
        Some((_, "unix")) if rest.starts_with('@') => {
            Err("abstract sockets are not supported, because anybody may take their names: give a path".to_owned())
        }
        Some((protocol, "unix")) => Ok(Bind { protocol, address: Address::Unix(PathBuf::from(rest)) }),
        Some((protocol, _)) => match rest.parse() {
            Ok(number) if number >= 0 && !rest.starts_with('+') => Ok(Bind { protocol, address: Address::Fd(number) }),
            _ => Err(format!("'{rest}' is not the number of a descriptor: write {scheme}:3, say")),
        },
        None => Err(unknown(scheme)),
    }
}

fn unknown(scheme: &str) -> String {
    let protocol = scheme.split('+').next().unwrap_or(scheme);
    if LATER.contains(&protocol) {
        return format!("{protocol} is not in this version; let a front server end TLS: write {FORMS}");
    }
    if protocol == "fcgi" {
        let rest = &scheme[protocol.len()..];
        return format!(
            "unknown scheme '{scheme}'; did you mean 'fastcgi{}'?",
            if rest.is_empty() { "://" } else { rest }
        );
    }
    let carriers: &[&str] = if scheme.contains('+') { &["+unix:", "+fd:"] } else { &["://"] };
    // "http" alone must not be offered for "http+unx".
    let known: Vec<String> = Protocol::ALL
        .iter()
        .flat_map(|protocol| carriers.iter().map(|carrier| format!("{}{carrier}", protocol.scheme())))
        .collect();
    let ends = |known: &str| known.trim_end_matches([':', '/']).to_owned();
    let schemes: Vec<String> = known.iter().map(|known| ends(known)).collect();
    match suggestion::nearest(scheme, schemes.iter().map(String::as_str)) {
        Some(nearest) => {
            let full = known.iter().find(|known| ends(known) == nearest).map_or(nearest, String::as_str);
            format!("unknown scheme '{scheme}'; did you mean '{full}'?")
        }
        None => format!("unknown scheme '{scheme}': write {FORMS}; in place of http: fastcgi, scgi, uwsgi, ajp"),
    }
}

/// `HOST:PORT`
fn tcp(text: &str) -> Result<Address, String> {
    if text.contains('@') {
        return Err("a front has no user name: write HOST:PORT".to_owned());
    }
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let Some((host, after)) = rest.split_once(']') else {
            return Err(format!("'{text}' lacks the closing bracket: write [::1]:8000, say"));
        };
        if host.split('%').next().is_none_or(|address| address.parse::<Ipv6Addr>().is_err()) {
            return Err(format!("'{host}' is not an IPv6 address"));
        }
        let Some(port) = after.strip_prefix(':') else {
            return Err(format!("no port after '[{host}]': write [{host}]:8000, say (port 0: any free port)"));
        };
        (host, port)
    } else {
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err(without_port(text));
        };
        if host.contains(':') {
            return Err(bare_ipv6(text, host, port));
        }
        (host, port)
    };
    if host.is_empty() || host == "*" {
        return Err(format!(
            "no host before ':{port}': write 127.0.0.1:{port} for this machine only, or 0.0.0.0:{port} for every interface"
        ));
    }
    if port.is_empty() {
        return Err(without_port(host));
    }
    let port = match port.parse::<u16>() {
        Ok(number) if !port.starts_with('+') => number,
        _ if port.contains(',') => return Err("two addresses in one: give --bind once for each".to_owned()),
        _ => return Err(format!("'{port}' is not a port: a port is a number from 0 (any free port) to 65535")),
    };
    if let Some(odd) = host
        .chars()
        .find(|c| c.is_whitespace() || matches!(c, ',' | '/' | '\\' | '?' | '#' | '[' | ']' | '<' | '>' | '"'))
    {
        return Err(format!("'{odd}' cannot be part of a host name"));
    }
    Ok(Address::Tcp { host: host.to_ascii_lowercase(), port })
}

fn without_port(host: &str) -> String {
    if !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_digit()) {
        return format!(
            "'{host}' names no host: write 127.0.0.1:{host} for this machine only, or 0.0.0.0:{host} for every interface"
        );
    }
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    format!("no port is given: write {host}:8000, say (port 0: any free port)")
}

/// `::1` and `::1:8000` could both be an address; only brackets tell.
fn bare_ipv6(text: &str, host: &str, port: &str) -> String {
    if host.parse::<Ipv6Addr>().is_ok() && port.parse::<u16>().is_ok() {
        format!("an IPv6 address stands in brackets: write [{host}]:{port}")
    } else if text.parse::<Ipv6Addr>().is_ok() {
        format!("an IPv6 address stands in brackets: write [{text}]:8000, say")
    } else {
        format!("'{text}' is not an address: write {FORMS}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Bind, String> {
        text.parse::<Bind>().map_err(|error| error.to_string())
    }

    fn tcp_bind(host: &str, port: u16) -> Bind {
        Bind { protocol: Protocol::Http, address: Address::Tcp { host: host.into(), port } }
    }

    fn unix_bind(protocol: Protocol, path: &str) -> Bind {
        Bind { protocol, address: Address::Unix(path.into()) }
    }

    #[test]
    fn reads_every_form_and_gives_it_back_as_a_url() {
        for (text, bind, url) in [
            ("http://127.0.0.1:8000", tcp_bind("127.0.0.1", 8000), "http://127.0.0.1:8000"),
            ("HTTP://LocalHost:0/", tcp_bind("localhost", 0), "http://localhost:0"),
            ("127.0.0.1:80", tcp_bind("127.0.0.1", 80), "http://127.0.0.1:80"),
            ("[::1]:8000", tcp_bind("::1", 8000), "http://[::1]:8000"),
            ("http://[FE80::1%eth0]:8000", tcp_bind("fe80::1%eth0", 8000), "http://[fe80::1%eth0]:8000"),
            ("http+unix:/run/a b.sock", unix_bind(Protocol::Http, "/run/a b.sock"), "http+unix:/run/a b.sock"),
            ("http+unix:///run/a.sock", unix_bind(Protocol::Http, "/run/a.sock"), "http+unix:/run/a.sock"),
            ("http+unix:a.sock", unix_bind(Protocol::Http, "a.sock"), "http+unix:a.sock"),
            ("http+fd:3", Bind { protocol: Protocol::Http, address: Address::Fd(3) }, "http+fd:3"),
            ("fastcgi+unix:/run/a.sock", unix_bind(Protocol::Fastcgi, "/run/a.sock"), "fastcgi+unix:/run/a.sock"),
            ("FastCGI+fd:0", Bind { protocol: Protocol::Fastcgi, address: Address::Fd(0) }, "fastcgi+fd:0"),
            ("scgi://127.0.0.1:0", Bind { protocol: Protocol::Scgi, ..tcp_bind("127.0.0.1", 0) }, "scgi://127.0.0.1:0"),
            ("uwsgi://[::1]:3031", Bind { protocol: Protocol::Uwsgi, ..tcp_bind("::1", 3031) }, "uwsgi://[::1]:3031"),
            (
                "ajp://localhost:8009/",
                Bind { protocol: Protocol::Ajp, ..tcp_bind("localhost", 8009) },
                "ajp://localhost:8009",
            ),
        ] {
            let read = read(text).unwrap();
            assert_eq!(read, bind, "{text}");
            assert_eq!(read.to_string(), url);
            assert_eq!(url.parse::<Bind>().unwrap(), bind);
        }
    }

    #[test]
    fn says_what_to_write_instead() {
        let forms = "http://HOST:PORT, http+unix:/PATH or http+fd:NUMBER";
        for (text, message) in [
            ("", &*format!("nothing is given; write {forms}")),
            ("127.0.0.1:80\r", "'\\r' cannot be part of an address"),
            ("http://a/app", "a front has no path: an application is put at a path with --mount /path=TARGET"),
            ("http://u@h:80", "a front has no user name: write HOST:PORT"),
            ("http://h", "no port is given: write h:8000, say (port 0: any free port)"),
            ("http://", "no port is given: write 127.0.0.1:8000, say (port 0: any free port)"),
            ("h:", "no port is given: write h:8000, say (port 0: any free port)"),
            (
                "8000",
                "'8000' names no host: write 127.0.0.1:8000 for this machine only, or 0.0.0.0:8000 for every interface",
            ),
            (
                ":8000",
                "no host before ':8000': write 127.0.0.1:8000 for this machine only, or 0.0.0.0:8000 for every interface",
            ),
            (
                "*:80",
                "no host before ':80': write 127.0.0.1:80 for this machine only, or 0.0.0.0:80 for every interface",
            ),
            ("h:65536", "'65536' is not a port: a port is a number from 0 (any free port) to 65535"),
            ("h:+80", "'+80' is not a port: a port is a number from 0 (any free port) to 65535"),
            ("h:http", "'http' is not a port: a port is a number from 0 (any free port) to 65535"),
            ("a:1,b:2", "'a:1,b:2' is not an address: write http://HOST:PORT, http+unix:/PATH or http+fd:NUMBER"),
            ("a:80,81", "two addresses in one: give --bind once for each"),
            ("a b:80", "' ' cannot be part of a host name"),
            ("a/b:80", "'/' cannot be part of a host name"),
            ("[::1", "'[::1' lacks the closing bracket: write [::1]:8000, say"),
            ("[1.2.3.4]:80", "'1.2.3.4' is not an IPv6 address"),
            ("[::1]", "no port after '[::1]': write [::1]:8000, say (port 0: any free port)"),
            ("[::1]80", "no port after '[::1]': write [::1]:8000, say (port 0: any free port)"),
            ("::1", "an IPv6 address stands in brackets: write [::1]:8000, say"),
            ("fe80::a:8000", "an IPv6 address stands in brackets: write [fe80::a]:8000"),
            ("https://h:443", &format!("https is not in this version; let a front server end TLS: write {forms}")),
            ("fastcgi+unix:", "no path of a socket: write fastcgi+unix:/run/app.sock, say"),
            ("fastcgi://h:1/app", "a front has no path: an application is put at a path with --mount /path=TARGET"),
            ("fcgi+unix:/a", "unknown scheme 'fcgi+unix'; did you mean 'fastcgi+unix'?"),
            ("scgi+fd:x", "'x' is not the number of a descriptor: write scgi+fd:3, say"),
            ("htpp://h:1", "unknown scheme 'htpp'; did you mean 'http://'?"),
            (
                "gopher://h:1",
                &format!("unknown scheme 'gopher': write {forms}; in place of http: fastcgi, scgi, uwsgi, ajp"),
            ),
            ("http+unx:/a", "unknown scheme 'http+unx'; did you mean 'http+unix:'?"),
            ("http+df:3", "unknown scheme 'http+df'; did you mean 'http+fd:'?"),
            ("unix:/run/a.sock", "did you mean 'http+unix:/run/a.sock'?"),
            ("unix:///run/a.sock", "did you mean 'http+unix:/run/a.sock'?"),
            ("http+unix://run/a.sock", "did you mean 'http+unix:/run/a.sock'?"),
            ("/run/a.sock", "for a UNIX socket write http+unix:/run/a.sock"),
            ("fd://3", "did you mean 'http+fd:3'?"),
            ("fd:3", "did you mean 'http+fd:3'?"),
            ("http+fd://3", "did you mean 'http+fd:3'?"),
            ("http+unix:", "no path of a socket: write http+unix:/run/app.sock, say"),
            ("http+unix:/run/", "no path of a socket: write http+unix:/run/app.sock, say"),
            ("http+unix:@app", "abstract sockets are not supported, because anybody may take their names: give a path"),
            ("http+fd:", "'' is not the number of a descriptor: write http+fd:3, say"),
            ("http+fd:-1", "'-1' is not the number of a descriptor: write http+fd:3, say"),
            ("http+fd:stdin", "'stdin' is not the number of a descriptor: write http+fd:3, say"),
        ] {
            assert_eq!(read(text), Err(message.to_owned()), "{text}");
        }
    }
}
