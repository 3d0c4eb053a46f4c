//! Apache httpd: a virtual host, over HTTP, FastCGI, SCGI, the uwsgi protocol or AJP, or with a program that it starts.

use std::fmt::Write as _;

use millau_config::{Address, Bind, Deployment, Protocol, Way};

use crate::{Surroundings, media_types, start};

pub(crate) fn configuration(deployment: &Deployment, here: &Surroundings) -> String {
    let site = host(deployment);
    let modules = modules(deployment);
    let Some(directory) = &deployment.complete else {
        return format!(
            "# Apache httpd in front of Millau, over {}: in /etc/apache2/sites-available/millau.conf, say.\n# It needs these modules \
             (Debian: a2enmod {})\n# and, for another port than 80 and 443, a line Listen outside of this file.\n{}\n{site}",
            start::spoken(deployment),
            modules.join(" "),
            start::comment(deployment)
        );
    };
    let mut out = format!(
        "# Apache httpd in front of Millau, over {}; whole, for trials: apache2 -DFOREGROUND -f THIS_FILE\n{}\n",
        start::spoken(deployment),
        start::comment(deployment)
    );
    let listen = address(deployment);
    let _ = write!(
        out,
        "ServerRoot \"{directory}\"\nDefaultRuntimeDir \"{directory}\"\nPidFile \"{directory}/apache.pid\"\nErrorLog \
         \"{directory}/error.log\"\nDocumentRoot \"{directory}\"\nServerName localhost\nListen {listen}\n"
    );
    let always = ["mpm_event", "authz_core", "authn_core", "unixd", "alias", "env", "setenvif", "mime"];
    for name in always.iter().chain(&modules) {
        // On Debian some are part of the program.
        let _ = writeln!(
            out,
            "<IfModule !{name}_module>\n    <IfFile \"{0}/mod_{name}.so\">\n        LoadModule {name}_module \
             \"{0}/mod_{name}.so\"\n    </IfFile>\n</IfModule>",
            here.apache_modules
        );
    }
    // Of its own: where the table of this machine is missing, Apache does not start.
    let _ = write!(
        out,
        "<IfModule mime_module>\n    TypesConfig /dev/null\n{}</IfModule>\n",
        media_types::each(|(end, media_type)| format!("    AddType {media_type} .{end}\n"))
    );
    if let Some(user) = &here.user {
        let _ = writeln!(out, "User {user}\nGroup {user}");
    }
    match deployment.way {
        Way::FastcgiProgram(_) => {
            let _ = writeln!(out, "FcgidIPCDir \"{directory}/fcgid\"\nFcgidProcessTableFile \"{directory}/fcgid_shm\"");
        }
        Way::CgiProgram(_) => {
            let _ = writeln!(out, "ScriptSock \"{directory}/cgisock\"");
        }
        Way::Bind(_) => {}
    }
    let _ = write!(out, "\n{site}");
    out
}

fn modules(deployment: &Deployment) -> Vec<&'static str> {
    let mut modules = match &deployment.way {
        Way::FastcgiProgram(_) => vec!["fcgid"],
        Way::CgiProgram(_) => vec!["cgid"],
        Way::Bind(bind) => match bind.protocol {
            Protocol::Http => vec!["proxy", "proxy_http", "headers"],
            Protocol::Fastcgi => vec!["proxy", "proxy_fcgi"],
            Protocol::Scgi => vec!["proxy", "proxy_scgi"],
            Protocol::Uwsgi => vec!["proxy", "proxy_uwsgi"],
            Protocol::Ajp => vec!["proxy", "proxy_ajp"],
        },
    };
    if deployment.password_file.is_some() {
        modules.extend(["auth_basic", "authn_file", "authz_user"]);
    }
    modules
}

fn address(deployment: &Deployment) -> String {
    match &deployment.listen {
        (None, port) => format!("*:{port}"),
        (Some(host), port) if host.contains(':') => format!("[{host}]:{port}"),
        (Some(host), port) => format!("{host}:{port}"),
    }
}

fn host(deployment: &Deployment) -> String {
    let mut out = format!("<VirtualHost {}>\n", address(deployment));
    out.push_str(&names(&deployment.server_names));
    out.push_str(
        "    # SERVER_NAME is the host that the client asked for, as everywhere.\n    UseCanonicalName Off\n    # An encoded slash in \
         a path is the application's business; without this it is a 404.\n    AllowEncodedSlashes On\n    # A field line may be \
         as long as Millau allows: --limit-head-size.\n    LimitRequestFieldSize 65536\n",
    );
    for files in &deployment.static_files {
        let _ = write!(
            out,
            "\n    Alias \"{0}/\" \"{1}/\"\n    <Directory \"{1}\">\n        Require all granted\n    </Directory>\n",
            files.prefix, files.directory
        );
        if matches!(deployment.way, Way::Bind(_)) {
            let _ = writeln!(out, "    ProxyPass \"{}/\" \"!\"", files.prefix);
        }
    }
    out.push('\n');
    match &deployment.way {
        Way::Bind(bind) => proxy(&mut out, deployment, bind),
        Way::FastcgiProgram(file) => {
            out.push_str(
                "    # Millau has a limit of its own (--limit-body-size); this module's is 128 KiB.\n    FcgidMaxRequestLen \
                 1073741824\n    # What the application yields goes to the client at once.\n    FcgidOutputBufferSize 0\n    # A \
                 process answers one request at a time here, so there are as many as requests that wait for one another.\n    \
                 FcgidMaxProcessesPerClass 8\n    FcgidMinProcessesPerClass 1\n    FcgidIOTimeout 300\n    FcgidBusyTimeout 3600\n",
            );
            program(&mut out, deployment, &file.display().to_string(), "Alias", Some("fcgid-script"));
        }
        Way::CgiProgram(file) => program(&mut out, deployment, &file.display().to_string(), "ScriptAlias", None),
    }
    location(&mut out, deployment);
    out.push_str("</VirtualHost>\n");
    out
}

