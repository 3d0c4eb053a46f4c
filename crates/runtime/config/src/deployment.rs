//! `millau config`: what the configuration of a front server is to be for. Says nothing of how front servers are set up.

use std::ffi::OsString;
use std::net::Ipv6Addr;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::mount::prefix;
use crate::{Address, Bind, Protocol, UsageError, suggestion};

/// A web server that can stand in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontServer {
    /// nginx
    Nginx,
    /// Apache httpd
    Apache,
    /// lighttpd
    Lighttpd,
}

impl FrontServer {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Nginx, Self::Apache, Self::Lighttpd];

    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Apache => "apache",
            Self::Lighttpd => "lighttpd",
        }
    }
}

/// How the front server reaches the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Millau runs by itself and listens here; never an inherited descriptor.
    Bind(Bind),
    /// The front server starts this FastCGI program (`millau serve … --bind fastcgi+fd:0`) and keeps it.
    FastcgiProgram(PathBuf),
    /// The front server starts this CGI program (`millau cgi …`) for each request.
    CgiProgram(PathBuf),
}

/// Files that the front server serves itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticFiles {
    /// Path of the URL; starts with `/` and does not end with one.
    pub prefix: String,
    /// Where they are; does not end with `/`.
    pub directory: String,
}

/// What `millau config` is asked for. Every text in it can stand between double quotes in the configuration of each front
/// server: it holds no quote, no `$`, no `%`, no backslash and no control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Whose configuration it is.
    pub server: FrontServer,
    /// How it reaches the application.
    pub way: Way,
    /// Where the application is; empty at the root, else it starts with `/` and does not end with one.
    pub mount: String,
    /// Files besides.
    pub static_files: Vec<StaticFiles>,
    /// Where the front server listens: host (an IPv6 address without brackets; `None`: every address) and port.
    pub listen: (Option<String>, u16),
    /// Names of the site; empty: whatever the client asks for.
    pub server_names: Vec<String>,
    /// What an AJP front wants to be told; empty: nothing.
    pub ajp_secret: String,
    /// Ask for a user and password of this file, which `htpasswd` has made.
    pub password_file: Option<String>,
    /// A whole configuration that keeps its files in this directory, rather than a part of one.
    pub complete: Option<String>,
    /// Let the front server check it.
    pub check: bool,
}

const SERVER: &str = "SERVER";
const AJP_SECRET: &str = "MILLAU_AJP_SECRET";

pub(crate) fn command() -> Command {
    let option = |name: &'static str, value_name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name(value_name)
            .help(help)
            .value_parser(clap::builder::ValueParser::os_string())
    };
    Command::new("config")
        .about("Print the configuration of a front server: nginx, apache or lighttpd")
        .max_term_width(100)
        .arg(Arg::new(SERVER).help("nginx, apache or lighttpd").value_parser(clap::builder::ValueParser::os_string()))
        .arg(option(
            "bind",
            "FRONT",
            "Where Millau listens, as for millau serve [default: fastcgi+unix:/run/millau/millau.sock]",
        ))
        .arg(option(
            "program",
            "FILE",
            "A CGI program that the front server starts; with --bind fastcgi+fd:0, a FastCGI program",
        ))
        .arg(option("mount", "/PATH", "Where the application is [default: /]"))
        .arg(option("static", "/PATH=DIR", "Files that the front server serves itself; may be given several times").action(ArgAction::Append))
        .arg(option("listen", "HOST:PORT", "Where the front server listens; *:PORT is every address [default: *:80]"))
        .arg(option("server-name", "NAME", "Name of the site; may be given several times").action(ArgAction::Append))
        .arg(option("ajp-secret", "TEXT", "The secret of an AJP front [default: the variable MILLAU_AJP_SECRET]"))
        .arg(option("password-file", "FILE", "Ask every client for a user and password of this file (see htpasswd)"))
        .arg(option("complete", "DIR", "A whole configuration, for trials, whose server keeps its own files in DIR"))
        .arg(Arg::new("check").long("check").action(ArgAction::SetTrue).help("Have the front server check it, if it is installed"))
        .after_help(
            "For instance: millau config nginx --mount /shop --static /shop/static=/srv/shop/static --server-name shop.example",
        )
}

