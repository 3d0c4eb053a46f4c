//! What the witness tells of a request.

use millau_gateway::{Peer, Request, meta_variables};
use serde::{Deserialize, Serialize};

/// A request as it arrived. Bytes are told as characters up to U+00FF, one for each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Testimony {
    /// The version of Millau.
    pub millau: String,
    /// The variables that an application would have, in order.
    pub variables: Vec<(String, String)>,
    /// The fields as they arrived, before they became variables.
    pub fields: Vec<(String, String)>,
    /// The front server told variables (FastCGI, SCGI, uwsgi, AJP) and did not send HTTP.
    pub by_variables: bool,
    /// The request came over a UNIX socket.
    pub over_unix_socket: bool,
    /// No application is mounted at the path: whoever has no token gets 404.
    #[serde(default)]
    pub is_unmounted: bool,
}

/// In place of credentials.
const HIDDEN: &str = "(hidden)";

impl Testimony {
    /// Takes down a request, and whether an application is at its path.
    pub(super) fn of(request: &Request, is_mounted: bool) -> Self {
        let mut variables = Vec::new();
        meta_variables::for_each(request, &mut |name, value| {
            variables.push((name.to_owned(), if is_secret(name) { HIDDEN.to_owned() } else { told(value) }));
        });
        let field = |(name, value)| {
            let name = told(name);
            let value = if is_secret(&name) { HIDDEN.to_owned() } else { told(value) };
            (name, value)
        };
        Self {
            millau: env!("CARGO_PKG_VERSION").to_owned(),
            variables,
            fields: request.fields.iter().map(field).collect(),
            // A proxy that is believed tells no more than the client's address and port.
            by_variables: request.front.as_ref().is_some_and(|front| {
                front.server_name.is_some() || front.document_root.is_some() || !front.variables.is_empty()
            }),
            over_unix_socket: request.peer == Peer::Local,
            is_unmounted: !is_mounted,
        }
    }

    /// A variable; empty where it is absent, as for an application.
    pub(super) fn variable(&self, name: &str) -> &str {
        self.variables.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    /// The addresses of X-Forwarded-For, the nearest proxy's last.
    pub(super) fn forwarded_for(&self) -> Vec<&str> {
        let is_told = |name: &str| name.eq_ignore_ascii_case("X-Forwarded-For");
        let values = self.fields.iter().filter(|(name, _)| is_told(name));
        values.flat_map(|(_, value)| value.split(',')).map(str::trim).collect()
    }

    /// A field.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

fn told(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase().replace('-', "_");
    ["AUTHORIZATION", "COOKIE", "TOKEN", "SECRET", "PASSWORD", "MILLAU_DOCTOR", "API_KEY"]
        .iter()
        .any(|word| name.contains(word))
}
