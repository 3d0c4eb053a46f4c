//! From the meta-variables that a front server sends to a [`Request`]: the way in.

use std::net::IpAddr;

use super::path::{self, Told};
use super::split_host;
use crate::token::{decimal, is_token_byte, is_value_byte};
use crate::{Front, Request, Scheme, TargetError, Version};

/// Why variables make no request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariableError {
    /// A variable that every request must have is not there.
    Missing(&'static str),
    /// `CONTENT_LENGTH` is not a number, or is two.
    ContentLength,
    /// `REQUEST_URI` cannot be understood.
    Target(TargetError),
    /// A value holds a control character, with the variable's name.
    Control(String),
    /// `REQUEST_METHOD` is no token (RFC 9110 §9.1).
    Method,
}

impl std::fmt::Display for VariableError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "the front server sent no {name}"),
            Self::ContentLength => f.write_str("the front server sent a CONTENT_LENGTH that is not one number"),
            Self::Method => f.write_str("the front server sent a REQUEST_METHOD that is no method"),
            Self::Control(name) => write!(f, "the front server sent a control character in {name}"),
            Self::Target(error) => write!(f, "the front server sent a REQUEST_URI that cannot be used: {error}"),
        }
    }
}

impl std::error::Error for VariableError {}

/// Fills an empty request from the meta-variables that a front server sent, and mends what front servers are known to do
/// to them, so that an application sees the same whichever of them is in front.
///
/// - The path is the one that the client asked for, with `.` and `..` resolved, unless the front server has rewritten it.
///   A script name counts when it is a beginning of that path; many front servers put the whole path there.
/// - Of a variable that is sent twice, the last counts, as with `fastcgi_param` lines below an `include`. A repeated
///   `HTTP_` variable is a repeated field, but for Host and Authorization, which can be there but once.
/// - Dropped are `HTTP_CONTENT_TYPE` and `HTTP_CONTENT_LENGTH`, which some send besides the real ones; `HTTP_PROXY`;
///   `UWSGI_*`, which ask uWSGI to load other code; the front server's own process environment (`PATH`, `LD_*`);
///   `wsgi.*`; and `SCRIPT_FILENAME` and `PATH_TRANSLATED` where they name no file.
/// - `REMOTE_USER` without `AUTH_TYPE` is not believed of nginx, which puts there whatever name the client claims.
/// - `REDIRECT_HTTP_AUTHORIZATION` is the Authorization field where Apache's rewriting has hidden it.
///
/// # Errors
/// [`VariableError`] where no request can be made of them.
pub fn fill<'a>(
    request: &mut Request,
    variables: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) -> Result<(), VariableError> {
    fill_as(request, variables, false)
}

/// Like [`fill`] for a CGI program, which was started because SCRIPT_NAME names it: with no PATH_INFO, that is empty, and
/// never the whole path in disguise.
///
/// # Errors
/// [`VariableError`] where no request can be made of them.
pub fn fill_program<'a>(
    request: &mut Request,
    variables: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) -> Result<(), VariableError> {
    fill_as(request, variables, true)
}

