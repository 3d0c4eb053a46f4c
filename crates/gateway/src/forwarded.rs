//! X-Forwarded-For and its like: what a proxy that speaks HTTP says of its client, and when it is believed.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use crate::meta_variables::split_host;
use crate::token::decimal;
use crate::{Peer, Request, Scheme};

/// A proxy whose word counts: everything at an address or in a network, or whoever reaches our UNIX sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proxy {
    /// A process on this machine that connects to a UNIX socket.
    Local,
    /// An address and how many of its first bits count, IPv4 as its IPv6 form.
    Network(Ipv6Addr, u8),
}

impl Proxy {
    fn holds(&self, address: IpAddr) -> bool {
        let Self::Network(network, bits) = self else { return false };
        let mask = u128::MAX.checked_shl(128 - u32::from(*bits)).unwrap_or(0);
        (u128::from(*network) ^ u128::from(mapped(address))) & mask == 0
    }
}

/// IPv4 and IPv6 in one.
fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

impl FromStr for Proxy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORMS: &str = "write an address, a network such as 10.0.0.0/8, or unix";
        if text == "unix" {
            return Ok(Self::Local);
        }
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| format!("'{address}' is no address: {FORMS}"))?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits.map(|bits| decimal(bits.as_bytes()).and_then(|bits| u8::try_from(bits).ok())) {
            None => longest,
            Some(Some(bits)) if bits <= longest => bits,
            Some(_) => return Err(format!("a network of {address} has 0 to {longest} bits: {FORMS}")),
        };
        Ok(Self::Network(mapped(address), bits + (128 - longest)))
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("unix"),
            Self::Network(address, bits) if address.to_ipv4_mapped().is_some() && *bits >= 96 => {
                write!(f, "{}/{}", IpAddr::V6(*address).to_canonical(), bits - 96)
            }
            Self::Network(address, bits) => write!(f, "{address}/{bits}"),
        }
    }
}