/// `ajp_secret` is what the environment says.
pub(crate) fn read(matches: &ArgMatches, ajp_secret: Option<OsString>) -> Result<Deployment, UsageError> {
    let one = |name: &str| matches.get_one::<OsString>(name).map(|value| text(name, value)).transpose();
    let many = |name: &str| {
        matches
            .get_many::<OsString>(name)
            .into_iter()
            .flatten()
            .map(|value| text(name, value))
            .collect::<Result<Vec<_>, _>>()
    };
    let server = server(one(SERVER)?.as_deref())?;
    let way = way(one("bind")?.as_deref(), one("program")?)?;
    // As for millau serve, an empty variable says nothing.
    let is_ajp = matches!(&way, Way::Bind(bind) if bind.protocol == Protocol::Ajp);
    let ajp_secret = match (one("ajp-secret")?, ajp_secret.filter(|secret| is_ajp && !secret.is_empty())) {
        (Some(secret), _) => secret,
        (None, Some(secret)) => text(AJP_SECRET, &secret)?,
        (None, None) => String::new(),
    };
    let deployment = Deployment {
        server,
        way,
        mount: one("mount")?.map_or(Ok(String::new()), |path| mount(&path))?,
        static_files: many("static")?.iter().map(|value| static_files(value)).collect::<Result<_, _>>()?,
        listen: listen(one("listen")?.as_deref().unwrap_or("*:80"))?,
        server_names: many("server-name")?.into_iter().map(server_name).collect::<Result<_, _>>()?,
        ajp_secret,
        password_file: one("password-file")?.map(|file| absolute("password-file", file)).transpose()?,
        complete: one("complete")?.map(|file| absolute("complete", file)).transpose()?,
        check: matches.get_flag("check"),
    };
    deployment.check_that_it_can_be()?;
    Ok(deployment)
}

impl Deployment {
    /// Not every front server speaks everything.
    fn check_that_it_can_be(&self) -> Result<(), UsageError> {
        let name = self.server.name();
        if let Some(path) = self.static_path_given_twice() {
            return Err(bad("static", &format!("'{path}' is given twice: one path has one directory")));
        }
        match (&self.way, self.server) {
            (Way::FastcgiProgram(_) | Way::CgiProgram(_), FrontServer::Nginx) => Err(UsageError::new(
                "nginx starts no programs: run millau serve by itself and name its --bind, without --program",
            )),
            (Way::Bind(bind), FrontServer::Nginx) if bind.protocol == Protocol::Ajp => {
                Err(UsageError::new("nginx does not speak AJP: write --bind fastcgi+unix:/run/millau/millau.sock, say"))
            }
            (Way::Bind(bind), FrontServer::Lighttpd)
                if bind.protocol == Protocol::Ajp && !self.ajp_secret.is_empty() =>
            {
                Err(UsageError::new(
                    "lighttpd cannot tell an AJP secret: leave --ajp-secret (MILLAU_AJP_SECRET) out, here and for millau \
                     serve, and listen on 127.0.0.1 or a UNIX socket; or write --bind fastcgi+unix:/run/millau/millau.sock, say",
                ))
            }
            // Behind a bar Apache looks for the URL, and it knows no way to quote one.
            (Way::Bind(Bind { address: Address::Unix(path), .. }), FrontServer::Apache)
                if path.to_string_lossy().contains('|') =>
            {
                Err(bad("bind", &format!("'{}': Apache cannot name a socket with '|' in its path", path.display())))
            }
            _ if self.static_files.iter().any(|files| files.prefix == self.mount) => Err(UsageError::new(format!(
                "--static {}: the application is there; {name} cannot serve both at one path",
                if self.mount.is_empty() { "/" } else { &self.mount }
            ))),
            _ => Ok(()),
        }
    }