fn fill_as<'a>(
    request: &mut Request,
    variables: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    is_program: bool,
) -> Result<(), VariableError> {
    let mut front = Front { remote_addr: Some(Vec::new()), ..Front::default() };
    let mut told = Told { is_program, ..Told::default() };
    let (mut target, mut query, mut content_length) = (None, None, None);
    let (mut redirect_url, mut redirect_status, mut path_translated) = (None, None, None);
    let mut software = &b""[..];
    let (mut content_type, mut hidden_authorization) = (None, None);
    for (name, value) in variables {
        // Most are fields.
        if let Some(field) = name.strip_prefix(b"HTTP_")
            && !field.is_empty()
        {
            if !is_dropped_field(field) {
                check(name, value)?;
                if matches!(field, b"HOST" | b"AUTHORIZATION") {
                    request.fields.remove(field);
                }
                request.fields.push_as(field, as_in_a_field_name, value);
            }
            continue;
        }
        if matches!(name, b"QUERY_STRING" | b"CONTENT_TYPE" | b"REMOTE_ADDR" | b"REMOTE_USER" | b"AUTH_TYPE") {
            check(name, value)?;
        }
        match name {
            b"REQUEST_METHOD" => {
                if !value.iter().all(|byte| is_token_byte(*byte)) {
                    return Err(VariableError::Method);
                }
                request.method.clear();
                request.method.extend_from_slice(value);
            }
            b"SCRIPT_NAME" => told.script_name = Some(value),
            b"PATH_INFO" => told.path_info = Some(value),
            b"DOCUMENT_URI" => told.document_uri = Some(value),
            b"SCRIPT_FILENAME" => told.script_filename = Some(value),
            b"PATH_TRANSLATED" => path_translated = Some(value),
            b"REQUEST_URI" => target = Some(value),
            b"QUERY_STRING" => query = Some(value),
            b"REDIRECT_URL" => redirect_url = Some(value),
            b"REDIRECT_STATUS" => redirect_status = Some(value),
            b"SERVER_PROTOCOL" => request.version = version(value),
            b"SERVER_NAME" => front.server_name = server_name(value),
            b"SERVER_PORT" => front.server_port = port(value),
            b"REMOTE_ADDR" => front.remote_addr = Some(remote_addr(value)),
            b"REMOTE_PORT" => front.remote_port = port(value),
            b"REMOTE_USER" => front.remote_user = Some(value.to_vec()).filter(|user| !user.is_empty()),
            b"AUTH_TYPE" => front.auth_type = Some(value.to_vec()).filter(|kind| !kind.is_empty()),
            b"DOCUMENT_ROOT" => front.document_root = Some(value.to_vec()),
            b"HTTPS" if is_on(value) => request.scheme = Scheme::Https,
            b"REQUEST_SCHEME" | b"UWSGI_SCHEME" if value.eq_ignore_ascii_case(b"https") => {
                request.scheme = Scheme::Https;
            }
            b"CONTENT_TYPE" => content_type = Some(value).filter(|kind| !kind.is_empty()),
            b"CONTENT_LENGTH" if !value.is_empty() => {
                let length = decimal(value).ok_or(VariableError::ContentLength)?;
                // Two lengths are an attempt at smuggling more often than a mistake.
                if content_length.replace(length).is_some_and(|before| before != length) {
                    return Err(VariableError::ContentLength);
                }
            }
            b"SERVER_SOFTWARE" => software = value,
            b"REDIRECT_HTTP_AUTHORIZATION" => hidden_authorization = Some(value),
            _ if is_dropped(name) => {}
            _ => front.variables.push((name.to_vec(), value.to_vec())),
        }
    }
    if request.method.is_empty() {
        return Err(VariableError::Missing("REQUEST_METHOD"));
    }
    if let Some(kind) = content_type {
        request.fields.push(b"content-type", kind);
    }
    // SCGI has always a length, and lighttpd sends it everywhere; "no body" has none (RFC 3875 §4.1.2).
    let may_be_none = content_length == Some(0) && ![&b"POST"[..], b"PUT", b"PATCH"].contains(&&*request.method);
    if let Some(length) = content_length.filter(|_| !may_be_none) {
        request.content_length = Some(length);
        request.fields.push(b"content-length", length.to_string().as_bytes());
    }
    if let Some(value) = hidden_authorization.filter(|value| !value.is_empty())
        && request.fields.get(b"authorization").is_none()
    {
        request.fields.push(b"authorization", value);
    }
    // nginx's $remote_user, which is in its stock fastcgi_params, is whatever name the client claims, also where nginx asks
    // for no password. Where it does, the operator says so with AUTH_TYPE (RFC 3875 §4.1.11 wants both or neither).
    if software.starts_with(b"nginx") && front.auth_type.is_none() {
        front.remote_user = None;
    }
    told.is_iis = software.starts_with(b"Microsoft-IIS");
    if redirect_status == Some(b"200".as_slice()) {
        told.rewritten_from = redirect_url;
    }

    let target = target.filter(|target: &&[u8]| !target.is_empty());
    let rebuilt = target.is_none().then(|| rebuilt_target(&told, query));
    request.set_target(target.or(rebuilt.as_deref()).unwrap_or(b"/")).map_err(VariableError::Target)?;
    if let Some(border) = target.and_then(|_| path::agreed(&told, request.path())) {
        request.set_script_name_length(border);
    } else {
        let settled = path::settle(&told, target.map(|_| request.encoded_path()));
        if !settled.path.is_empty() {
            let (script_name, path_info) = settled.path.split_at(settled.script_name_length);
            request.set_path(script_name, path_info);
            front.script_name_inferred = settled.is_inferred;
        }
    }
    if let Some(query) = query.filter(|query| *query != request.query()) {
        request.set_query(query);
    }
    // A file's name is passed on only where the front server's own idea of the path is, whose name that is.
    if !path::is_proxied(&told) && told.script_name.is_some_and(|name| name == request.script_name()) {
        let files = [(&b"SCRIPT_FILENAME"[..], told.script_filename), (b"PATH_TRANSLATED", path_translated)];
        for (name, value) in files {
            front.variables.extend(value.map(|value| (name.to_vec(), value.to_vec())));
        }
    }
    for (name, value) in [(&b"REDIRECT_URL"[..], redirect_url), (b"REDIRECT_STATUS", redirect_status)] {
        front.variables.extend(value.map(|value| (name.to_vec(), value.to_vec())));
    }
    if front.server_port.is_none() {
        // What our own listener's port is, no client knows.
        let asked_port = request.host().and_then(|host| split_host(host).1);
        front.server_port = asked_port.or(Some(request.scheme.default_port()));
    }
    request.front = Some(Box::new(front));
    Ok(())
}

