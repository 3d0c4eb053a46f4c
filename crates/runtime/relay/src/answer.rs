//! Responses of the relay's own, where there is nobody else to answer.

use alloc::format;

use crate::streams::{discard_input, output, write_all};
use crate::{FAILURE, SUCCESS};

/// Writes a whole plain-text response to standard output, and gives the exit status. `without_body`: the method was HEAD.
/// `is_nph`: it goes to the client as it is.
pub(crate) fn write(status: u16, without_body: bool, is_nph: bool) -> i32 {
    let reason = match status {
        400 => "Bad Request",
        413 => "Content Too Large",
        502 => "Bad Gateway",
        _ => "Internal Server Error",
    };
    let length = reason.len() + 1;
    let body = if without_body { "" } else { reason };
    let line_end = if without_body { "" } else { "\n" };
    let (begin, end) = if is_nph { ("HTTP/1.1", "\r\nConnection: close") } else { ("Status:", "") };
    let text = format!(
        "{begin} {status} {reason}{end}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\r\n\
         {body}{line_end}"
    );
    let written = write_all(output(), text.as_bytes());
    discard_input();
    match written {
        Ok(()) => SUCCESS,
        Err(_) => FAILURE,
    }
}
