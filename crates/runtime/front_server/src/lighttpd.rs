//! lighttpd: over HTTP, FastCGI, SCGI, the uwsgi protocol or AJP, or with a program that it starts.

use std::fmt::Write as _;
use std::path::Path;

use millau_config::{Address, Bind, Deployment, Protocol, Way};

use crate::mount_name::mount_name;
use crate::{Surroundings, media_types, start};

pub(crate) fn configuration(deployment: &Deployment, here: &Surroundings) -> String {
    let Some(directory) = &deployment.complete else {
        return format!(
            "# lighttpd in front of Millau, over {}: in /etc/lighttpd/conf-enabled/90-millau.conf, say.\n{}\n{}",
            start::spoken(deployment),
            start::comment(deployment),
            site(deployment, "/run/lighttpd")
        );
    };
    let mut out = format!(
        "# lighttpd in front of Millau, over {}; whole, for trials: lighttpd -D -f THIS_FILE\n{}\n",
        start::spoken(deployment),
        start::comment(deployment)
    );
    let (host, port) = &deployment.listen;
    let _ = write!(
        out,
        "server.document-root = \"{directory}\"\nserver.pid-file = \"{directory}/lighttpd.pid\"\nserver.errorlog = \
         \"{directory}/error.log\"\nserver.port = {port}\n"
    );
    match host {
        Some(host) if host.contains(':') => _ = writeln!(out, "server.bind = \"[{host}]\""),
        Some(host) => _ = writeln!(out, "server.bind = \"{host}\""),
        None => {}
    }
    if let Some(user) = &here.user {
        let _ = writeln!(out, "server.username = \"{user}\"\nserver.groupname = \"{user}\"");
    }
    let types = media_types::each(|(end, media_type)| format!("\".{end}\" => \"{media_type}\", "));
    let _ = write!(out, "mimetype.assign = ({types}\"\" => \"application/octet-stream\")\n\n");
    out.push_str(&site(deployment, directory));
    out
}

fn site(deployment: &Deployment, sockets: &str) -> String {
    let mut modules = vec!["mod_alias"];
    if deployment.password_file.is_some() {
        modules.extend(["mod_auth", "mod_authn_file"]);
    }
    modules.push(match &deployment.way {
        Way::CgiProgram(_) => "mod_cgi",
        Way::FastcgiProgram(_) => "mod_fastcgi",
        Way::Bind(bind) => match bind.protocol {
            Protocol::Http => "mod_proxy",
            Protocol::Fastcgi => "mod_fastcgi",
            Protocol::Scgi | Protocol::Uwsgi => "mod_scgi",
            Protocol::Ajp => "mod_ajp13",
        },
    });
    if is_http(deployment) {
        modules.push("mod_setenv");
    }
    let modules: Vec<String> = modules.iter().map(|name| format!("\"{name}\"")).collect();
    let mut out = format!("server.modules += ({})\n", modules.join(", "));
    out.push_str(
        "# What the application yields goes to the client at once (0 would keep the whole response first).\n\
         server.stream-response-body := 1\n# The fields of a request may be as long as Millau allows: --limit-head-size.\n\
         server.max-request-field-size := 65536\n",
    );
    if is_http(deployment) {
        out.push_str(
            "# The client's own path arrives, encoded as it was, with its empty segments.\nserver.http-parseopts := \
             (\"header-strict\" => \"enable\", \"host-strict\" => \"enable\", \"host-normalize\" => \"enable\", \"url-normalize\" => \"disable\")\n",
        );
    }
    for files in &deployment.static_files {
        let _ = writeln!(out, "alias.url += (\"{}/\" => \"{}/\")", files.prefix, files.directory);
    }
    out.push('\n');
    let mut conditions = Vec::new();
    if !deployment.server_names.is_empty() {
        let names: Vec<String> =
            deployment.server_names.iter().map(|name| escaped(name).replace("\\*", ".*")).collect();
        conditions.push(format!("$HTTP[\"host\"] =~ \"^({})(:[0-9]+)?$\"", names.join("|")));
    }
    for files in &deployment.static_files {
        conditions.push(format!("$HTTP[\"url\"] !~ \"^{}/\"", escaped(&files.prefix)));
    }
    if !deployment.mount.is_empty() {
        let mount = escaped(&deployment.mount);
        // Of the blocks whose conditions hold, the last one's fastcgi.server counts alone: the conditions of two mounts must
        // not hold together. A pattern that must fit would keep out paths that are no UTF-8, which lighttpd's patterns never
        // fit, so this one fits what is not below the mount; only AJP, whose key is empty, cannot have that.
        conditions.push(match is_ajp(deployment) {
            true => format!("$HTTP[\"url\"] =~ \"^{mount}(/|$)\""),
            false => format!("$HTTP[\"url\"] !~ \"^(?!{mount}(/|$))\""),
        });
        let _ = writeln!(out, "# The mount and everything below it, but not \"{}x\".", deployment.mount);
    }
    for (depth, condition) in conditions.iter().enumerate() {
        let _ = writeln!(out, "{}{condition} {{", "    ".repeat(depth));
    }
    let indent = "    ".repeat(conditions.len());
    for line in handler(deployment, sockets).lines() {
        let _ = writeln!(out, "{indent}{line}");
    }
    for depth in (0..conditions.len()).rev() {
        let _ = writeln!(out, "{}}}", "    ".repeat(depth));
    }
    out
}