/// Whoever makes a log line or a field of a value later relies on its being clean.
fn check(name: &[u8], value: &[u8]) -> Result<(), VariableError> {
    if value.iter().all(|byte| is_value_byte(*byte)) {
        return Ok(());
    }
    Err(VariableError::Control(String::from_utf8_lossy(name).into_owned()))
}

/// True for what is in the environment of any process, so that it says nothing of the request of a CGI program.
pub fn is_process_variable(name: &[u8]) -> bool {
    const NAMES: &[&[u8]] = &[
        b"PATH",
        b"HOME",
        b"USER",
        b"LOGNAME",
        b"SHELL",
        b"LANG",
        b"LANGUAGE",
        b"TZ",
        b"TMPDIR",
        b"PWD",
        b"OLDPWD",
        b"SHLVL",
        b"_",
        b"VIRTUAL_ENV",
        b"XDG_RUNTIME_DIR",
    ];
    const PREFIXES: &[&[u8]] = &[b"LC_", b"LD_", b"PYTHON", b"MILLAU_"];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Variables of which no application should hear, or which [`super::for_each`] makes anew.
fn is_dropped(name: &[u8]) -> bool {
    const NAMES: &[&[u8]] = &[b"GATEWAY_INTERFACE", b"HTTPS", b"REQUEST_SCHEME", b"CONTENT_LENGTH", b"SCGI", b"PATH"];
    const PREFIXES: &[&[u8]] = &[b"UWSGI_", b"REDIRECT_HTTP_", b"LD_", b"wsgi.", b"millau."];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The same for the rest of a name behind `HTTP_`.
fn is_dropped_field(field: &[u8]) -> bool {
    matches!(field, b"PROXY" | b"CONTENT_TYPE" | b"CONTENT_LENGTH")
}

fn is_on(value: &[u8]) -> bool {
    ![&b""[..], b"off", b"0", b"no", b"false"].iter().any(|off| value.eq_ignore_ascii_case(off))
}

/// A name that can stand in a URL: nginx sends `_`, a pattern, or nothing, and HAProxy adds the port.
fn server_name(value: &[u8]) -> Option<Vec<u8>> {
    let name = split_host(value).0;
    let is_name = !name.is_empty()
        && name != b"_"
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(byte) || *byte >= 0x80);
    is_name.then(|| name.to_vec())
}

/// In the form that a connection of our own would give; nginx and Apache send `unix:` for a client on a UNIX socket.
fn remote_addr(value: &[u8]) -> Vec<u8> {
    if value.starts_with(b"unix:") {
        return Vec::new();
    }
    match std::str::from_utf8(value).ok().and_then(|text| text.parse::<IpAddr>().ok()) {
        Some(IpAddr::V6(address)) => address.to_canonical().to_string().into_bytes(),
        // IPv4 is only written in one way.
        Some(IpAddr::V4(_)) | None => value.to_vec(),
    }
}

fn port(value: &[u8]) -> Option<u16> {
    decimal(value)?.try_into().ok()
}

fn version(value: &[u8]) -> Version {
    match value {
        b"HTTP/1.0" => Version::Http10,
        b"HTTP/2" | b"HTTP/2.0" => Version::Http2,
        _ => Version::Http11,
    }
}

/// `ACCEPT_LANGUAGE` → `accept-language`: the case is lost on the way, and names compare without it.
fn as_in_a_field_name(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }
}

