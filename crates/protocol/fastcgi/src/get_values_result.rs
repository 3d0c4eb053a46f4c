//! GET_VALUES_RESULT (§4.1): the variables that were asked for, with their values in decimal.

use crate::Limits;
use crate::get_values::Variable;
use crate::name_value::encode_lengths;
use crate::record::{RecordType, encode_header};

/// The longest content that is read as the web server. Three variables exist, which take under 80 bytes.
pub(crate) const LONGEST_RESULT: u16 = 4096;

/// Writes the record (the application's side).
pub(crate) fn encode_get_values_result(out: &mut Vec<u8>, variables: impl Iterator<Item = Variable>, limits: &Limits) {
    let mut content = Vec::new();
    for variable in variables {
        let value = match variable {
            Variable::MaxConns => limits.connections,
            Variable::MaxReqs => limits.requests,
            // The decoder refuses a second request at once.
            Variable::MpxsConns => 0,
        };
        let (name, value) = (variable.name().as_bytes(), value.to_string());
        // Both are short.
        let _ = encode_lengths(&mut content, name, value.as_bytes());
        content.extend_from_slice(name);
        content.extend_from_slice(value.as_bytes());
    }
    encode_header(out, RecordType::GetValuesResult, None, content.len() as u16);
    out.extend_from_slice(&content);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_written() {
        let limits = Limits { connections: 1024, requests: 40, ..Limits::default() };
        let mut out = Vec::new();
        encode_get_values_result(&mut out, Variable::ALL.into_iter(), &limits);
        let content = b"\x0e\x04FCGI_MAX_CONNS1024\x0d\x02FCGI_MAX_REQS40\x0f\x01FCGI_MPXS_CONNS0";
        assert_eq!(out, [b"\x01\x0a\0\0\0\x37\0\0", &content[..]].concat());
    }

    #[test]
    fn nothing_asked_is_nothing_told() {
        let mut out = Vec::new();
        encode_get_values_result(&mut out, std::iter::empty(), &Limits::default());
        assert_eq!(out, [1, 10, 0, 0, 0, 0, 0, 0]);
    }
}