    fn static_path_given_twice(&self) -> Option<&str> {
        let mut paths: Vec<&str> = self.static_files.iter().map(|files| &*files.prefix).collect();
        paths.sort_unstable();
        paths.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }
}

fn bad(option: &str, problem: &str) -> UsageError {
    UsageError::new(format!("--{option}: {problem}"))
}

/// A value that can stand in a configuration as it is.
fn text(name: &str, value: &OsString) -> Result<String, UsageError> {
    let option = if matches!(name, SERVER | AJP_SECRET) { name.to_owned() } else { format!("--{name}") };
    let Some(value) = value.to_str() else {
        return Err(UsageError::new(format!("{option} '{}' is not valid UTF-8", value.to_string_lossy())));
    };
    if let Some(odd) = value
        .chars()
        .find(|c| c.is_control() || matches!(c, '"' | '\'' | '\\' | '$' | '%' | '<' | '>' | '{' | '}' | ';'))
    {
        return Err(UsageError::new(format!(
            "{option} '{}': '{}' means something of its own in the configuration of a front server",
            value.escape_debug(),
            odd.escape_debug()
        )));
    }
    if value.is_empty() {
        return Err(UsageError::new(format!("{option} is empty")));
    }
    Ok(value.to_owned())
}

fn server(name: Option<&str>) -> Result<FrontServer, UsageError> {
    const FORMS: &str = "millau config nginx, millau config apache or millau config lighttpd";
    let Some(name) = name else {
        return Err(UsageError::new(format!("no front server is named: write {FORMS}")));
    };
    let lower = name.to_ascii_lowercase();
    let lower = if matches!(&*lower, "apache2" | "httpd") { "apache".to_owned() } else { lower };
    FrontServer::ALL.into_iter().find(|server| server.name() == lower).ok_or_else(|| {
        let hint = suggestion::hint(name, FrontServer::ALL.map(FrontServer::name));
        let hint = if hint.is_empty() { format!(": write {FORMS}") } else { hint };
        UsageError::new(format!("unknown front server '{name}'{hint}"))
    })
}

fn way(bind: Option<&str>, program: Option<String>) -> Result<Way, UsageError> {
    let bind = match bind {
        Some(text) => Some(text.parse::<Bind>().map_err(|error| bad("bind", &format!("'{text}': {error}")))?),
        None => None,
    };
    let inherited = Address::Fd(0);
    match (bind, program) {
        (Some(bind), Some(program)) if bind.protocol == Protocol::Fastcgi && bind.address == inherited => {
            Ok(Way::FastcgiProgram(absolute("program", program)?.into()))
        }
        (None, Some(program)) => Ok(Way::CgiProgram(absolute("program", program)?.into())),
        (Some(bind), Some(_)) => Err(UsageError::new(format!(
            "--program and --bind {bind}: a program that the front server starts gets its socket from it: write --bind \
             fastcgi+fd:0, or leave --bind out if it is a CGI program"
        ))),
        (Some(Bind { address: Address::Fd(_), .. }), None) => Err(UsageError::new(
            "--bind: a descriptor is no place where a front server can connect; name the --program that it starts, or the \
             socket behind the descriptor",
        )),
        (Some(Bind { address: Address::Tcp { port: 0, .. }, .. }), None) => {
            Err(UsageError::new("--bind: port 0 is another port at each start: name one"))
        }
        (Some(Bind { protocol, address: Address::Unix(path) }), None) => {
            let path = absolute("bind", path.to_string_lossy().into_owned())?;
            Ok(Way::Bind(Bind { protocol, address: Address::Unix(path.into()) }))
        }
        (Some(bind), None) => Ok(Way::Bind(bind)),
        (None, None) => Ok(Way::Bind(Bind {
            protocol: Protocol::Fastcgi,
            address: Address::Unix("/run/millau/millau.sock".into()),
        })),
    }
}

