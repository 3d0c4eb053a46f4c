//! nginx: an upstream and a server, over HTTP, FastCGI, SCGI or the uwsgi protocol.

use std::fmt::Write as _;

use millau_config::{Address, Bind, Deployment, Protocol, Way};

use crate::mount_name::mount_name;
use crate::{Surroundings, media_types, start};

pub(crate) fn configuration(deployment: &Deployment, here: &Surroundings) -> String {
    // A program or AJP was refused before: nginx has neither.
    let Way::Bind(bind) = &deployment.way else { return String::new() };
    let name = mount_name(&deployment.mount);
    let site = format!("{}\n{}", upstream(&name, bind), server(deployment, bind, &name));
    let Some(directory) = &deployment.complete else {
        return format!(
            "# nginx in front of Millau, over {}. This belongs inside http {{ }}: in /etc/nginx/conf.d/millau.conf, say.\n{}\n{site}",
            start::spoken(deployment),
            start::comment(deployment)
        );
    };
    let mut out = format!(
        "# nginx in front of Millau, over {}; whole, for trials: nginx -c THIS_FILE\n{}\n",
        start::spoken(deployment),
        start::comment(deployment)
    );
    if let Some(user) = &here.user {
        let _ = writeln!(out, "user {user};");
    }
    let types = match &here.nginx_types {
        Some(file) => format!("include \"{file}\";"),
        None => format!("types {{ {}}}", media_types::each(|(end, media_type)| format!("{media_type} {end}; "))),
    };
    let _ = write!(
        out,
        "daemon off;\npid \"{directory}/nginx.pid\";\nerror_log \"{directory}/error.log\";\nevents {{}}\nhttp {{\n\
         {types}\ndefault_type application/octet-stream;\naccess_log off;\n"
    );
    for name in ["client_body", "proxy", "fastcgi", "scgi", "uwsgi"] {
        let _ = writeln!(out, "{name}_temp_path \"{directory}/{name}\";");
    }
    let _ = write!(out, "\n{site}}}\n");
    out
}

fn upstream(name: &str, bind: &Bind) -> String {
    let address = match &bind.address {
        Address::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
        Address::Tcp { host, port } => format!("{host}:{port}"),
        Address::Unix(path) => format!("\"unix:{}\"", path.display()),
        Address::Fd(_) => String::new(),
    };
    let keepalive = match bind.protocol {
        Protocol::Http | Protocol::Fastcgi => {
            "    # Connections that each worker process keeps open for the requests to come: opening one costs more than a small\n    \
             # request. There should be as many as requests under way at once: nginx closes what is idle beyond.\n    \
             keepalive 128;\n    # Below Millau's --keep-alive-timeout, 15 s unless it is set: a request on a connection that Millau is just\n    \
             # closing would fail.\n    keepalive_timeout 10s;\n"
        }
        _ => "",
    };
    format!("upstream {name} {{\n    server {address};\n{keepalive}}}\n")
}

