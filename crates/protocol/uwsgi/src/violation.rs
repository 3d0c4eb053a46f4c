//! Why a packet is refused, and with which status.

use std::fmt;

use millau_gateway::Error;

/// What is wrong with what a front server has sent. The connection closes after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The first byte is a capital letter, as that of a method of HTTP is.
    LooksLikeHttp,
    /// The first modifier is none of those that make a request (0 and 30) or a ping (100).
    Modifier(u8),
    /// The first modifier is that of a ping, but the packet is the answer to one, or carries something.
    NotPing,
    /// The packet carries no variables.
    Empty,
    /// The variables are longer than the limit.
    BlockTooLarge,
    /// There are more variables than the limit.
    TooManyPairs,
    /// A length reaches beyond the end of the variables, or the last bytes are no variable.
    Overrun,
    /// A name is empty.
    EmptyName,
    /// A name or a value holds a NUL, which no environment can carry.
    Nul,
    /// The value of `CONTENT_LENGTH` is not a decimal number.
    ContentLength,
    /// `CONTENT_LENGTH` occurs with two values.
    RepeatedContentLength,
    /// The body is longer than the limit.
    BodyTooLarge,
}

impl Violation {
    /// The status of the answer.
    pub fn status(self) -> u16 {
        match self {
            Self::BodyTooLarge => 413,
            Self::BlockTooLarge | Self::TooManyPairs => 431,
            _ => 400,
        }
    }

    /// True when the packet is no request and nothing that could become one: nobody there waits for an answer in the
    /// form of one, so the connection just closes.
    pub fn is_no_request(self) -> bool {
        matches!(self, Self::LooksLikeHttp | Self::Modifier(_) | Self::NotPing | Self::Empty)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LooksLikeHttp => {
                "the connection does not begin with a uwsgi packet but with a letter; it looks like HTTP: let the front \
                 server speak uwsgi to this address (nginx: uwsgi_pass), or bind it as http://"
            }
            Self::Modifier(0x16) => {
                "the connection does not begin with a uwsgi packet; it looks like TLS: let a front server end TLS, and speak \
                 uwsgi to this address (nginx: uwsgi_pass)"
            }
            Self::Modifier(modifier) => {
                return write!(
                    f,
                    "the uwsgi packet has the modifier {modifier}; 0 and 30 are requests here, 100 is a ping; does the \
                     front server speak another protocol to this address?"
                );
            }
            Self::NotPing => "the uwsgi packet is the answer to a ping, or a ping that carries something",
            Self::Empty => "the uwsgi packet carries no variables",
            Self::BlockTooLarge => "the variables of the uwsgi request are larger than this server accepts",
            Self::TooManyPairs => "the uwsgi request has more variables than this server accepts",
            Self::Overrun => "a length in the uwsgi request reaches beyond the end of its variables",
            Self::EmptyName => "a variable of the uwsgi request has no name",
            Self::Nul => "a variable of the uwsgi request holds a NUL",
            Self::ContentLength => "the CONTENT_LENGTH of the uwsgi request is not a decimal number",
            Self::RepeatedContentLength => "the uwsgi request has two values of CONTENT_LENGTH",
            Self::BodyTooLarge => "the request body is larger than this server accepts",
        })
    }
}

impl std::error::Error for Violation {}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::peer(violation.status(), violation.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millau_gateway::Fault;

    #[test]
    fn a_violation_is_the_peers_fault_and_keeps_its_status() {
        let error = Error::from(Violation::BodyTooLarge);
        assert_eq!((error.fault(), error.status()), (Fault::Peer, 413));
        assert_eq!(error.message(), Violation::BodyTooLarge.to_string());
        assert!(Violation::Modifier(23).to_string().contains("modifier 23"));
        assert!(Violation::Modifier(22).to_string().contains("it looks like TLS: let a front server end TLS"));
    }
}