/// A front server has another current directory.
fn absolute(option: &str, path: String) -> Result<String, UsageError> {
    if !path.starts_with('/') {
        return Err(bad(
            option,
            &format!("'{path}' is a relative path, and the front server has another current directory"),
        ));
    }
    let trimmed = path.trim_end_matches('/');
    Ok(if trimmed.is_empty() { path } else { trimmed.to_owned() })
}

fn mount(value: &str) -> Result<String, UsageError> {
    if let Some((path, _)) = value.split_once('=') {
        return Err(bad(
            "mount",
            &format!("'{value}': a path alone, without what is served there: write --mount {path}"),
        ));
    }
    prefix(value).map_err(|problem| bad("mount", &problem))
}

fn static_files(value: &str) -> Result<StaticFiles, UsageError> {
    let Some((path, directory)) = value.split_once('=') else {
        return Err(bad("static", &format!("'{value}': write /PATH=DIRECTORY, for instance /static=/srv/shop/static")));
    };
    let prefix = prefix(path).map_err(|problem| bad("static", &problem))?;
    Ok(StaticFiles { prefix, directory: absolute("static", directory.to_owned())? })
}

fn listen(value: &str) -> Result<(Option<String>, u16), UsageError> {
    let any = value.strip_prefix("*:");
    let full = match any {
        Some(port) => format!("any:{port}"),
        None if value.bytes().all(|byte| byte.is_ascii_digit()) => format!("any:{value}"),
        None => value.to_owned(),
    };
    match full.parse::<Bind>() {
        Ok(Bind { protocol: Protocol::Http, address: Address::Tcp { host, port } }) if port != 0 => {
            Ok((Some(host).filter(|_| full == value), port))
        }
        Ok(_) => Err(bad(
            "listen",
            &format!("'{value}' is no address of TCP with a port: write *:80 or 127.0.0.1:8080, say"),
        )),
        Err(error) => Err(bad("listen", &format!("'{value}': {error}"))),
    }
}