/// Takes the client's address, the scheme and the port from X-Forwarded-For, -Proto and -Port, if the other end of the
/// connection is one of the `trusted`. The fields stay, for those who read them. Dot segments of the path are resolved:
/// the proxy has done so itself when it applied its rules, though what it passes on may be as the client sent it.
///
/// Of several addresses, the client's is the last that is not itself one of the `trusted`: what stands before was said by
/// somebody whom nobody vouches for. Of several schemes or ports the last counts, for the same reason.
pub fn believe(request: &mut Request, trusted: &[Proxy]) {
    let is_trusted = |address: IpAddr| trusted.iter().any(|proxy| proxy.holds(address));
    let believed = match request.peer {
        Peer::Inet(address) => is_trusted(address.ip()),
        Peer::Local => trusted.contains(&Proxy::Local),
    };
    if !believed {
        return;
    }
    request.resolve_dot_segments();
    let listed = request.fields.get_all(b"x-forwarded-for").flat_map(|value| value.split(|byte| *byte == b','));
    let listed: Vec<&[u8]> = listed.map(<[u8]>::trim_ascii).collect();
    let mut client = None;
    for entry in listed.iter().rev() {
        // "unknown" and invented names (RFC 7239 §6): no address, but certainly not the proxy's.
        let Some(address) = address(entry) else {
            client = Some(Vec::new());
            break;
        };
        client = Some(address.to_canonical().to_string().into_bytes());
        if !is_trusted(address) {
            break;
        }
    }
    let fields = &request.fields;
    let last = |name: &'static [u8]| {
        let value = fields.get_all(name).last()?;
        value.rsplit(|byte| *byte == b',').next().map(<[u8]>::trim_ascii)
    };
    let scheme = match last(b"x-forwarded-proto") {
        Some(name) if name.eq_ignore_ascii_case(b"https") => Some(Scheme::Https),
        Some(name) if name.eq_ignore_ascii_case(b"http") => Some(Scheme::Http),
        _ => None,
    };
    let port = last(b"x-forwarded-port").and_then(decimal).and_then(|port| u16::try_from(port).ok());
    if client.is_none() && scheme.is_none() && port.is_none() {
        return;
    }
    let port = port.or_else(|| {
        let asked = request.host().and_then(|host| split_host(host).1);
        scheme.map(|scheme| asked.unwrap_or(scheme.default_port()))
    });
    if let Some(scheme) = scheme {
        request.scheme = scheme;
    }
    let front = request.front.get_or_insert_default();
    front.server_port = port;
    if client.is_some() {
        front.remote_addr = client;
        front.remote_port = None;
    }
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?;
    text.parse().ok().or_else(|| {
        let (host, _) = split_host(entry);
        let host = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host);
        std::str::from_utf8(host).ok()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta_variables::{remote, server_port};

    fn believed(peer: &str, trusted: &[&str], fields: &[(&str, &str)]) -> Request {
        let mut request = Request::default();
        request.peer = if peer == "unix" { Peer::Local } else { Peer::Inet(peer.parse().unwrap()) };
        request.fields.push(b"Host", b"a.example:8443");
        for (name, value) in fields {
            request.fields.push(name.as_bytes(), value.as_bytes());
        }
        let trusted: Vec<Proxy> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        believe(&mut request, &trusted);
        request
    }

    fn client(peer: &str, trusted: &[&str], value: &str) -> String {
        let request = believed(peer, trusted, &[("X-Forwarded-For", value)]);
        String::from_utf8(remote(&request).0.into_owned()).unwrap()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(client("192.0.2.1:5", &["192.0.2.2"], "203.0.113.9"), "192.0.2.1");
        assert_eq!(client("192.0.2.2:5", &["192.0.2.2"], "203.0.113.9"), "203.0.113.9");
        assert_eq!(client("[::ffff:10.1.2.3]:5", &["10.0.0.0/8"], "203.0.113.9"), "203.0.113.9");
        assert_eq!(client("11.1.2.3:5", &["10.0.0.0/8"], "203.0.113.9"), "11.1.2.3");
        assert_eq!(client("[2001:db8::7]:5", &["2001:db8::/32"], "2001:db9::1"), "2001:db9::1");
        assert_eq!(client("unix", &["127.0.0.1"], "203.0.113.9"), "");
        assert_eq!(client("unix", &["unix"], "203.0.113.9"), "203.0.113.9");
        assert_eq!(client("203.0.113.1:5", &["0.0.0.0/0"], "203.0.113.9"), "203.0.113.9");
    }

    #[test]
    fn the_client_is_the_last_that_is_no_proxy() {
        let of = |value| client("10.0.0.1:5", &["10.0.0.0/8"], value);
        assert_eq!(of("1.1.1.1, 203.0.113.9"), "203.0.113.9");
        assert_eq!(of("1.1.1.1, 203.0.113.9, 10.0.0.2"), "203.0.113.9");
        assert_eq!(of("10.0.0.3, 10.0.0.2"), "10.0.0.3");
        assert_eq!(of("203.0.113.9:4711"), "203.0.113.9");
        assert_eq!(of("[2001:db8::1]:80"), "2001:db8::1");
        assert_eq!(of("1.1.1.1, unknown, 10.0.0.2"), "");
    }

    #[test]
    fn scheme_and_port_are_taken_together() {
        let of = |fields: &[(&str, &str)]| {
            let request = believed("10.0.0.1:5", &["10.0.0.1"], fields);
            (request.scheme.name(), server_port(&request))
        };
        assert_eq!(of(&[]), ("http", 80));
        assert_eq!(of(&[("X-Forwarded-Proto", "https")]), ("https", 8443));
        assert_eq!(of(&[("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "444")]), ("https", 444));
        assert_eq!(of(&[("X-Forwarded-Proto", "https, http")]).0, "http");
        assert_eq!(of(&[("X-Forwarded-Proto", "gopher")]), ("http", 80));
    }

    #[test]
    fn behind_a_proxy_the_path_is_the_one_that_the_proxy_has_judged() {
        let path = |peer: &str| {
            let mut request = Request::default();
            request.peer = Peer::Inet(peer.parse().unwrap());
            request.set_target(b"/public/../m/%2e%2e/x//y").unwrap();
            believe(&mut request, &["10.0.0.1".parse().unwrap()]);
            String::from_utf8(request.path().to_vec()).unwrap()
        };
        assert_eq!(path("10.0.0.1:5"), "/x//y");
        assert_eq!(path("10.0.0.2:5"), "/public/../m/../x//y");
    }

    #[test]
    fn a_proxy_reads_back_and_a_mistake_says_what_to_write() {
        for text in ["unix", "127.0.0.1/32", "10.0.0.0/8", "2001:db8::/32"] {
            assert_eq!(text.parse::<Proxy>().unwrap().to_string(), text);
        }
        for bad in ["localhost", "10.0.0.0/33", "::/129", "10.0.0.0/x", ""] {
            assert!(bad.parse::<Proxy>().unwrap_err().contains("write an address"), "{bad}");
        }
    }
}
