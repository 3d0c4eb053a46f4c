//! Addresses of clients, as text.

use std::io::Write;
use std::net::IpAddr;

/// Adds an address in its usual form.
pub(crate) fn append(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        // By hand, because every line has one and the standard library's way is made for more than this.
        IpAddr::V4(address) => {
            let mut digits = itoa::Buffer::new();
            for (index, part) in address.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                out.extend_from_slice(digits.format(part).as_bytes());
            }
        }
        IpAddr::V6(address) => {
            // A buffer in memory takes everything.
            let _ = write!(out, "{address}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_the_standard_library_writes() {
        for text in ["0.0.0.0", "127.0.0.1", "255.20.3.104", "::", "::1", "2001:db8::a", "::ffff:1.2.3.4"] {
            let mut out = Vec::new();
            append(&mut out, text.parse().unwrap());
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
