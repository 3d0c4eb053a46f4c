//! FCGI_WEB_SERVER_ADDRS (§3.2): the addresses that a web server, which starts the application, allows connections from.

use std::net::IpAddr;

use millau_gateway::Error;

/// The allowed addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebServerAddrs(Vec<IpAddr>);

impl WebServerAddrs {
    /// Reads the value of the environment variable: addresses with commas between them.
    ///
    /// # Errors
    /// The operator's fault, where something is no IP address. Nothing may then be let through.
    pub fn parse(value: &str) -> Result<Self, Error> {
        let address = |item: &str| {
            let item = item.trim();
            item.parse().map_err(|_| {
                Error::operator(format!(
                    "FCGI_WEB_SERVER_ADDRS holds {item:?}, which is no IP address; separate addresses with commas"
                ))
            })
        };
        value.split(',').map(address).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a connection from `peer` may stay. One that did not come over TCP (`None`) may not, as §3.2 has it.
    pub fn permit(&self, peer: Option<IpAddr>) -> bool {
        // A socket for both families shows 192.0.2.1 as ::ffff:192.0.2.1.
        peer.is_some_and(|peer| self.0.iter().any(|allowed| allowed.to_canonical() == peer.to_canonical()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(value: &str, peer: &str) -> bool {
        WebServerAddrs::parse(value).unwrap().permit(Some(peer.parse().unwrap()))
    }

    #[test]
    fn only_the_named_addresses_are_let_through() {
        assert!(permits("199.170.183.28,199.170.183.71", "199.170.183.71"));
        assert!(permits(" 127.0.0.1 , ::1", "::1"));
        assert!(permits("127.0.0.1", "::ffff:127.0.0.1"));
        assert!(!permits("127.0.0.1", "127.0.0.2"));
    }

    #[test]
    fn a_connection_without_an_address_is_not_let_through() {
        assert!(!WebServerAddrs::parse("127.0.0.1").unwrap().permit(None));
    }

    #[test]
    fn what_is_no_address_is_the_operators_fault() {
        for value in ["", "localhost", "127.0.0.1,", "127.0.0.1 ::1"] {
            let error = WebServerAddrs::parse(value).unwrap_err();
            assert_eq!(error.fault(), millau_gateway::Fault::Operator, "{value:?}");
        }
    }
}
