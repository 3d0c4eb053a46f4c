//! Responses in the form of CGI (RFC 3875 §6), which FastCGI, SCGI and uwsgi carry.

use millau_cgi::{FirstLine, ResponseHead, encode_error, encode_response_head};
use millau_gateway::{BodyExtent, Error, Request};

use super::{Frames, Opened, Opening};

/// Appends the head of a response; the body goes out as it is.
pub(super) fn start(out: &mut Vec<u8>, opening: &Opening<'_>, first_line: FirstLine) -> Result<Opened, Error> {
    let head = ResponseHead {
        response: opening.response,
        length: opening.length,
        head_request: opening.request.method == b"HEAD",
        first_line,
    };
    let extent = encode_response_head(out, &head)?;
    Ok(Opened {
        bodiless: extent == BodyExtent::None,
        promised: match extent {
            BodyExtent::Length(length) => Some(length),
            _ => None,
        },
        frames: Frames::NONE,
    })
}

/// Appends a whole response of the engine's own.
pub(super) fn refuse(out: &mut Vec<u8>, error: &Error, peer_text: &str, request: &Request, first_line: FirstLine) {
    encode_error(out, first_line, error.status(), peer_text, request.method == b"HEAD");
}
