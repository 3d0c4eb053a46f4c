//! Responses of the relay's own, where there is nobody else to answer.

use std::io::Write as _;
use std::process::ExitCode;

/// Writes a whole plain-text response to standard output. `without_body`: the method was HEAD. `is_nph`: it goes to the client
/// as it is.
pub(crate) fn write(status: u16, without_body: bool, is_nph: bool) -> ExitCode {
    let reason = match status {
        400 => "Bad Request",
        413 => "Content Too Large",
        502 => "Bad Gateway",
        _ => "Internal Server Error",
    };
    let length = reason.len() + 1;
    let body = if without_body { String::new() } else { format!("{reason}\n") };
    let (begin, end) = if is_nph { ("HTTP/1.1", "\r\nConnection: close") } else { ("Status:", "") };
    let text = format!(
        "{begin} {status} {reason}{end}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let mut output = std::io::stdout();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
