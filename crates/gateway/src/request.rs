//! One request as every front presents it.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::Fields;
use crate::target::{self, TargetError};

/// The version of HTTP in which the client speaks, whatever lies between it and us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
    /// HTTP/2
    Http2,
}

impl Version {
    /// As `SERVER_PROTOCOL` (RFC 3875 §4.1.16) has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }
}

/// The scheme of the URL that the client asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS.
    #[default]
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    /// In lower case, as in a URL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that a URL of this scheme means when it names none.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Peer {
    /// A TCP peer.
    Inet(SocketAddr),
    /// A process on this machine, which has no address: `REMOTE_ADDR` is empty.
    #[default]
    Local,
}

/// The end of the connection that is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// The name or address that the listener was given: what `SERVER_NAME` is when the request names no host.
    pub name: String,
    /// The port; for a listener without one, the default port of the scheme.
    pub port: u16,
    /// Whether the listener itself speaks TLS.
    pub scheme: Scheme,
}

impl Default for Local {
    fn default() -> Self {
        Self { name: "localhost".into(), port: 80, scheme: Scheme::Http }
    }
}

/// What a trusted front server told us about the request; empty where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Front {
    /// `REMOTE_USER`: whom the front server has authenticated.
    pub remote_user: Option<Vec<u8>>,
    /// `AUTH_TYPE`: how.
    pub auth_type: Option<Vec<u8>>,
    /// `DOCUMENT_ROOT`
    pub document_root: Option<Vec<u8>>,
    /// `SERVER_NAME`, where it differs from the local end.
    pub server_name: Option<Vec<u8>>,
    /// `SERVER_PORT`, likewise.
    pub server_port: Option<u16>,
    /// `REMOTE_ADDR` and `REMOTE_PORT` in the front server's words. With an address, even an empty one, the other end of
    /// the connection is not the client.
    pub remote_addr: Option<Vec<u8>>,
    /// See `remote_addr`.
    pub remote_port: Option<u16>,
    /// Nobody said that the path begins with a script name: the front server has taken it away, as REQUEST_URI shows.
    pub script_name_inferred: bool,
    /// Every further variable, in order.
    pub variables: Vec<(Vec<u8>, Vec<u8>)>,
}

/// One request. The body is read through the [`Exchange`](crate::Exchange) that carries it.
///
/// A front keeps one `Request` per connection and fills it anew; [`Request::clear`] keeps the memory.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The method, as received: it is case-sensitive (RFC 9110 §9.1).
    pub method: Vec<u8>,
    /// The client's version of HTTP.
    pub version: Version,
    /// The scheme of the client's URL.
    pub scheme: Scheme,
    /// The fields, in order, as received.
    pub fields: Fields,
    /// The other end.
    pub peer: Peer,
    /// Our end.
    pub local: Arc<Local>,
    /// How long the body is, where it is known before it is read.
    pub content_length: Option<u64>,
    /// Set when the body's end is marked on the way instead (a chunked body), so that its length is not known before.
    pub streamed_body: bool,
    /// What a front server told us, if there is one.
    pub front: Option<Box<Front>>,
    target: Vec<u8>,
    parts: target::Parts,
    path: Vec<u8>,
    script_name_length: usize,
    /// In place of the target's own query.
    query: Option<Vec<u8>>,
}

impl Request {
    /// Sets the target as received and decodes its path; the whole path becomes `PATH_INFO`.
    ///
    /// # Errors
    /// A [`TargetError`], after which the request must be refused with 400.
    pub fn set_target(&mut self, target: &[u8]) -> Result<(), TargetError> {
        self.parts = target::split(target)?;
        self.path.clear();
        self.script_name_length = 0;
        self.query = None;
        target::decode_path(&target[self.parts.path.clone()], &mut self.path)?;
        self.target.clear();
        self.target.extend_from_slice(target);
        if self.parts.authority.is_some() && self.path.is_empty() {
            // RFC 9110 §4.2.3: an empty path of an http URI is the same as "/".
            self.path.push(b'/');
        }
        Ok(())
    }

    /// The target as received (RFC 9112 §3.2).
    pub fn target(&self) -> &[u8] {
        &self.target
    }

