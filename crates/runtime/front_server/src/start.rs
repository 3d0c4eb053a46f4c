//! How Millau is to be started for a configuration, as its comments say.

use std::fmt::Write as _;
use std::net::IpAddr;

use millau_config::{Address, Bind, Deployment, FrontServer, Protocol, Way};

/// What the front server and Millau speak with one another, in words.
pub(crate) fn spoken(deployment: &Deployment) -> &'static str {
    match &deployment.way {
        Way::FastcgiProgram(_) => "FastCGI, as a program that it starts",
        Way::CgiProgram(_) => "CGI",
        Way::Bind(bind) => match bind.protocol {
            Protocol::Http => "HTTP",
            Protocol::Fastcgi => "FastCGI",
            Protocol::Scgi => "SCGI",
            Protocol::Uwsgi => "the uwsgi protocol",
            Protocol::Ajp => "AJP/1.3",
        },
    }
}

/// Comment lines that say how to start Millau.
pub(crate) fn comment(deployment: &Deployment) -> String {
    let application = match &*deployment.mount {
        "" => "TARGET".to_owned(),
        mount => format!("--mount {}=TARGET", quoted(mount)),
    };
    let mut out = String::new();
    match &deployment.way {
        Way::CgiProgram(file) => {
            let file = file.display();
            let _ = writeln!(
                out,
                "# {file} is what this command writes:\n#     millau relay {file} TARGET\n# or, slower, an executable file of \
                 these two lines:\n#     #!/path/to/millau cgi\n#     TARGET"
            );
        }
        Way::FastcgiProgram(file) => {
            let _ = writeln!(
                out,
                "# {} is an executable file of these two lines:\n#     #!/bin/sh\n#     exec millau serve {application} \
                 --bind fastcgi+fd:0",
                file.display()
            );
        }
        Way::Bind(bind) => {
            let believed = if bind.protocol == Protocol::Http { believed(bind) } else { None };
            let believe = believed.map_or(String::new(), |peer| format!(" --forwarded-from {peer}"));
            let ajp = if bind.protocol == Protocol::Ajp { ajp_options(deployment) } else { String::new() };
            let bind_text = quoted(&bind.to_string());
            let _ = writeln!(out, "# Millau: millau serve {application} --bind {bind_text}{believe}{ajp}");
            if believed == Some(FRONT_SERVER) {
                let _ = writeln!(
                    out,
                    "# {FRONT_SERVER} is the address that the front server connects from: what others claim is not believed."
                );
            }
            if let Address::Unix(path) = &bind.address {
                let _ = writeln!(
                    out,
                    "# The front server's user must be in the group of {}, or --unix-mode 666 lets everybody in.",
                    path.display()
                );
            }
        }
    }
    out
}

/// What Millau must be told of an AJP front server.
fn ajp_options(deployment: &Deployment) -> String {
    let mut out = String::from(match deployment.server {
        FrontServer::Apache => " --ajp-packet-size 65536",
        FrontServer::Lighttpd => " --ajp-paths decoded",
        FrontServer::Nginx => "",
    });
    if !deployment.ajp_secret.is_empty() {
        out.push_str(" --ajp-secret …");
    }
    out
}

/// Stands for an address that only the operator knows.
const FRONT_SERVER: &str = "FRONT_SERVER";

/// Whose X-Forwarded-For and its like Millau must believe.
fn believed(bind: &Bind) -> Option<&'static str> {
    match &bind.address {
        Address::Unix(_) => Some("unix"),
        Address::Tcp { host, .. } if host == "localhost" => Some("127.0.0.1"),
        Address::Tcp { host, .. } => match host.parse() {
            // The kernel connects from 127.0.0.1 to all of 127.0.0.0/8.
            Ok(IpAddr::V4(address)) if address.is_loopback() => Some("127.0.0.1"),
            Ok(IpAddr::V6(address)) if address.is_loopback() => Some("::1"),
            _ => Some(FRONT_SERVER),
        },
        Address::Fd(_) => None,
    }
}

fn quoted(word: &str) -> String {
    if word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/:._-+=[]".contains(&byte)) {
        word.to_owned()
    } else {
        format!("'{word}'")
    }
}