fn is_http(deployment: &Deployment) -> bool {
    matches!(&deployment.way, Way::Bind(bind) if bind.protocol == Protocol::Http)
}

fn is_ajp(deployment: &Deployment) -> bool {
    matches!(&deployment.way, Way::Bind(bind) if bind.protocol == Protocol::Ajp)
}

fn handler(deployment: &Deployment, sockets: &str) -> String {
    let mut out = String::new();
    if let Some(file) = &deployment.password_file {
        let path = if deployment.mount.is_empty() { "/" } else { &*deployment.mount };
        let _ = write!(
            out,
            "auth.backend = \"htpasswd\"\nauth.backend.htpasswd.userfile = \"{file}\"\nauth.require = (\"{path}\" => (\"method\" => \
             \"basic\", \"realm\" => \"Restricted\", \"require\" => \"valid-user\"))\n"
        );
    }
    match &deployment.way {
        Way::Bind(bind) => backend(&mut out, deployment, bind),
        Way::FastcgiProgram(file) => {
            let _ = writeln!(
                out,
                "fastcgi.server = (\"{}\" => ((\n    \"bin-path\" => \"{}\",\n    \"socket\" => \"{sockets}/{}.socket\",\n    # One \
                 program: Millau has threads and workers of its own.\n    \"max-procs\" => 1,\n{})))",
                key(deployment),
                file.display(),
                mount_name(&deployment.mount),
                not_files(deployment)
            );
        }
        Way::CgiProgram(file) => program(&mut out, deployment, file),
    }
    out
}

fn key(deployment: &Deployment) -> &str {
    if deployment.mount.is_empty() { "/" } else { &deployment.mount }
}

/// What every backend that speaks in CGI's variables needs.
fn not_files(deployment: &Deployment) -> String {
    let mut out =
        String::from("    # Paths are the application's, and name no files.\n    \"check-local\" => \"disable\",\n");
    if deployment.mount.is_empty() {
        out.push_str(
            "    # The whole path is PATH_INFO: without this, its first segment would be SCRIPT_NAME.\n    \
             \"fix-root-scriptname\" => \"enable\",\n",
        );
    }
    out
}

fn backend(out: &mut String, deployment: &Deployment, bind: &Bind) {
    let address = match &bind.address {
        Address::Tcp { host, port } => format!("    \"host\" => \"{host}\", \"port\" => {port},\n"),
        Address::Unix(path) if bind.protocol == Protocol::Http => format!("    \"host\" => \"{}\",\n", path.display()),
        Address::Unix(path) => format!("    \"socket\" => \"{}\",\n", path.display()),
        Address::Fd(_) => String::new(),
    };
    let key = key(deployment);
    match bind.protocol {
        Protocol::Http => {
            out.push_str(
                "# What Millau believes with --forwarded-from. What a client claims here is nobody's word; lighttpd adds the client's \
                 address itself.\nsetenv.set-request-header = (\"X-Forwarded-For\" => \"\", \"X-Forwarded-Port\" => \"\")\n",
            );
            let _ = writeln!(out, "proxy.server = (\"{key}\" => ((\n{address})))");
        }
        Protocol::Fastcgi => {
            let _ = writeln!(out, "fastcgi.server = (\"{key}\" => ((\n{address}{})))", not_files(deployment));
        }
        Protocol::Scgi | Protocol::Uwsgi => {
            let protocol = bind.protocol.scheme();
            let _ = writeln!(
                out,
                "scgi.protocol = \"{protocol}\"\nscgi.server = (\"{key}\" => ((\n{address}{})))",
                not_files(deployment)
            );
        }
        Protocol::Ajp => {
            let _ = writeln!(
                out,
                "# For GET alone: lighttpd 1.4.69 breaks the bodies of requests over AJP. It sends paths decoded:\n# Millau has to \
                 know, with --ajp-paths decoded.\n# The key is empty because lighttpd takes it off \
                 the path otherwise.\najp13.server = (\"\" => ((\n{address}    \
                 \"check-local\" => \"disable\",\n)))"
            );
        }
    }
}

fn program(out: &mut String, deployment: &Deployment, file: &Path) {
    let file = file.display();
    let (path, slash) = if deployment.mount.is_empty() { ("/", "/") } else { (&*deployment.mount, "") };
    let _ = writeln!(
        out,
        "alias.url += (\"{path}\" => \"{file}{slash}\")\n# The file is started itself: it needs its x bit and a line #!.\n\
         cgi.assign = (\"{file}\" => \"\")\ncgi.execute-x-only = \"enable\""
    );
}

/// For a regular expression between double quotes, where lighttpd takes a backslash as it is.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if !c.is_alphanumeric() && !matches!(c, '/' | '-' | '_' | '~' | ' ' | ':') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