    /// Host and port of a target in absolute form, which then overrule the Host field (RFC 9112 §3.2.2).
    pub fn authority(&self) -> Option<&[u8]> {
        self.parts.authority.clone().map(|range| &self.target[range])
    }

    /// The whole path, decoded: script name and path info together.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// What follows the first `?`, still encoded; empty when there is nothing.
    pub fn query(&self) -> &[u8] {
        self.query.as_deref().unwrap_or(&self.target[self.parts.query.clone()])
    }

    /// Sets a query other than the target's, because a front server has rewritten it.
    pub fn set_query(&mut self, query: &[u8]) {
        self.query = Some(query.to_vec());
    }

    /// The path of the target, still encoded; empty for `*`.
    pub(crate) fn encoded_path(&self) -> &[u8] {
        &self.target[self.parts.path.clone()]
    }

    /// The decoded part of the path that leads to the application (RFC 3875 §4.1.13); empty at the root.
    pub fn script_name(&self) -> &[u8] {
        &self.path[..self.script_name_length]
    }

    /// The decoded rest of the path, which is the application's own (RFC 3875 §4.1.5).
    pub fn path_info(&self) -> &[u8] {
        &self.path[self.script_name_length..]
    }

    /// Moves the border between script name and path info.
    ///
    /// # Panics
    /// If the path is shorter than `length`.
    pub fn set_script_name_length(&mut self, length: usize) {
        assert!(length <= self.path.len(), "the script name is longer than the path");
        self.script_name_length = length;
    }

    /// Sets script name and path info as a front server gave them, both decoded.
    pub fn set_path(&mut self, script_name: &[u8], path_info: &[u8]) {
        self.path.clear();
        self.path.extend_from_slice(script_name);
        self.path.extend_from_slice(path_info);
        self.script_name_length = script_name.len();
    }

    /// Resolves `.` and `..` in the path, as a front server has done that decided by the result where to send the request.
    pub fn resolve_dot_segments(&mut self) {
        target::remove_dot_segments(&mut self.path);
        self.script_name_length = 0;
    }

    /// Host and port that the client asked for: of the target in absolute form, else of the Host field.
    pub fn host(&self) -> Option<&[u8]> {
        self.authority().or_else(|| self.fields.get(b"host")).filter(|host| !host.is_empty())
    }

    /// Makes the request empty for the next one on the same connection: peer and local end stay, and so does the memory,
    /// unless a large head has left more than 16 KiB of it.
    pub fn clear(&mut self) {
        if self.fields.capacity() + self.target.capacity() + self.path.capacity() > 16 * 1024 {
            *self = Self { peer: self.peer, local: self.local.clone(), ..Self::default() };
            return;
        }
        self.method.clear();
        self.version = Version::Http11;
        self.scheme = self.local.scheme;
        self.fields.clear();
        self.content_length = None;
        self.streamed_body = false;
        self.front = None;
        self.target.clear();
        self.parts = target::Parts::default();
        self.path.clear();
        self.script_name_length = 0;
        self.query = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_the_path_at_the_mount() {
        let mut request = Request::default();
        request.set_target(b"/m/a%2Fb//c?x=%20").unwrap();
        request.set_script_name_length(2);
        assert_eq!(request.script_name(), b"/m");
        assert_eq!(request.path_info(), b"/a/b//c");
        assert_eq!(request.query(), b"x=%20");
        assert_eq!(request.target(), b"/m/a%2Fb//c?x=%20");
    }

    #[test]
    fn the_absolute_form_overrules_the_host_field() {
        let mut request = Request::default();
        request.fields.push(b"Host", b"other");
        request.set_target(b"http://h:8").unwrap();
        assert_eq!(request.host(), Some(&b"h:8"[..]));
        assert_eq!(request.path(), b"/");
    }

    #[test]
    fn clearing_leaves_nothing_of_the_request_before() {
        let mut request = Request::default();
        request.method.extend_from_slice(b"POST");
        request.content_length = Some(3);
        request.fields.push(b"X", &[b'a'; 40_000]);
        request.set_target(b"/a?b").unwrap();
        request.clear();
        assert!(request.method.is_empty() && request.fields.is_empty() && request.content_length.is_none());
        assert_eq!((request.path(), request.query()), (&b""[..], &b""[..]));
        assert!(request.fields.capacity() < 16 * 1024);
    }
}
