//! Reads one HTTP/1 response after another from bytes as they arrive; keeps nothing of the body but its length.

/// Heads longer than this are malformed for our purpose.
const HEAD_LIMIT: usize = 64 * 1024;
const FIELD_LIMIT: usize = 64;

/// A complete response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Complete {
    /// The status code.
    pub status: u16,
    /// Bytes of the body, without chunk framing.
    pub length: u64,
    /// The server closes (or will close) the connection after this response.
    pub close: bool,
}

/// What the bytes are not: a response. The text says why.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Length {
        remaining: u64,
    },
    ChunkSize {
        value: u64,
        digits: u8,
    },
    ChunkExtension {
        value: u64,
    },
    ChunkData {
        remaining: u64,
    },
    ChunkEnd,
    /// `line` counts the bytes of the current trailer line without CR.
    Trailer {
        line: u32,
    },
    UntilClose,
}

/// The reader of one connection.
pub struct Reader {
    state: State,
    /// Only the beginning of a head that came in pieces.
    partial: Vec<u8>,
    status: u16,
    length: u64,
    close: bool,
}

impl Reader {
    /// A reader before the first byte of a response.
    pub fn new() -> Self {
        Self { state: State::Head, partial: Vec::new(), status: 0, length: 0, close: false }
    }

    /// No byte of the current response has arrived.
    pub fn untouched(&self) -> bool {
        self.state == State::Head && self.partial.is_empty()
    }

    /// Takes the bytes that arrived. `Some` when they complete a response; bytes after it are an error, since
    /// nothing was asked for.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<Complete>, Malformed> {
        if self.state != State::Head {
            return self.body(bytes);
        }
        if self.partial.is_empty() {
            if let Some(length) = self.head(bytes)? {
                return self.body(&bytes[length..]);
            }
            self.partial.extend_from_slice(bytes);
        } else {
            self.partial.extend_from_slice(bytes);
            let partial = std::mem::take(&mut self.partial);
            if let Some(length) = self.head(&partial)? {
                return self.body(&partial[length..]);
            }
            self.partial = partial;
        }
        if self.partial.len() > HEAD_LIMIT {
            return Err(Malformed("a response head longer than 64 KiB"));
        }
        Ok(None)
    }

    /// The peer has closed. `Some` when this is what ends the response.
    pub fn end(&mut self) -> Option<Complete> {
        if self.state == State::UntilClose {
            self.close = true;
            return Some(self.complete());
        }
        None
    }

    /// Reads a head and sets the state for its body; `None` when more bytes are needed.
    fn head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        let mut fields = [httparse::EMPTY_HEADER; FIELD_LIMIT];
        let mut response = httparse::Response::new(&mut fields);
        let length = match response.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(Malformed("not an HTTP/1 response head")),
        };
        self.status = response.code.unwrap_or(0);
        self.length = 0;
        self.close = response.version == Some(0);
        let mut content_length = None;
        let mut chunked = false;
        for field in response.headers.iter() {
            let (name, value) = (field.name, field.value);
            if name.eq_ignore_ascii_case("content-length") {
                content_length = Some(decimal(value).ok_or(Malformed("a Content-Length that is no number"))?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                chunked = value.trim_ascii().eq_ignore_ascii_case(b"chunked");
            } else if name.eq_ignore_ascii_case("connection") {
                if has_token(value, b"close") {
                    self.close = true;
                } else if has_token(value, b"keep-alive") {
                    self.close = false;
                }
            }
        }
        self.state = if self.status < 200 {
            State::Head
        } else if self.status == 204 || self.status == 304 {
            State::Length { remaining: 0 }
        } else if chunked {
            State::ChunkSize { value: 0, digits: 0 }
        } else if let Some(remaining) = content_length {
            State::Length { remaining }
        } else {
            State::UntilClose
        };
        Ok(Some(length))
    }

    fn body(&mut self, mut bytes: &[u8]) -> Result<Option<Complete>, Malformed> {
        loop {
            match self.state {
                State::Head => {
                    // After an interim response: the final one may already be here.
                    return if bytes.is_empty() { Ok(None) } else { self.feed(bytes) };
                }
                State::Length { remaining } => {
                    let arrived = bytes.len() as u64;
                    if arrived > remaining {
                        return Err(Malformed("bytes after the end of a response"));
                    }
                    self.length += arrived;
                    if arrived == remaining {
                        return Ok(Some(self.complete()));
                    }
                    self.state = State::Length { remaining: remaining - arrived };
                    return Ok(None);
                }
                State::UntilClose => {
                    self.length += bytes.len() as u64;
                    return Ok(None);
                }
                State::ChunkData { remaining } => {
                    let taken = remaining.min(bytes.len() as u64);
                    self.length += taken;
                    bytes = &bytes[taken as usize..];
                    if taken < remaining {
                        self.state = State::ChunkData { remaining: remaining - taken };
                        return Ok(None);
                    }
                    self.state = State::ChunkEnd;
                }
                _ => {
                    let Some((&byte, rest)) = bytes.split_first() else { return Ok(None) };
                    bytes = rest;
                    if self.framing(byte)? {
                        return if bytes.is_empty() {
                            Ok(Some(self.complete()))
                        } else {
                            Err(Malformed("bytes after the last chunk"))
                        };
                    }
                }
            }
        }
    }

    /// One byte of chunk framing; true when it ends the body.
    fn framing(&mut self, byte: u8) -> Result<bool, Malformed> {
        self.state = match (self.state, byte) {
            (State::ChunkSize { value, digits }, byte) if byte.is_ascii_hexdigit() && digits < 15 => {
                let digit = (byte as char).to_digit(16).unwrap_or(0);
                State::ChunkSize { value: value * 16 + u64::from(digit), digits: digits + 1 }
            }
            (State::ChunkSize { digits: 0, .. }, _) => return Err(Malformed("a chunk without a size")),
            (State::ChunkSize { value, .. } | State::ChunkExtension { value }, b'\n') => {
                if value == 0 {
                    State::Trailer { line: 0 }
                } else {
                    State::ChunkData { remaining: value }
                }
            }
            (State::ChunkSize { value, .. } | State::ChunkExtension { value }, _) => State::ChunkExtension { value },
            (State::ChunkEnd, b'\r') => State::ChunkEnd,
            (State::ChunkEnd, b'\n') => State::ChunkSize { value: 0, digits: 0 },
            (State::ChunkEnd, _) => return Err(Malformed("a chunk longer than its size")),
            (State::Trailer { line: 0 }, b'\n') => return Ok(true),
            (State::Trailer { .. }, b'\n') => State::Trailer { line: 0 },
            (State::Trailer { line }, b'\r') => State::Trailer { line },
            (State::Trailer { line }, _) => State::Trailer { line: line + 1 },
            (state, _) => state,
        };
        Ok(false)
    }

    fn complete(&mut self) -> Complete {
        self.state = State::Head;
        self.partial.clear();
        Complete { status: self.status, length: self.length, close: self.close }
    }
}

