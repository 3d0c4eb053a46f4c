//! From a request to a file, a part of it, or the reason why not.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::time::SystemTime;

use millau_gateway::{BodyLength, Error, Exchange, Response};

use crate::directory::{CleanPath, Found};
use crate::range::Range;
use crate::validators::{Validators, Verdict};
use crate::{StaticFiles, media_type};

/// What a directory shows when it is asked for.
const INDEX: &str = "index.html";

impl StaticFiles {
    pub(crate) fn answer(&self, exchange: Exchange) {
        let request = exchange.request();
        if !matches!(&request.method[..], b"GET" | b"HEAD") {
            let mut response = Response::new(405);
            response.fields.push(b"Allow", b"GET, HEAD");
            response.fields.push(b"Content-Type", b"text/plain; charset=utf-8");
            return exchange.respond(&response, b"405 Method Not Allowed: this is a file, it can only be read\n");
        }
        let path_info = request.path_info().to_vec();
        let Some((path, ends_with_slash)) = CleanPath::new(&path_info) else { return nothing(exchange) };
        match self.directory.find(&path) {
            Ok(Found::File(file)) if !ends_with_slash && self.is_served(&path_info) => {
                self.file(exchange, file, &path_info)
            }
            Ok(Found::Directory) if ends_with_slash => {
                let index = [&path_info[..], INDEX.as_bytes()].concat();
                let found = CleanPath::new(&index).map(|(path, _)| self.directory.find(&path));
                match found {
                    Some(Ok(Found::File(file))) if self.is_served(&index) => self.file(exchange, file, &index),
                    Some(Err(error)) => unreadable(exchange, &index, &error),
                    _ => nothing(exchange),
                }
            }
            Ok(Found::Directory) => redirect_to_slash(exchange),
            Ok(_) => nothing(exchange),
            Err(error) => unreadable(exchange, &path_info, &error),
        }
    }

    fn file(&self, mut exchange: Exchange, file: File, path: &[u8]) {
        let metadata = match file.metadata() {
            Ok(metadata) => metadata,
            Err(error) => return unreadable(exchange, path, &error),
        };
        let size = metadata.len();
        let now = SystemTime::now();
        let validators = Validators::new(metadata.modified().unwrap_or(now), size, metadata.ino(), now);
        let fields = &exchange.request().fields;
        let verdict = validators.judge(fields);
        let range = if validators.range_applies(fields) && exchange.request().method == b"GET" {
            Range::parse(fields.get(b"range"), size)
        } else {
            Range::Whole
        };
        let (status, offset, length) = match (verdict, range) {
            (Verdict::NotModified, _) => (304, 0, 0),
            (Verdict::Failed, _) => (412, 0, 0),
            (Verdict::Send, Range::Outside) => (416, 0, 0),
            (Verdict::Send, Range::Part { offset, length }) => (206, offset, length),
            (Verdict::Send, Range::Whole) => (200, 0, size),
        };
        let mut response = Response::new(status);
        response.reason = match status {
            206 => b"Partial Content".to_vec(),
            412 => b"Precondition Failed".to_vec(),
            416 => b"Range Not Satisfiable".to_vec(),
            _ => response.reason,
        };
        response.fields.push(b"Last-Modified", httpdate::fmt_http_date(validators.modified).as_bytes());
        response.fields.push(b"ETag", validators.entity_tag.as_bytes());
        response.fields.push(b"Accept-Ranges", b"bytes");
        match status {
            200 | 206 => {
                response.fields.push(b"Content-Type", media_type::of(path).as_bytes());
                response.fields.push(b"Content-Length", length.to_string().as_bytes());
            }
            416 => response.fields.push(b"Content-Range", format!("bytes */{size}").as_bytes()),
            _ => {}
        }
        if status == 206 {
            let last = offset + length - 1;
            response.fields.push(b"Content-Range", format!("bytes {offset}-{last}/{size}").as_bytes());
        }
        if length == 0 {
            return exchange.respond(&response, b"");
        }
        let sent = exchange
            .start(&response, BodyLength::Known(length))
            .and_then(|()| exchange.write_file(file, offset, length));
        match sent {
            Ok(()) => exchange.finish(),
            Err(error) => exchange.fail(error),
        }
    }
}

fn nothing(exchange: Exchange) {
    exchange.fail(Error::peer(404, "there is no such file"));
}

/// The file is there, but this process may not have it. The peer learns no more than that.
fn unreadable(exchange: Exchange, path: &[u8], error: &std::io::Error) {
    log::warn!(
        "operator error: cannot read the file for '{}': {error}; mend its permissions or take it away",
        path.escape_ascii()
    );
    exchange.fail(Error::peer(403, "this file may not be read").caused_by(std::io::Error::from(error.kind())));
}

/// Relative links in the index of a directory only lead somewhere if its URL ends with a slash.
fn redirect_to_slash(exchange: Exchange) {
    let request = exchange.request();
    let mut location = Vec::with_capacity(request.path().len() + 16);
    for byte in request.path() {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(byte) {
            location.push(*byte);
        } else {
            location.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    location.push(b'/');
    if !request.query().is_empty() {
        location.push(b'?');
        location.extend_from_slice(request.query());
    }
    let mut response = Response::new(301);
    response.reason = b"Moved Permanently".to_vec();
    response.fields.push(b"Location", &location);
    exchange.respond(&response, b"");
}
