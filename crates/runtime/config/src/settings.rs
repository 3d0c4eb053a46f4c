//! What the rest of the program reads: one typed field per setting.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use log::LevelFilter;

use millau_gateway::forwarded::Proxy;

use crate::{AccessLogFormat, Address, Bind, CgiSettings, LogTarget, Mount, Protocol};

/// Everything that can be set, checked. The documentation, the range and the default of each field is its row in
/// [`SETTINGS`](crate::SETTINGS).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The application at the root, as given; `None` only where there is a mount.
    pub target: Option<String>,
    /// The fronts, each different; never empty.
    pub binds: Vec<Bind>,
    /// Whether `binds` was asked for. If not, it is the default, which sockets passed in by the service manager overrule.
    pub binds_given: bool,
    /// The applications at other paths, each path different. At the root only where `target` is `None`.
    pub mounts: Vec<Mount>,
    /// At least 1.
    pub workers: usize,
    /// Most threads of a worker; at least `threads_min`.
    pub threads: usize,
    /// Fewest threads of a worker; at least 1.
    pub threads_min: usize,
    /// Import the applications once per generation, before workers are forked.
    pub preload: bool,
    /// Watch the sources and reload when one changes.
    pub reload: bool,
    /// Answer an uncaught exception with a page that shows the traceback.
    pub debug: bool,
    /// Who sends this with a request is told what the application would see of it; empty: nobody is. Else at least
    /// 16 characters.
    pub doctor_token: String,
    /// Where to change to before anything else; every relative path here counts from there.
    pub chdir: Option<PathBuf>,
    /// Directories for `sys.path`, after the current one.
    pub pythonpath: Vec<PathBuf>,
    /// What mod_python's applications find in `req.get_options()`, in the order given.
    pub python_options: Vec<(String, String)>,
    /// The value of the Server field; empty: none is sent.
    pub server_header: String,
    /// How many connections the kernel keeps until they are accepted.
    pub backlog: u32,
    /// The permission bits of UNIX sockets.
    pub unix_mode: u32,
    /// Who may connect over TCP to a front that is not HTTP; empty: everybody who can reach it.
    pub front_servers: Vec<IpAddr>,
    /// The same for a FastCGI front, from `FCGI_WEB_SERVER_ADDRS`; `None`: no such limit.
    pub web_servers: Option<Vec<IpAddr>>,
    /// Whose X-Forwarded-For is believed at HTTP fronts.
    pub forwarded_from: Vec<Proxy>,
    /// What an AJP front wants to be told; empty: nothing.
    pub ajp_secret: String,
    /// Bytes of the largest packet at an AJP front.
    pub ajp_packet_size: usize,
    /// How paths arrive at an AJP front.
    pub ajp_paths: AjpPaths,
    /// `None`: no access log.
    pub access_log: Option<LogTarget>,
    /// The form of its lines.
    pub access_log_format: AccessLogFormat,
    /// Where messages go.
    pub error_log: LogTarget,
    /// The least severe messages that are written.
    pub log_level: LevelFilter,
    /// How much of anything.
    pub limits: Limits,
    /// How long anything.
    pub timeouts: Timeouts,
    /// How CGI programs are run.
    pub cgi: CgiSettings,
    /// What is odd without being wrong: to be logged as warnings, one line each.
    pub warnings: Vec<String>,
}

/// How an AJP front server writes the path of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AjpPaths {
    /// Percent-encoded, unless it holds what cannot stand in an encoded path.
    #[default]
    Recognised,
    /// Percent-encoded.
    Encoded,
    /// Decoded.
    Decoded,
}

/// How much a peer may send and how much is kept for it. Sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Request line and fields together.
    pub head_size: usize,
    /// The request target; at most `head_size`.
    pub target_size: usize,
    /// Fields of a request.
    pub fields: usize,
    /// Body of a request; [`u64::MAX`] where there is no limit.
    pub body_size: u64,
    /// Open connections of a worker.
    pub connections: usize,
    /// Body bytes read before the application is called.
    pub request_buffer: usize,
    /// Bytes kept for a slow reader before the application waits.
    pub response_buffer: usize,
    /// Bytes of all request bodies of a worker that may be in files.
    pub request_spool: u64,
    /// Bytes of all responses of a worker that may be in files for slow readers.
    pub response_spool: u64,
}

/// How long a peer, or a process that is to end, may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From accepting, or from the first byte of a later request, to the complete head. Never zero.
    pub header: Duration,
    /// Without progress of a request's body. Never zero.
    pub body: Duration,
    /// Between two requests; zero: one request per connection.
    pub keep_alive: Duration,
    /// Without progress of a response. Never zero.
    pub send: Duration,
    /// The same, where the thread is needed for others.
    pub crowded_send: Duration,
    /// From the call of an application to the end of its response; zero: as long as it wants.
    pub request: Duration,
    /// From the order to stop to the end of what is still running; zero: at once.
    pub graceful: Duration,
    /// Without a connection, until the server ends by itself; zero: never.
    pub exit_when_idle: Duration,
}

/// A token of hexadecimal digits then has 64 bits.
const SHORTEST_TOKEN: usize = 16;

