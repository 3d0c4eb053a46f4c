//! What to ask a deployment: its own path, and paths that front servers like to change.

use std::fmt;
use std::net::SocketAddr;

use super::Url;

/// A request to be made: a GET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What it is to show.
    pub aspect: Aspect,
    /// The target of the request, to be sent as it is.
    pub target: String,
    /// Fields besides Host and the token.
    pub fields: Vec<(&'static str, &'static str)>,
}

/// What a probe is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// The very URL: whether anything arrives, and scheme, host and client.
    Plain,
    /// The very URL again, without the token: what a visitor is answered.
    Visitor,
    /// An encoded space, which must be decoded once.
    Space,
    /// An encoded percent sign, which must be decoded once.
    Percent,
    /// Letters beyond ASCII.
    Letters,
    /// A slash at the end.
    TrailingSlash,
    /// An empty segment.
    DoubleSlash,
    /// An encoded slash.
    EncodedSlash,
    /// A parameter of a segment.
    Semicolon,
    /// A query with everything in it.
    Query,
    /// A client that claims to be another.
    Claims,
    /// Credentials.
    Credentials,
}

/// An address that no client has (RFC 5737).
pub(super) const CLAIMED_ADDRESS: &str = "203.0.113.77";

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The fields.
    pub fields: Vec<(String, String)>,
    /// The beginning of the body.
    pub body: Vec<u8>,
    /// Where the request was sent from, if that is known.
    pub sent_from: Option<SocketAddr>,
}

/// Why nothing came back, in the words of whoever tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// There is no connection.
    Connection(String),
    /// There is a connection, and no TLS over it.
    Tls(String),
    /// There is a connection, and no answer of HTTP over it.
    Http(String),
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Connection(reason) | Self::Tls(reason) | Self::Http(reason)) = self;
        f.write_str(reason)
    }
}

/// The requests to make, in this order. Where the first is not answered by a witness, the others tell nothing more.
pub fn probes(url: &Url) -> Vec<Probe> {
    let below = |aspect, rest: &str| Probe { aspect, target: format!("{}/{rest}", url.path), fields: Vec::new() };
    let with = |probe: Probe, fields: &[(&'static str, &'static str)]| Probe { fields: fields.to_vec(), ..probe };
    let given = |aspect| Probe { aspect, target: url.target.clone(), fields: Vec::new() };
    vec![
        given(Aspect::Plain),
        given(Aspect::Visitor),
        below(Aspect::Space, "millau-doctor/a%20b"),
        below(Aspect::Percent, "millau-doctor/100%2525"),
        below(Aspect::Letters, "millau-doctor/caf%C3%A9"),
        below(Aspect::TrailingSlash, "millau-doctor/a/"),
        below(Aspect::DoubleSlash, "millau-doctor//a"),
        below(Aspect::EncodedSlash, "millau-doctor/a%2Fb"),
        below(Aspect::Semicolon, "millau-doctor/a;b=c"),
        below(Aspect::Query, "millau-doctor/?q=a%26b%3D%2B&q=+&empty&u=%C3%A9/?"),
        with(
            below(Aspect::Claims, ""),
            &[("X-Forwarded-For", CLAIMED_ADDRESS), ("X-Forwarded-Proto", "gopher"), ("Proxy", "http://203.0.113.77/")],
        ),
        // doctor:doctor; whoever checks passwords answers 401 to it, which is an answer too.
        with(below(Aspect::Credentials, ""), &[("Authorization", "Basic ZG9jdG9yOmRvY3Rvcg==")]),
    ]
}