fn decimal(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

fn has_token(value: &[u8], token: &[u8]) -> bool {
    value.split(|&byte| byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result must not depend on how the bytes were cut.
    fn read(bytes: &[u8]) -> Result<Option<Complete>, Malformed> {
        let whole = Reader::new().feed(bytes);
        let mut reader = Reader::new();
        let mut last = Ok(None);
        for (index, byte) in bytes.iter().enumerate() {
            last = reader.feed(std::slice::from_ref(byte));
            match last {
                Ok(None) => {}
                Ok(Some(_)) => assert_eq!(index, bytes.len() - 1, "complete too early"),
                Err(_) => break,
            }
        }
        assert_eq!(whole, last);
        whole
    }

    fn complete(status: u16, length: u64, close: bool) -> Result<Option<Complete>, Malformed> {
        Ok(Some(Complete { status, length, close }))
    }

    #[test]
    fn a_length() {
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), complete(200, 2, false));
        assert_eq!(read(b"HTTP/1.1 500 No\r\nconnection: Close\r\ncontent-length: 0\r\n\r\n"), complete(500, 0, true));
        assert_eq!(read(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), complete(200, 0, true));
        assert_eq!(
            read(b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n"),
            complete(200, 0, false)
        );
    }

    #[test]
    fn chunks() {
        let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=1\r\n0123456789\r\n0\r\nT: 1\r\n\r\n";
        assert_eq!(read(bytes), complete(200, 13, false));
        let empty = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        assert_eq!(read(empty), complete(200, 0, false));
    }

    #[test]
    fn an_interim_response_is_passed_over() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
        assert_eq!(read(bytes), complete(200, 1, false));
    }

    #[test]
    fn the_end_of_the_connection_ends_a_body_without_length() {
        let mut reader = Reader::new();
        assert_eq!(reader.feed(b"HTTP/1.1 200 OK\r\n\r\nabc"), Ok(None));
        assert_eq!(reader.end(), Some(Complete { status: 200, length: 3, close: true }));
        assert_eq!(reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"), Ok(None));
        assert_eq!(reader.end(), None, "a cut response is never whole");
    }

    #[test]
    fn what_is_no_response() {
        assert!(read(b"hello\r\n\r\n").is_err());
        assert!(Reader::new().feed(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy").is_err());
        assert!(read(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n").is_err());
        assert!(read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd").is_err());
        assert!(read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n").is_err());
    }

    #[test]
    fn two_responses_in_a_row() {
        let mut reader = Reader::new();
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        for _ in 0..2 {
            assert!(reader.untouched());
            assert_eq!(reader.feed(bytes), complete(200, 2, false));
        }
    }
}
