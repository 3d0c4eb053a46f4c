//! The URL of a deployment.

use std::fmt;

/// An absolute URL of HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// `https` rather than `http`.
    pub is_secure: bool,
    /// Host as written, an IPv6 address with its brackets.
    pub host: String,
    /// The port, that of the scheme where none is written.
    pub port: u16,
    /// Path and query as written, the target of a request for it (RFC 9112 §3.2.1). A fragment stays with the client.
    pub target: String,
    /// The path as written, without a slash at its end; empty at the root.
    pub path: String,
}

impl Url {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (is_secure, rest) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(format!("'{text}' does not begin with http:// or https://")),
        };
        // Not repeated: a password may stand in it.
        if rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@')) {
            return Err(
                "the URL names a user, and passwords are not sent: leave out what stands before the '@'".to_owned()
            );
        }
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("'{text}' holds something that must be percent-encoded"));
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                let port = port.parse().map_err(|_| format!("'{text}': '{port}' is no port"))?;
                (host, port)
            }
            _ => (authority, if is_secure { 443 } else { 80 }),
        };
        if host.is_empty() {
            return Err(format!("'{text}' names no host"));
        }
        let path = target.split('?').next().unwrap_or_default().trim_end_matches('/').to_owned();
        Ok(Self { is_secure, host: host.to_owned(), port, target, path })
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.is_secure { "https" } else { "http" }
    }

    /// The Host field: the port only where it is not that of the scheme (RFC 9110 §7.2).
    pub fn authority(&self) -> String {
        let usual = if self.is_secure { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority(), self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        let url = Url::parse("https://example.org/shop/?q#f").unwrap();
        assert_eq!((url.to_string().as_str(), url.port), ("https://example.org/shop/?q", 443));
        assert_eq!((url.target.as_str(), url.path.as_str()), ("/shop/?q", "/shop"));
        for (written, target) in [("/a.py?b/c", "/a.py?b/c"), ("?q", "/?q"), ("", "/"), ("#f", "/"), ("/a", "/a")] {
            assert_eq!(Url::parse(&format!("http://a{written}")).unwrap().target, target);
        }
        let url = Url::parse("http://[::1]:8080").unwrap();
        assert_eq!((url.authority().as_str(), url.path.as_str()), ("[::1]:8080", ""));
        assert_eq!(Url::parse("http://[::1]/").unwrap().host, "[::1]");
        assert_eq!(Url::parse("http://a/@b").unwrap().path, "/@b");
        for (wrong, message) in [
            ("ftp://a/", "does not begin with http://"),
            ("http:///a", "names no host"),
            ("http://a:b/", "'b' is no port"),
            ("http://a:99999/", "'99999' is no port"),
            ("http://a/ b", "must be percent-encoded"),
            ("http://user@a/", "names a user"),
            ("http://user:secret@a:80/", "names a user"),
        ] {
            let said = Url::parse(wrong).unwrap_err();
            assert!(said.contains(message) && !said.contains("secret"), "{said}");
        }
    }
}