fn rebuilt_target(told: &Told, query: Option<&[u8]>) -> Vec<u8> {
    let mut target = Vec::new();
    let named = [told.script_name, told.path_info];
    let named = if named.iter().any(Option::is_some) { named } else { [told.document_uri, None] };
    for byte in named.into_iter().flatten().flatten() {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(byte) {
            target.push(*byte);
        } else {
            target.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    if target.first() != Some(&b'/') {
        target.insert(0, b'/');
    }
    if let Some(query) = query.filter(|query| !query.is_empty() && !query.contains(&b'#')) {
        target.push(b'?');
        target.extend_from_slice(query);
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta_variables::for_each;

    fn filled(sent: &[(&str, &str)]) -> Request {
        let mut request = Request::default();
        let method = [("REQUEST_METHOD", "GET")];
        let sent = method.iter().chain(sent).map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        fill(&mut request, sent).unwrap();
        request
    }

    fn variable(request: &Request, wanted: &str) -> Option<String> {
        let mut found = None;
        for_each(request, &mut |name, value| {
            if name == wanted {
                assert!(found.is_none(), "{name} twice");
                found = Some(String::from_utf8_lossy(value).into_owned());
            }
        });
        found
    }

    #[test]
    fn a_target_is_rebuilt_where_the_front_sends_none() {
        let request = filled(&[("SCRIPT_NAME", "/m"), ("PATH_INFO", "/a b"), ("QUERY_STRING", "q")]);
        assert_eq!((request.target(), request.query()), (&b"/m/a%20b?q"[..], &b"q"[..]));
        assert_eq!((request.script_name(), request.path_info()), (&b"/m"[..], &b"/a b"[..]));
        assert_eq!(filled(&[("DOCUMENT_URI", "/x")]).target(), b"/x");
        assert_eq!(filled(&[]).target(), b"/");
        assert_eq!(filled(&[]).path(), b"/");
    }

    #[test]
    fn the_query_is_the_front_servers_where_it_has_rewritten_it() {
        let request = filled(&[("REQUEST_URI", "/a?x"), ("DOCUMENT_URI", "/b"), ("QUERY_STRING", "y&x")]);
        assert_eq!((request.path(), request.query(), request.target()), (&b"/b"[..], &b"y&x"[..], &b"/a?x"[..]));
        assert_eq!(filled(&[("REQUEST_URI", "/a?x")]).query(), b"x");
    }

    #[test]
    fn what_poses_as_something_else_is_dropped() {
        let request = filled(&[
            ("HTTP_PROXY", "x"),
            ("HTTP_CONTENT_LENGTH", "5"),
            ("CONTENT_LENGTH", ""),
            ("UWSGI_FILE", "/tmp/evil.py"),
            ("REDIRECT_HTTP_X", "1"),
            ("PATH", "/bin"),
            ("LD_PRELOAD", "x.so"),
            ("wsgi.url_scheme", "gopher"),
        ]);
        assert!(request.fields.is_empty() && request.content_length.is_none());
        assert_eq!(request.front.unwrap().variables, []);
    }

    #[test]
    fn of_two_hosts_the_last_counts() {
        let request =
            filled(&[("HTTP_HOST", "localhost"), ("HTTP_A", "1"), ("HTTP_HOST", "a.example:81"), ("HTTP_A", "2")]);
        assert_eq!(variable(&request, "HTTP_HOST").unwrap(), "a.example:81");
        assert_eq!(variable(&request, "HTTP_A").unwrap(), "1, 2");
    }

    #[test]
    fn values_that_no_server_sends_are_refused() {
        for name in ["HTTP_X", "QUERY_STRING", "REMOTE_USER", "REMOTE_ADDR", "CONTENT_TYPE", "AUTH_TYPE"] {
            let error =
                fill(&mut Request::default(), [(&b"REQUEST_METHOD"[..], &b"GET"[..]), (name.as_bytes(), b"a\r\nb")]);
            assert_eq!(error, Err(VariableError::Control(name.into())));
        }
        for method in ["GE T", "GET\r\nX", "G\"T"] {
            let error = fill(&mut Request::default(), [(&b"REQUEST_METHOD"[..], method.as_bytes())]);
            assert_eq!(error, Err(VariableError::Method));
        }
    }

    #[test]
    fn what_every_process_has_says_nothing_of_a_request() {
        for name in ["PATH", "HOME", "LC_ALL", "PYTHONPATH", "_", "LD_PRELOAD"] {
            assert!(is_process_variable(name.as_bytes()), "{name}");
        }
        for name in ["PATH_INFO", "HTTP_HOME", "FROM_THE_SERVER", "USER_AGENT", "TZ_"] {
            assert!(!is_process_variable(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_repeated_variable_is_a_repeated_field_or_counts_as_the_last() {
        let request = filled(&[
            ("HTTP_COOKIE", "a=1"),
            ("SCRIPT_NAME", "/x"),
            ("HTTP_COOKIE", "b=2"),
            ("SCRIPT_NAME", ""),
            ("PATH_INFO", "/x"),
        ]);
        assert_eq!(variable(&request, "HTTP_COOKIE").unwrap(), "a=1; b=2");
        assert_eq!((request.script_name(), request.path_info()), (&b""[..], &b"/x"[..]));
    }

    #[test]
    fn https_shows_itself_in_many_ways() {
        for (name, value) in [("HTTPS", "on"), ("HTTPS", "1"), ("REQUEST_SCHEME", "https"), ("UWSGI_SCHEME", "https")] {
            assert_eq!(filled(&[(name, value)]).scheme, Scheme::Https, "{name}={value}");
        }
        for (name, value) in [("HTTPS", ""), ("HTTPS", "off"), ("REQUEST_SCHEME", "http")] {
            assert_eq!(filled(&[(name, value)]).scheme, Scheme::Http, "{name}={value}");
        }
    }

    #[test]
    fn server_name_and_port_are_mended() {
        for (sent, name, port) in [
            (&[("SERVER_NAME", ""), ("HTTP_HOST", "a.example:81")][..], "a.example", "81"),
            (&[("SERVER_NAME", "_"), ("HTTP_HOST", "a.example"), ("SERVER_PORT", "8080")], "a.example", "8080"),
            (&[("SERVER_NAME", "~^(www)?.*$"), ("HTTP_HOST", "a.example")], "a.example", "80"),
            (&[("SERVER_NAME", "b.example:443"), ("HTTPS", "on")], "b.example", "443"),
            (&[("SERVER_NAME", "[::1]:81"), ("SERVER_PORT", "81")], "[::1]", "81"),
            (&[("SERVER_NAME", "b.example"), ("HTTP_HOST", "a.example"), ("SERVER_PORT", "")], "b.example", "80"),
            (&[], "localhost", "80"),
        ] {
            let request = filled(sent);
            assert_eq!(variable(&request, "SERVER_NAME").unwrap(), name, "{sent:?}");
            assert_eq!(variable(&request, "SERVER_PORT").unwrap(), port, "{sent:?}");
        }
    }

    #[test]
    fn the_client_is_who_the_front_server_says_and_never_the_front_server() {
        let mut request = Request::default();
        request.peer = crate::Peer::Inet("127.0.0.1:5".parse().unwrap());
        let sent: [(&[u8], &[u8]); 2] = [(b"REQUEST_METHOD", b"GET"), (b"REMOTE_ADDR", b"::ffff:192.0.2.7")];
        fill(&mut request, sent).unwrap();
        assert_eq!(variable(&request, "REMOTE_ADDR").unwrap(), "192.0.2.7");
        assert_eq!(variable(&request, "REMOTE_PORT"), None);
        assert_eq!(variable(&filled(&[("REMOTE_ADDR", "unix:")]), "REMOTE_ADDR").unwrap(), "");
    }

    #[test]
    fn a_user_whom_nginx_has_not_authenticated_is_none() {
        let nginx = [("SERVER_SOFTWARE", "nginx/1.22.1"), ("REMOTE_USER", "admin")];
        assert_eq!(variable(&filled(&nginx), "REMOTE_USER"), None);
        let asked = [nginx[0], nginx[1], ("AUTH_TYPE", "Basic")];
        assert_eq!(variable(&filled(&asked), "REMOTE_USER").unwrap(), "admin");
        assert_eq!(variable(&filled(&[("REMOTE_USER", "admin")]), "REMOTE_USER").unwrap(), "admin");
    }

    #[test]
    fn a_request_without_a_body_has_no_length() {
        assert_eq!(variable(&filled(&[("CONTENT_LENGTH", "0")]), "CONTENT_LENGTH"), None);
        assert_eq!(variable(&filled(&[("CONTENT_LENGTH", "5")]), "CONTENT_LENGTH").unwrap(), "5");
        let posted = filled(&[("REQUEST_METHOD", "POST"), ("CONTENT_LENGTH", "0")]);
        assert_eq!(variable(&posted, "CONTENT_LENGTH").unwrap(), "0");
    }

    #[test]
    fn a_file_is_named_only_where_there_is_one() {
        let program = filled(&[
            ("SCRIPT_NAME", "/m"),
            ("PATH_INFO", "/x"),
            ("REQUEST_URI", "/m/x"),
            ("SCRIPT_FILENAME", "/srv/app.py"),
        ]);
        assert_eq!(variable(&program, "SCRIPT_FILENAME").unwrap(), "/srv/app.py");
        let proxied = filled(&[
            ("SCRIPT_NAME", "/m/x"),
            ("REQUEST_URI", "/m/x"),
            ("SCRIPT_FILENAME", "proxy:fcgi://h:1/m/x"),
            ("PATH_TRANSLATED", "/srv/x"),
        ]);
        assert_eq!(variable(&proxied, "SCRIPT_FILENAME"), None);
        assert_eq!(variable(&proxied, "PATH_TRANSLATED"), None);
    }

    #[test]
    fn a_hidden_authorization_is_found_and_never_overrules_one_in_the_open() {
        let hidden = ("REDIRECT_HTTP_AUTHORIZATION", "Basic aA==");
        assert_eq!(filled(&[hidden]).fields.get(b"authorization"), Some(&b"Basic aA=="[..]));
        let both = filled(&[hidden, ("HTTP_AUTHORIZATION", "Basic Yg==")]);
        assert_eq!(variable(&both, "HTTP_AUTHORIZATION").unwrap(), "Basic Yg==");
    }

    #[test]
    fn refuses_what_is_no_request() {
        let fill = |sent: &[(&'static [u8], &'static [u8])]| fill(&mut Request::default(), sent.iter().copied());
        assert_eq!(fill(&[]), Err(VariableError::Missing("REQUEST_METHOD")));
        assert_eq!(fill(&[(b"REQUEST_METHOD", b"GET"), (b"CONTENT_LENGTH", b"5x")]), Err(VariableError::ContentLength));
        let twice: [(&[u8], &[u8]); 3] =
            [(b"REQUEST_METHOD", b"GET"), (b"CONTENT_LENGTH", b"5"), (b"CONTENT_LENGTH", b"6")];
        assert_eq!(fill(&twice), Err(VariableError::ContentLength));
        let broken_line = fill(&[(b"REQUEST_METHOD", b"GET"), (b"HTTP_X", b"a\r\nb")]);
        assert_eq!(broken_line, Err(VariableError::Control("HTTP_X".into())));
        let bad_escape = fill(&[(b"REQUEST_METHOD", b"GET"), (b"REQUEST_URI", b"/%zz")]);
        assert_eq!(bad_escape, Err(VariableError::Target(TargetError::Escape)));
    }
}
