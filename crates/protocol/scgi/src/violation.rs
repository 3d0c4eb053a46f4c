//! Why a request is refused, and with which status.

use std::fmt;

use millau_gateway::Error;

/// What is wrong with what a front server has sent. The connection closes after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The first byte is a letter, as that of a method of HTTP is.
    LooksLikeHttp,
    /// The bytes do not begin with decimal digits and a colon.
    NotNetstring,
    /// The length of the netstring begins with a zero that is not all of it.
    LeadingZero,
    /// The netstring is longer than the limit.
    HeadTooLarge,
    /// The first name is not `CONTENT_LENGTH`.
    ContentLengthNotFirst,
    /// The netstring does not end with a comma where its length says so.
    MissingComma,
    /// The netstring does not hold names and values that end with NUL each.
    NotPairs,
    /// There are more pairs than the limit.
    TooManyPairs,
    /// A name is empty.
    EmptyName,
    /// The value of `CONTENT_LENGTH` is not a decimal number.
    ContentLength,
    /// There is no `SCGI`, or its value is not `1`.
    NotVersion1,
    /// A name stands there twice. Names that begin with `HTTP_` may: that is how a front server passes on a field that
    /// the client has repeated (nginx before 1.23 does), and there the values are one list.
    RepeatedName(String),
    /// The body is longer than the limit.
    BodyTooLarge,
}

impl Violation {
    /// The status of the answer.
    pub fn status(&self) -> u16 {
        match self {
            Self::BodyTooLarge => 413,
            Self::HeadTooLarge | Self::TooManyPairs => 431,
            _ => 400,
        }
    }

    /// True when the peer does not speak SCGI at all: nobody there could read an answer, so the connection just closes.
    pub fn is_other_protocol(&self) -> bool {
        matches!(self, Self::LooksLikeHttp | Self::NotNetstring | Self::LeadingZero)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LooksLikeHttp => {
                "the connection does not begin with SCGI but with a letter; it looks like HTTP: let the front server speak \
                 SCGI to this address (nginx: scgi_pass), or bind it as http://"
            }
            Self::NotNetstring => {
                "the connection does not begin with the length of an SCGI request; does the front server speak another \
                 protocol to this address?"
            }
            Self::LeadingZero => "the length of the SCGI request begins with a zero",
            Self::HeadTooLarge => "the variables of the SCGI request are larger than this server accepts",
            Self::ContentLengthNotFirst => "the SCGI request does not begin with CONTENT_LENGTH",
            Self::MissingComma => "the SCGI request has no comma after its variables",
            Self::NotPairs => "the variables of the SCGI request are not pairs of names and values",
            Self::TooManyPairs => "the SCGI request has more variables than this server accepts",
            Self::EmptyName => "a variable of the SCGI request has no name",
            Self::ContentLength => "the CONTENT_LENGTH of the SCGI request is not a decimal number",
            Self::NotVersion1 => "the SCGI request has no variable SCGI with the value 1",
            Self::RepeatedName(name) => {
                return write!(f, "the SCGI request has {name} twice; set it once in the front server's configuration");
            }
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
        let error = Error::from(Violation::HeadTooLarge);
        assert_eq!((error.fault(), error.status()), (Fault::Peer, 431));
        let error = Error::from(Violation::RepeatedName("HTTPS".into()));
        let expected = "the SCGI request has HTTPS twice; set it once in the front server's configuration";
        assert_eq!((error.message(), error.status()), (expected, 400));
    }
}
