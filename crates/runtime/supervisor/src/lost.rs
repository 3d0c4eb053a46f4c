//! The requests that ended with a worker, as the end of a sentence about it.

use std::fmt::Write;

use crate::plan::seconds;
use crate::scoreboard::{InFlight, LONGEST_TARGET};

/// More would bury the line; the oldest say most.
const MOST: usize = 20;

/// ` while serving: GET /slow (3.2 s); POST /form (0.1 s); 5 connections were open`. What clients sent is escaped, so that it
/// can neither end the line nor colour the terminal. `open` connections may have been idle, or on the way to or from a call.
pub(crate) fn line(requests: &[InFlight], open: u64) -> String {
    let mut line = if requests.is_empty() { " while serving no request".to_owned() } else { String::new() };
    for (index, request) in requests.iter().take(MOST).enumerate() {
        let between = if index == 0 { " while serving: " } else { "; " };
        let cut = if request.target.len() == LONGEST_TARGET { "..." } else { "" };
        let (method, target) = (request.method.escape_ascii(), request.target.escape_ascii());
        // Writing to a string cannot fail.
        let _ = write!(line, "{between}{method} {target}{cut} ({})", seconds(request.age));
    }
    if let more @ 1.. = requests.len().saturating_sub(MOST) {
        let _ = write!(line, "; and {more} more");
    }
    if open > requests.len() as u64 {
        let _ = write!(line, "; {open} {} open", if open == 1 { "connection was" } else { "connections were" });
    }
    line
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn request(method: &str, target: &[u8], millis: u64) -> InFlight {
        InFlight { method: method.into(), target: target.to_owned(), age: Duration::from_millis(millis) }
    }

    #[test]
    fn the_requests_follow_one_another_with_their_ages() {
        assert_eq!(line(&[], 0), " while serving no request");
        assert_eq!(line(&[request("GET", b"/slow?a=1", 3200)], 0), " while serving: GET /slow?a=1 (3.2 s)");
        let two = [request("GET", b"/slow", 30_000), request("POST", b"/form", 4)];
        assert_eq!(line(&two, 2), " while serving: GET /slow (30 s); POST /form (0.1 s)");
        assert_eq!(line(&two, 5), " while serving: GET /slow (30 s); POST /form (0.1 s); 5 connections were open");
        assert_eq!(line(&[], 1), " while serving no request; 1 connection was open");
    }

    #[test]
    fn what_a_client_sent_cannot_forge_a_line() {
        let forged = [request("GET", b"/\r\n2026-11-22 ERROR \x1b[31m\xff", 0)];
        assert_eq!(line(&forged, 0), r" while serving: GET /\r\n2026-11-22 ERROR \x1b[31m\xff (0 s)");
    }

    #[test]
    fn long_targets_and_long_lists_are_cut_and_say_so() {
        let long = [request("GET", &b"t".repeat(LONGEST_TARGET), 0)];
        assert!(line(&long, 0).ends_with("ttt... (0 s)"));
        let many = vec![request("GET", b"/", 0); 25];
        assert!(line(&many, 0).ends_with("GET / (0 s); and 5 more"));
        assert_eq!(line(&many, 0).matches("GET").count(), 20);
        assert!(!line(&many[..20], 0).contains("more"));
    }
}