impl Settings {
    /// Before the defaults of the table are applied.
    pub(crate) fn blank() -> Self {
        Self {
            target: None,
            binds: Vec::new(),
            binds_given: false,
            mounts: Vec::new(),
            workers: 0,
            threads: 0,
            threads_min: 0,
            preload: false,
            reload: false,
            debug: false,
            doctor_token: String::new(),
            chdir: None,
            pythonpath: Vec::new(),
            python_options: Vec::new(),
            server_header: String::new(),
            backlog: 0,
            unix_mode: 0,
            front_servers: Vec::new(),
            web_servers: None,
            forwarded_from: Vec::new(),
            ajp_secret: String::new(),
            ajp_packet_size: 0,
            ajp_paths: AjpPaths::Recognised,
            access_log: None,
            access_log_format: AccessLogFormat::Combined,
            error_log: LogTarget::Stderr,
            log_level: LevelFilter::Info,
            limits: Limits {
                head_size: 0,
                target_size: 0,
                fields: 0,
                body_size: 0,
                connections: 0,
                request_buffer: 0,
                response_buffer: 0,
                request_spool: 0,
                response_spool: 0,
            },
            timeouts: Timeouts {
                header: Duration::ZERO,
                body: Duration::ZERO,
                keep_alive: Duration::ZERO,
                send: Duration::ZERO,
                crowded_send: Duration::ZERO,
                request: Duration::ZERO,
                graceful: Duration::ZERO,
                exit_when_idle: Duration::ZERO,
            },
            cgi: CgiSettings::default(),
            warnings: Vec::new(),
        }
    }

    /// Every (prefix, target), the root first with an empty prefix, if there is one.
    pub fn applications(&self) -> Vec<(&str, &str)> {
        let root = self.target.as_deref().map(|target| ("", target));
        root.into_iter().chain(self.mounts.iter().map(|mount| (&*mount.prefix, &*mount.target))).collect()
    }

    /// The applications in one line for the log: `mysite.wsgi, shop.wsgi at /shop`.
    pub fn title(&self) -> String {
        let named = self.applications().into_iter().map(|(prefix, target)| match prefix {
            "" => target.to_owned(),
            _ => format!("{target} at {prefix}"),
        });
        named.collect::<Vec<_>>().join(", ")
    }

    /// What no row can check alone. `given` tells which settings were asked for; the others give way.
    pub(crate) fn check(&mut self, given: impl Fn(&str) -> bool) -> Result<(), String> {
        if self.target.is_none() && self.mounts.is_empty() {
            return Err(
                "no application to serve: write millau serve TARGET, for instance millau serve mysite.wsgi".to_owned()
            );
        }
        if self.threads_min > self.threads {
            return Err(format!(
                "--threads-min {} is more than --threads {}: a worker cannot start with more threads than it may have",
                self.threads_min, self.threads
            ));
        }
        if self.limits.target_size > self.limits.head_size {
            if given("limit-target-size") {
                return Err(format!(
                    "--limit-target-size {} is more than --limit-head-size {}: the target is part of the head",
                    self.limits.target_size, self.limits.head_size
                ));
            }
            self.limits.target_size = self.limits.head_size;
        }
        if !self.doctor_token.is_empty() && self.doctor_token.len() < SHORTEST_TOKEN {
            return Err(format!(
                "--doctor-token has {} characters: who guesses it sees what the application sees, so it needs {SHORTEST_TOKEN} \
                 (openssl rand -hex 16 makes one)",
                self.doctor_token.len()
            ));
        }
        self.check_mounts()?;
        self.check_binds()
    }

    fn check_mounts(&self) -> Result<(), String> {
        let applications = self.applications();
        for (index, (prefix, target)) in applications.iter().enumerate() {
            let Some((_, other)) = applications[..index].iter().find(|(earlier, _)| earlier == prefix) else {
                continue;
            };
            let place = if prefix.is_empty() { "/" } else { prefix };
            return Err(format!("two applications at '{place}': {other} and {target}"));
        }
        Ok(())
    }

    fn check_binds(&mut self) -> Result<(), String> {
        for (index, bind) in self.binds.iter().enumerate() {
            let any_port = matches!(bind.address, Address::Tcp { port: 0, .. });
            if !any_port && self.binds[..index].contains(bind) {
                return Err(format!("--bind {bind} is given twice"));
            }
        }
        for bind in self.binds.iter().filter(|bind| bind.protocol != Protocol::Http && !is_loopback(&bind.address)) {
            if bind.protocol == Protocol::Ajp && self.ajp_secret.is_empty() {
                return Err(format!(
                    "--bind {bind} can be reached from other machines, and whoever speaks AJP is believed everything: set \
                     --ajp-secret (and the same secret in the front server), or listen on 127.0.0.1"
                ));
            }
            if self.front_servers.is_empty() {
                self.warnings.push(format!(
                    "--bind {bind} can be reached from other machines, and whoever connects there is believed who its \
                     clients are: name the front servers with --front-servers, or listen on 127.0.0.1"
                ));
            }
        }
        if self.debug && self.binds.iter().any(|bind| !is_loopback(&bind.address)) {
            self.warnings.push(
                "--debug shows source lines and values to everyone who can reach this server, and not only from this machine"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

/// Whether only this machine can reach it, as far as the address itself tells.
fn is_loopback(address: &Address) -> bool {
    match address {
        Address::Tcp { host, .. } => {
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Address::Unix(_) | Address::Fd(_) => true,
    }
}
