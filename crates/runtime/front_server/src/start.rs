//! How Millau is to be started for a configuration, as its comments say.

use std::fmt::Write as _;

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
            let believed = if bind.protocol == Protocol::Http { believe(bind) } else { "" };
            let ajp = if bind.protocol == Protocol::Ajp { ajp_options(deployment) } else { String::new() };
            let bind_text = quoted(&bind.to_string());
            let _ = writeln!(out, "# Millau: millau serve {application} --bind {bind_text}{believed}{ajp}");
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

/// What makes Millau believe X-Forwarded-For and its like.
fn believe(bind: &Bind) -> &'static str {
    match bind.address {
        Address::Unix(_) => " --forwarded-from unix",
        _ => " --forwarded-from 127.0.0.1",
    }
}

fn quoted(word: &str) -> String {
    if word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/:._-+=[]".contains(&byte)) {
        word.to_owned()
    } else {
        format!("'{word}'")
    }
}
