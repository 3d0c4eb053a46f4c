//! GET_VALUES (§4.1): the web server asks for variables of the application, as pairs without values.

use crate::name_value::{NameValuePairs, encode_lengths};
use crate::record::{RecordType, encode_header};

/// The longest content that is read. Three variables exist, which take 53 bytes.
pub(crate) const LONGEST_GET_VALUES: u16 = 4096;

/// The variables that exist (§4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable {
    /// How many connections at once the application accepts.
    MaxConns,
    /// How many requests at once the application accepts.
    MaxReqs,
    /// 1 if a connection may carry several requests at once, 0 if not.
    MpxsConns,
}

impl Variable {
    pub(crate) const ALL: [Self; 3] = [Self::MaxConns, Self::MaxReqs, Self::MpxsConns];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::MaxConns => "FCGI_MAX_CONNS",
            Self::MaxReqs => "FCGI_MAX_REQS",
            Self::MpxsConns => "FCGI_MPXS_CONNS",
        }
    }

    /// The variable of that name; there may be others one day, which are left unanswered.
    pub fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|variable| variable.name().as_bytes() == name)
    }
}

/// The variables that a record asks for, each once, in the order of [`Variable::ALL`]; `None` where the content ends within
/// a pair.
pub(crate) fn decode_get_values(content: &[u8]) -> Option<impl Iterator<Item = Variable>> {
    let pairs = NameValuePairs::of_record(content)?;
    let is_asked = move |wanted: &Variable| pairs.clone().any(|(name, _)| name == wanted.name().as_bytes());
    Some(Variable::ALL.into_iter().filter(is_asked))
}

/// Writes the record that asks for all variables (the web server's side).
pub fn encode_get_values(out: &mut Vec<u8>) {
    let mut content = Vec::with_capacity(53);
    for variable in Variable::ALL {
        let name = variable.name().as_bytes();
        // The names are short.
        let _ = encode_lengths(&mut content, name, b"");
        content.extend_from_slice(name);
    }
    encode_header(out, RecordType::GetValues, None, content.len() as u16);
    out.extend_from_slice(&content);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_written() {
        let mut out = Vec::new();
        encode_get_values(&mut out);
        assert_eq!(out, b"\x01\x09\0\0\0\x30\0\0\x0e\0FCGI_MAX_CONNS\x0d\0FCGI_MAX_REQS\x0f\0FCGI_MPXS_CONNS");
    }

    #[test]
    fn each_variable_is_asked_for_once_and_others_not_at_all() {
        let asked = |content: &[u8]| decode_get_values(content).map(Iterator::collect::<Vec<_>>);
        assert_eq!(asked(b""), Some(vec![]));
        let content = b"\x0f\0FCGI_MPXS_CONNS\x04\x01FCGI1\x0d\0FCGI_MAX_REQS\x0f\0FCGI_MPXS_CONNS";
        assert_eq!(asked(content), Some(vec![Variable::MaxReqs, Variable::MpxsConns]));
        assert_eq!(asked(&content[..content.len() - 1]), None);
    }

    #[test]
    fn a_variable_is_found_by_its_name() {
        assert_eq!(Variable::named(b"FCGI_MAX_REQS"), Some(Variable::MaxReqs));
        assert_eq!(Variable::named(b"fcgi_max_reqs"), None);
    }
}