/// `ServerName` takes neither a pattern nor an IPv6 address; `ServerAlias` takes both.
fn names(names: &[String]) -> String {
    let own = names.iter().position(|name| !name.contains(['*', '[']));
    let mut out = match own {
        Some(own) => format!("    ServerName {}\n", names[own]),
        None if names.is_empty() => String::new(),
        None => {
            "    # A name that nobody has: without one, the machine's own name would lead here, too.\n    ServerName \
                 millau.invalid\n"
                .to_owned()
        }
    };
    for (_, alias) in names.iter().enumerate().filter(|(at, _)| Some(*at) != own) {
        let _ = writeln!(out, "    ServerAlias {alias}");
    }
    out
}

/// `ProxyPass` and what belongs to it.
fn proxy(out: &mut String, deployment: &Deployment, bind: &Bind) {
    let scheme = match bind.protocol {
        Protocol::Fastcgi => "fcgi",
        protocol => protocol.scheme(),
    };
    // "/m" and everything below it; at the root, everything.
    let (path, below) = if deployment.mount.is_empty() { ("/", "/") } else { (&*deployment.mount, &*deployment.mount) };
    let backend = match &bind.address {
        Address::Tcp { host, port } if host.contains(':') => format!("{scheme}://[{host}]:{port}{below}"),
        Address::Tcp { host, port } => format!("{scheme}://{host}:{port}{below}"),
        Address::Unix(socket) => format!("unix:{}|{scheme}://millau{below}", socket.display()),
        Address::Fd(_) => String::new(),
    };
    let mut options = String::new();
    match bind.protocol {
        Protocol::Http => {
            out.push_str(
                "    ProxyPreserveHost On\n    # What Millau believes with --forwarded-from. What a client claims here is nobody's \
                 word; Apache adds the\n    # client's address itself.\n    RequestHeader unset X-Forwarded-For\n    RequestHeader set \
                 X-Forwarded-Proto \"expr=%{REQUEST_SCHEME}\"\n    RequestHeader set X-Forwarded-Port \"expr=%{SERVER_PORT}\"\n    # \
                 nocanon: the client's own path arrives, encoded as it was.\n    # ttl: Apache gives up idle connections before \
                 Millau closes them.\n    # responsefieldsize: a field of the response may be as long; above 8190 bytes it \
                 would be a 502.\n",
            );
            options.push_str(" nocanon ttl=3 responsefieldsize=65536");
        }
        Protocol::Fastcgi => {
            out.push_str(
                "    # enablereuse: connections are kept open for the requests to come; ttl: and given up before Millau closes \
                 them.\n    # flushpackets: what the application yields goes to the client at once.\n",
            );
            options.push_str(" enablereuse=on ttl=3 flushpackets=on");
        }
        Protocol::Scgi | Protocol::Uwsgi => {
            out.push_str("    # flushpackets: what the application yields goes to the client at once.\n");
            options.push_str(" flushpackets=on");
        }
        Protocol::Ajp => {
            out.push_str(
                "    # Empty segments of a path arrive, too: AJP carries the path as Apache has it.\n    MergeSlashes Off\n    # \
                 The fields of a request must fit into one packet: 8 KiB otherwise. Millau needs the same: \
                 --ajp-packet-size.\n    ProxyIOBufferSize 65536\n    # flushpackets: what the application yields goes to the client at once; ttl: idle connections are given up \
                 before\n    # Millau closes them.\n",
            );
            options.push_str(" flushpackets=on ttl=3");
            if !deployment.ajp_secret.is_empty() {
                let _ = write!(options, " \"secret={}\"", deployment.ajp_secret);
            }
        }
    }
    let _ = writeln!(out, "    ProxyPass \"{path}\" \"{backend}\"{options}");
}

/// A program of Apache's own.
fn program(out: &mut String, deployment: &Deployment, file: &str, directive: &str, handler: Option<&str>) {
    // At the root the slash is the path info's.
    let (path, slash) = if deployment.mount.is_empty() { ("/", "/") } else { (&*deployment.mount, "") };
    let _ = writeln!(out, "    {directive} \"{path}\" \"{file}{slash}\"");
    let directory = file.rsplit_once('/').map_or("/", |(directory, _)| directory);
    let _ = write!(
        out,
        "    <Directory \"{}\">\n        Options +ExecCGI\n",
        if directory.is_empty() { "/" } else { directory }
    );
    if let Some(handler) = handler {
        let name = file.rsplit_once('/').map_or(file, |(_, name)| name);
        let _ = write!(out, "        <Files \"{name}\">\n            SetHandler {handler}\n        </Files>\n");
    }
    out.push_str("        Require all granted\n    </Directory>\n");
}

fn location(out: &mut String, deployment: &Deployment) {
    let path = if deployment.mount.is_empty() { "/" } else { &*deployment.mount };
    let _ = write!(
        out,
        "\n    <Location \"{path}\">\n        # The application sees the Authorization field, as it does without Apache.\n        \
         CGIPassAuth On\n        # The length that the application promises is passed on: without it nobody could tell a response that breaks \
         off.\n        SetEnv ap_trust_cgilike_cl yes\n"
    );
    if let Some(file) = &deployment.password_file {
        let _ = write!(
            out,
            "        AuthType Basic\n        AuthName \"Restricted\"\n        AuthUserFile \"{file}\"\n        Require valid-user\n"
        );
    }
    out.push_str("    </Location>\n");
}
