//! Which variables of the gateway stand for attributes of a request that have a code or a name of their own.

/// The address at which the web server has taken the request: a request attribute, because the protocol has no place for it.
pub(super) const AJP_LOCAL_ADDR: &[u8] = b"AJP_LOCAL_ADDR";
/// The client's port, likewise.
pub(super) const AJP_REMOTE_PORT: &[u8] = b"AJP_REMOTE_PORT";
/// The version of TLS, likewise.
pub(super) const AJP_SSL_PROTOCOL: &[u8] = b"AJP_SSL_PROTOCOL";

// The names are those of Apache's core and of mod_ssl, which is where the values come from.
pub(super) const REMOTE_HOST: &[u8] = b"REMOTE_HOST";
pub(super) const SERVER_ADDR: &[u8] = b"SERVER_ADDR";
pub(super) const SSL_PROTOCOL: &[u8] = b"SSL_PROTOCOL";
pub(super) const SSL_CLIENT_CERT: &[u8] = b"SSL_CLIENT_CERT";
pub(super) const SSL_CIPHER: &[u8] = b"SSL_CIPHER";
pub(super) const SSL_SESSION_ID: &[u8] = b"SSL_SESSION_ID";
pub(super) const SSL_CIPHER_USEKEYSIZE: &[u8] = b"SSL_CIPHER_USEKEYSIZE";

/// Whether a request attribute may become a variable by its own name: not if it would pose as a field or as something that
/// the gateway says itself, and not if its name has a dot, which those have that steer a container of servlets
/// (`javax.servlet.include...`, CVE-2020-1938) or a gateway (`wsgi.input`).
pub(super) fn may_be_variable(name: &[u8]) -> bool {
    const TAKEN: &[&[u8]] = &[
        b"AUTH_TYPE",
        b"CONTENT_LENGTH",
        b"CONTENT_TYPE",
        b"GATEWAY_INTERFACE",
        b"HTTPS",
        b"PATH_INFO",
        b"PATH_TRANSLATED",
        b"QUERY_STRING",
        b"REMOTE_ADDR",
        b"REMOTE_PORT",
        b"REMOTE_USER",
        b"REQUEST_METHOD",
        b"REQUEST_SCHEME",
        b"REQUEST_URI",
        b"SCRIPT_NAME",
        b"SERVER_NAME",
        b"SERVER_PORT",
        b"SERVER_PROTOCOL",
        b"SERVER_SOFTWARE",
    ];
    let is_name = name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let is_field = name.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"HTTP_"));
    is_name && !is_field && !TAKEN.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_poses_as_something_else_is_no_variable() {
        for name in [&b"DEPLOYMENT"[..], b"eppn", b"Shib-Session-ID", b"_x", b"SSL_CLIENT_S_DN", b"HTTPD"] {
            assert!(may_be_variable(name), "{name:?}");
        }
        for name in [
            &b""[..],
            b"HTTP_HOST",
            b"http_host",
            b"HTTP_",
            b"REMOTE_USER",
            b"SCRIPT_NAME",
            b"wsgi.input",
            b"javax.servlet.include.request_uri",
            b"1st",
            b"a b",
            b"a=b",
            b"\xe9",
        ] {
            assert!(!may_be_variable(name), "{name:?}");
        }
    }
}