/// What every front server takes: a host name, one with `*` for its first or last label, or an IPv6 address in brackets.
fn server_name(name: String) -> Result<String, UsageError> {
    let refuse = |problem: &str| Err(bad("server-name", &format!("'{name}': {problem}")));
    if let Some(address) = name.strip_prefix('[') {
        return match address.strip_suffix(']').map(str::parse::<Ipv6Addr>) {
            Some(Ok(_)) => Ok(name),
            _ => refuse("not an IPv6 address in brackets"),
        };
    }
    match name.chars().find(|c| !c.is_alphanumeric() && !matches!(c, '.' | '-' | '_' | '*')) {
        Some(':') => return refuse("a name has no port (--listen has it), and an IPv6 address stands in brackets"),
        Some(odd) => return refuse(&format!("'{odd}' cannot be part of a host name")),
        None => {}
    }
    let without_pattern = name.strip_prefix("*.").or_else(|| name.strip_suffix(".*")).unwrap_or(&name);
    if without_pattern.contains('*') {
        return refuse(
            "'*' stands for the first or the last part of a name: *.example.org or www.*; every name is --server-name left out",
        );
    }
    if without_pattern.split('.').all(str::is_empty) {
        return refuse("there is nothing of a name in it");
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Invocation, parse};

    fn read(line: &str) -> Result<Deployment, String> {
        let arguments = ["millau", "config"].into_iter().chain(line.split(' ').filter(|word| !word.is_empty()));
        match parse(arguments.map(OsString::from), [], &crate::PasteServer::default()) {
            Ok(Invocation::Config(deployment)) => Ok(*deployment),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn everything_but_the_server_may_be_left_out() {
        let deployment = read("nginx").unwrap();
        let bind = "fastcgi+unix:/run/millau/millau.sock".parse().unwrap();
        assert_eq!((deployment.server, deployment.way), (FrontServer::Nginx, Way::Bind(bind)));
        assert_eq!((deployment.mount.as_str(), deployment.listen), ("", (None, 80)));
        assert_eq!(read("apache2").unwrap().server, FrontServer::Apache);
    }

    #[test]
    fn reads_every_option() {
        let deployment = read(
            "apache --bind ajp://127.0.0.1:8009 --ajp-secret s --mount /m/ --static /m/static/=/srv/static/ --static \
             /x=/srv/x --listen [::1]:81 --server-name a.example --server-name b.example --password-file /etc/p \
             --complete /tmp/d --check",
        )
        .unwrap();
        assert_eq!(deployment.mount, "/m");
        assert_eq!(
            deployment.static_files[0],
            StaticFiles { prefix: "/m/static".into(), directory: "/srv/static".into() }
        );
        assert_eq!(deployment.listen, (Some("::1".into()), 81));
        assert_eq!(deployment.server_names, ["a.example", "b.example"]);
        assert_eq!(deployment.complete.as_deref(), Some("/tmp/d"));
        assert!(deployment.check && deployment.password_file.is_some() && deployment.ajp_secret == "s");
        assert_eq!(read("nginx --listen 8080").unwrap().listen, (None, 8080));
        assert_eq!(read("lighttpd --program /a/b").unwrap().way, Way::CgiProgram("/a/b".into()));
        let spawned = read("lighttpd --program /a/b --bind fastcgi+fd:0").unwrap().way;
        assert_eq!(spawned, Way::FastcgiProgram("/a/b".into()));
    }

    #[test]
    fn says_what_cannot_be() {
        for (line, start) in [
            ("", "no front server is named: write millau config nginx"),
            ("ngnix", "unknown front server 'ngnix'; did you mean 'nginx'?"),
            ("caddy", "unknown front server 'caddy': write millau config nginx"),
            ("nginx --bind ajp://127.0.0.1:1", "nginx does not speak AJP"),
            ("lighttpd --bind ajp://127.0.0.1:1 --ajp-secret s", "lighttpd cannot tell an AJP secret"),
            ("nginx --program /a", "nginx starts no programs"),
            ("apache --bind http+fd:3", "--bind: a descriptor is no place where a front server can connect"),
            ("apache --bind http://h:0", "--bind: port 0 is another port at each start"),
            ("apache --bind http://h:1 --program /a", "--program and --bind http://h:1"),
            ("apache --program a", "--program: 'a' is a relative path"),
            ("apache --static /a=b", "--static: 'b' is a relative path"),
            ("apache --static /a", "--static: '/a': write /PATH=DIRECTORY"),
            ("apache --static /=/srv", "--static /: the application is there"),
            ("apache --mount a", "--mount: the path must start with '/': write /a"),
            ("apache --mount /a\"b", "--mount '/a\\\"b': '\\\"' means something of its own"),
            ("apache --listen http+unix:/a", "--listen: 'http+unix:/a' is no address of TCP with a port"),
            ("apache --server-name a/b", "--server-name: 'a/b': '/' cannot be part of a host name"),
            ("apache --server-name a:80", "--server-name: 'a:80': a name has no port"),
            (
                "nginx --server-name ::1",
                "--server-name: '::1': a name has no port (--listen has it), and an IPv6 address",
            ),
            ("nginx --server-name [::1]:80", "--server-name: '[::1]:80': not an IPv6 address in brackets"),
            ("nginx --server-name *", "--server-name: '*': '*' stands for the first or the last part of a name"),
            ("nginx --server-name *a", "--server-name: '*a': '*' stands for"),
            ("nginx --server-name *.b.*", "--server-name: '*.b.*': '*' stands for"),
            ("nginx --server-name .", "--server-name: '.': there is nothing of a name in it"),
            ("nginx --mount /a=b", "--mount: '/a=b': a path alone, without what is served there: write --mount /a"),
            ("apache --bind fastcgi+unix:/a|b", "--bind: '/a|b': Apache cannot name a socket with '|' in its path"),
            ("apache --static /a=/srv --static /b=/srv --static /a/=/var", "--static: '/a' is given twice"),
            ("nginx --mont /a", "unknown option '--mont'; did you mean '--mount'?"),
        ] {
            let message = read(line).unwrap_err();
            assert!(message.starts_with(start), "{line}: {message}");
        }
    }
}
