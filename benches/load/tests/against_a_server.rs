//! The program as a whole, against servers that answer rightly and ones that do not.

#![allow(clippy::expect_used)] // a test that cannot go on says so by panicking

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::thread;

/// Reads request heads and lets `answer` write what it likes; the connection ends when it returns false.
fn serve(answer: fn(&mut TcpStream, &str, usize) -> bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a connection");
            thread::spawn(move || connection(stream, answer));
        }
    });
    address
}

fn connection(stream: TcpStream, answer: fn(&mut TcpStream, &str, usize) -> bool) {
    let mut writer = stream.try_clone().expect("a second handle");
    let mut reader = BufReader::new(stream);
    for count in 0.. {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        if let Some(rest) = head.split("Content-Length: ").nth(1) {
            let length: usize = rest.lines().next().and_then(|line| line.parse().ok()).expect("a length");
            reader.read_exact(&mut vec![0; length]).expect("the body");
        }
        if !answer(&mut writer, &head, count) {
            return;
        }
    }
}

fn load(address: &str, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_millau-load"))
        .args(["--address", address, "--connections", "4", "--duration", "0.3", "--warm-up", "0"])
        .args(arguments)
        .output()
        .expect("the program runs");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("text").lines().last().expect("the result").to_owned()
}

fn value(json: &str, key: &str) -> u64 {
    let rest = json.split(&format!("\"{key}\":")).nth(1).unwrap_or_else(|| panic!("no {key} in {json}"));
    rest.split([',', '}', '.'])
        .next()
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_else(|| panic!("{key} in {json}"))
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

fn right(stream: &mut TcpStream, _: &str, _: usize) -> bool {
    stream.write_all(OK).is_ok()
}

#[test]
fn right_answers_over_kept_connections() {
    let json = load(&serve(right), &["--request", "method=POST,body=5000,length=2"]);
    assert!(value(&json, "requests") > 20, "{json}");
    assert_eq!(value(&json, "errors"), 0, "{json}");
    assert_eq!(value(&json, "connects"), 0, "connections were made anew: {json}");
}

#[test]
fn a_wrong_length_and_a_wrong_status_are_errors() {
    let json = load(&serve(right), &["--request", "length=3"]);
    assert_eq!(value(&json, "requests"), 0, "{json}");
    assert!(value(&json, "length") > 20, "{json}");
    let json = load(&serve(right), &["--request", "status=204"]);
    assert!(value(&json, "status") > 20, "{json}");
}

#[test]
fn a_response_that_is_cut_is_an_error() {
    let json = load(
        &serve(|stream, _, _| {
            let _ = stream.write_all(&OK[..OK.len() - 1]);
            false
        }),
        &["--request", "length=2"],
    );
    assert_eq!(value(&json, "requests"), 0, "{json}");
    assert!(value(&json, "broken") > 20, "{json}");
}

#[test]
fn a_kept_connection_that_ends_between_requests_is_no_error() {
    let json = load(&serve(|stream, _, count| stream.write_all(OK).is_ok() && count < 2), &["--request", "length=2"]);
    assert!(value(&json, "requests") > 20, "{json}");
    assert_eq!(value(&json, "errors"), 0, "{json}");
    assert!(value(&json, "stale") > 5, "{json}");
}

#[test]
fn a_connection_per_request() {
    let answer: fn(&mut TcpStream, &str, usize) -> bool = |stream, head, _| {
        assert!(head.contains("Connection: close"), "{head}");
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
        false
    };
    let json = load(&serve(answer), &["--request", "length=2", "--close"]);
    assert_eq!(value(&json, "errors"), 0, "{json}");
    let (requests, connects) = (value(&json, "requests"), value(&json, "connects"));
    // At either end of the measured time a connection may be on one side of it, and its request on the other.
    assert!(requests > 20 && connects.abs_diff(requests) <= 8, "{json}");
    assert_eq!(value(&json, "left_open"), 0, "{json}");

    let json = load(&serve(right), &["--request", "length=2", "--close"]);
    assert!(value(&json, "left_open") > 20, "{json}");
}

#[test]
fn classes_by_template_and_by_length() {
    let answer: fn(&mut TcpStream, &str, usize) -> bool = |stream, head, _| {
        let body = if head.starts_with("GET /slow ") { "slept" } else { "hi" };
        stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).is_ok()
    };
    let address = serve(answer);
    for requests in [
        ["--request", "name=fast,weight=9,length=2", "--request", "name=slow,path=/slow,length=5"],
        [
            "--request",
            "name=fast,weight=9,length=2,other=slow:5",
            "--request",
            "name=fast,path=/slow,other=slow:5,length=2",
        ],
    ] {
        let json = load(&address, &requests);
        assert_eq!(value(&json, "errors"), 0, "{json}");
        let classes = json.split("\"classes\":").nth(1).expect("classes");
        let fast = value(classes.split("\"fast\":").nth(1).expect("fast"), "count");
        let slow = value(classes.split("\"slow\":").nth(1).expect("slow"), "count");
        assert!(slow > 1 && fast.abs_diff(9 * slow) <= 9 + 4, "{fast} and {slow}");
    }
}

#[test]
fn idle_connections_are_counted_and_missed_when_gone() {
    let json = load(&serve(right), &["--request", "length=2", "--idle", "50"]);
    assert_eq!((value(&json, "wanted"), value(&json, "opened"), value(&json, "open")), (50, 50, 50), "{json}");
    let leaves: fn(&mut TcpStream, &str, usize) -> bool = |stream, _, _| {
        let _ = stream.write_all(OK);
        false
    };
    let json = load(&serve(leaves), &["--request", "length=2", "--idle", "50"]);
    assert_eq!((value(&json, "opened"), value(&json, "open")), (50, 0), "{json}");
}

#[test]
fn nobody_listens() {
    let address =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").to_string();
    let json = load(&address, &["--request", "length=2"]);
    assert!(value(&json, "connect") >= 4, "{json}");
}