fn server(deployment: &Deployment, bind: &Bind, upstream: &str) -> String {
    let mut out = String::from("server {\n");
    let listen = match &deployment.listen {
        (None, port) => port.to_string(),
        (Some(host), port) if host.contains(':') => format!("[{host}]:{port}"),
        (Some(host), port) => format!("{host}:{port}"),
    };
    let _ = writeln!(out, "    listen {listen};");
    if !deployment.server_names.is_empty() {
        let _ = writeln!(out, "    server_name {};", deployment.server_names.join(" "));
    }
    out.push_str(
        "    # Millau has a limit of its own: --limit-body-size.\n    client_max_body_size 0;\n    # A line of the request may be \
         as long as Millau allows: --limit-head-size.\n    large_client_header_buffers 4 64k;\n",
    );
    for files in &deployment.static_files {
        let _ = write!(
            out,
            "\n    location ^~ \"{}/\" {{\n        alias \"{}/\";\n    }}\n",
            files.prefix, files.directory
        );
    }
    let prefix = match bind.protocol {
        Protocol::Http => "proxy",
        Protocol::Fastcgi => "fastcgi",
        Protocol::Scgi => "scgi",
        Protocol::Uwsgi | Protocol::Ajp => "uwsgi",
    };
    if deployment.mount.is_empty() {
        out.push_str("\n    location / {\n");
    } else {
        let _ = write!(
            out,
            "\n    # The mount itself and everything below it, but not \"{0}x\".\n    location ~ \"(?s)^{1}(?<millau_path>/.*)?$\" {{\n",
            deployment.mount,
            escaped(&deployment.mount)
        );
    }
    if let Some(file) = &deployment.password_file {
        let _ = write!(out, "        auth_basic \"Restricted\";\n        auth_basic_user_file \"{file}\";\n");
    }
    pass(&mut out, deployment, prefix, upstream);
    let _ = write!(
        out,
        "        # What the application yields goes out at once; what a slow client has not read yet, Millau keeps.\n        \
         {prefix}_buffering off;\n        # The head of a response must fit in here.\n        {prefix}_buffer_size 64k;\n        \
         {prefix}_buffers 8 64k;\n    }}\n}}\n"
    );
    out
}

fn pass(out: &mut String, deployment: &Deployment, prefix: &str, upstream: &str) {
    if prefix == "proxy" {
        let _ = writeln!(
            out,
            "        # Without a path behind the name, so that the client's own path arrives, encoded as it was.\n        \
             proxy_pass http://{upstream};"
        );
        out.push_str(
            "        proxy_http_version 1.1;\n        # Keeps the connection open.\n        proxy_set_header Connection \"\";\n        \
             proxy_set_header Host $http_host;\n        # What Millau believes with --forwarded-from. Set, not added to: what a \
             client claims here is nobody's word.\n        proxy_set_header X-Forwarded-For $remote_addr;\n        \
             proxy_set_header X-Forwarded-Proto $scheme;\n        proxy_set_header X-Forwarded-Port $server_port;\n",
        );
        return;
    }
    let _ = writeln!(out, "        {prefix}_pass {upstream};");
    if prefix == "fastcgi" {
        out.push_str("        # Keeps the connection open.\n        fastcgi_keep_conn on;\n");
    }
    let (script_name, path_info) = if deployment.mount.is_empty() {
        ("\"\"".to_owned(), "$document_uri")
    } else {
        (format!("\"{}\"", deployment.mount), "$millau_path")
    };
    let mut parameter = |name: &str, value: &str| {
        let _ = writeln!(out, "        {prefix}_param {name} {value};");
    };
    parameter("REQUEST_METHOD", "$request_method");
    parameter("REQUEST_URI", "$request_uri");
    parameter("SCRIPT_NAME", &script_name);
    parameter("PATH_INFO", path_info);
    parameter("QUERY_STRING", "$query_string");
    parameter("CONTENT_TYPE", "$content_type");
    if prefix == "scgi" {
        parameter("SCGI", "1");
    } else {
        parameter("CONTENT_LENGTH", "$content_length");
    }
    parameter("SERVER_PROTOCOL", "$server_protocol");
    parameter("SERVER_NAME", "$host");
    parameter("SERVER_PORT", "$server_port");
    parameter("REQUEST_SCHEME", "$scheme");
    parameter("HTTPS", "$https if_not_empty");
    parameter("REMOTE_ADDR", "$remote_addr");
    parameter("REMOTE_PORT", "$remote_port");
    if deployment.password_file.is_some() {
        // Only here: elsewhere $remote_user is a name that nobody has checked.
        parameter("REMOTE_USER", "$remote_user");
        parameter("AUTH_TYPE", "Basic");
    }
}

/// For a regular expression.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if !c.is_alphanumeric() && !matches!(c, '/' | '-' | '_' | '~' | ' ') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
