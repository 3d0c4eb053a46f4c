//! The request: the environment as the head of an SCGI request, and the body on standard input.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, SeekFrom, open, seek, unlink};
use rustix::io::Errno;

use crate::environment::{Environment, is_process_variable};
use crate::streams::{input, write_all};
use crate::text::{Escaped, Reason, join};

/// The longest body that came in chunks; the server has a limit of its own for all others.
const LONGEST_CHUNKED: u64 = 1024 * 1024 * 1024;
/// So much of a request is kept until the server has answered, to be handed over again.
const KEPT: usize = 256 * 1024;
/// So much is copied at once.
const PIECE: usize = 64 * 1024;

/// One request and how much of it has been read.
#[derive(Debug)]
pub(crate) struct Request {
    /// The head, and the body as far as it was read, as long as that is not too much.
    kept: Vec<u8>,
    head_length: usize,
    /// More was read than is kept.
    overflowed: bool,
    content_length: u64,
    /// Bytes of the body that were not read.
    remaining: u64,
    /// In place of standard input: a body that came without a length.
    spool: Option<OwnedFd>,
    method: &'static [u8],
    target: &'static [u8],
    /// The directory for temporary files.
    temporary: &'static [u8],
    is_nph: bool,
}

/// Why a request is answered here.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) why: String,
    pub(crate) is_nph: bool,
}

impl Request {
    /// Makes a request of the variables; reads a body that came in chunks to its end.
    ///
    /// # Errors
    /// What they describe is no request.
    pub(crate) fn read(environment: &Environment) -> Result<Self, Refusal> {
        let find = |name: &[u8]| environment.get(name);
        let method = find(b"REQUEST_METHOD").unwrap_or_default();
        let target = find(b"REQUEST_URI").or_else(|| find(b"PATH_INFO")).unwrap_or_default();
        let temporary = find(b"TMPDIR").filter(|directory| !directory.is_empty()).unwrap_or(b"/tmp");
        let is_nph = environment.is_nph();
        let mut spool = None;
        let content_length =
            match find(b"CONTENT_LENGTH").filter(|length| !length.is_empty()) {
                Some(length) => number(length).ok_or_else(|| Refusal {
                    status: 400,
                    why: format!("CONTENT_LENGTH is not a number: \"{}\"", Escaped(length)),
                    is_nph,
                })?,
                None if find(b"HTTP_TRANSFER_ENCODING").is_some() => {
                    let (file, length) = spooled(input(), &[], LONGEST_CHUNKED, temporary).map_err(|error| {
                        Refusal { status: 500, why: format!("the body cannot be kept: {}", Reason(error)), is_nph }
                    })?;
                    if length > LONGEST_CHUNKED {
                        return Err(Refusal {
                            status: 413,
                            why: format!("a chunked body of more than {LONGEST_CHUNKED} bytes"),
                            is_nph,
                        });
                    }
                    spool = Some(file);
                    length
                }
                None => 0,
            };
        let kept = head(environment, content_length);
        let head_length = kept.len();
        Ok(Self {
            kept,
            head_length,
            overflowed: false,
            content_length,
            remaining: content_length,
            spool,
            method,
            target,
            temporary,
            is_nph,
        })
    }

    /// Where the body is read from.
    pub(crate) fn source(&self) -> BorrowedFd<'_> {
        match &self.spool {
            Some(file) => file.as_fd(),
            None => input(),
        }
    }

    /// What was read so far: the head, and the beginning of the body.
    pub(crate) fn begun(&self) -> &[u8] {
        &self.kept
    }

    /// True as long as everything that was read is there to be sent again.
    pub(crate) fn can_begin_again(&self) -> bool {
        !self.overflowed
    }

    /// Bytes of the body that were not read.
    pub(crate) fn remaining(&self) -> u64 {
        self.remaining
    }

    /// The directory for temporary files.
    pub(crate) fn temporary(&self) -> &'static [u8] {
        self.temporary
    }

    /// Reads once into `buffer`, no more than the body has. 0: it ends too early.
    pub(crate) fn read_body(&mut self, buffer: &mut [u8]) -> Result<usize, Errno> {
        let most = buffer.len().min(usize::try_from(self.remaining).unwrap_or(usize::MAX));
        let count = rustix::io::read(self.source(), &mut buffer[..most])?;
        self.remaining -= count as u64;
        if self.overflowed || self.kept.len() + count > KEPT {
            self.overflowed = true;
        } else {
            self.kept.extend_from_slice(&buffer[..count]);
        }
        Ok(count)
    }

    /// Reads what is left of the body, for nobody.
    pub(crate) fn discard(&mut self, buffer: &mut [u8]) {
        while self.remaining > 0 {
            match self.read_body(buffer) {
                Ok(count) if count > 0 => {}
                Err(Errno::INTR) => {}
                Ok(_) | Err(_) => break,
            }
        }
    }

    /// True for the method whose response has no body.
    pub(crate) fn is_head(&self) -> bool {
        self.method == b"HEAD"
    }

    /// True when the web server sends the response on as it is.
    pub(crate) fn is_nph(&self) -> bool {
        self.is_nph
    }

    /// The body for another process, and its length; `None` where standard input still has it as it came.
    pub(crate) fn into_input(self) -> Result<Option<(OwnedFd, u64)>, Errno> {
        let begun = &self.kept[self.head_length..];
        match &self.spool {
            Some(file) => {
                seek(file, SeekFrom::Start(0))?;
                Ok(self.spool.map(|file| (file, self.content_length)))
            }
            None if begun.is_empty() => Ok(None),
            None => {
                let (file, _) = spooled(input(), begun, self.remaining, self.temporary)?;
                Ok(Some((file, self.content_length)))
            }
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Escaped(self.method), Escaped(self.target))
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    let text = core::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok()
}

/// The head of an SCGI request: a netstring of names and values, each with a NUL behind it. Of a variable that is there twice
/// the first counts.
fn head(environment: &Environment, content_length: u64) -> Vec<u8> {
    let mut block = Vec::with_capacity(8 * 1024);
    block.extend_from_slice(format!("CONTENT_LENGTH\0{content_length}\0SCGI\01\0").as_bytes());
    let mut put = |name: &[u8], value: &[u8]| {
        for part in [name, value] {
            block.extend_from_slice(part);
            block.push(0);
        }
    };
    let mut seen: Vec<&[u8]> = Vec::with_capacity(64);
    for (name, value) in environment.pairs() {
        let is_framing = matches!(name, b"CONTENT_LENGTH" | b"SCGI");
        if !is_framing && !is_process_variable(name) && !seen.contains(&name) {
            seen.push(name);
            put(name, value);
        }
    }
    if !seen.contains(&&b"PATH_INFO"[..]) {
        // So that the server knows that SCRIPT_NAME names this program, and is not the whole path in disguise.
        put(b"PATH_INFO", b"");
    }
    let length = format!("{}:", block.len());
    [length.as_bytes(), &block, b","].concat()
}

/// A file without a name that has `begun`, then up to `most` bytes of `rest` and, to tell a longer one, one byte more; and its
/// length.
fn spooled(rest: BorrowedFd<'_>, begun: &[u8], most: u64, directory: &[u8]) -> Result<(OwnedFd, u64), Errno> {
    let file = nameless(directory)?;
    write_all(file.as_fd(), begun)?;
    let mut left = most.saturating_add(1);
    let mut piece = vec![0; PIECE];
    while left > 0 {
        let room = PIECE.min(usize::try_from(left).unwrap_or(PIECE));
        match rustix::io::read(rest, &mut piece[..room]) {
            Ok(0) => break,
            Ok(count) => {
                write_all(file.as_fd(), &piece[..count])?;
                left -= count as u64;
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    seek(&file, SeekFrom::Start(0))?;
    Ok((file, begun.len() as u64 + most.saturating_add(1) - left))
}

/// A file that is gone when it is closed.
pub(crate) fn nameless(directory: &[u8]) -> Result<OwnedFd, Errno> {
    let mode = Mode::RUSR | Mode::WUSR;
    if let Ok(file) = open(directory, OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC, mode) {
        return Ok(file);
    }
    // Not every file system has such files.
    let name = format!("millau-relay-{}", rustix::process::getpid().as_raw_nonzero());
    let path = join(directory, name.as_bytes());
    let file = open(&*path, OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC, mode)?;
    unlink(&*path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(variables: &[(&str, &str)]) -> Result<Request, Refusal> {
        let variable = |(name, value): &(&str, &str)| &*format!("{name}={value}").into_bytes().leak();
        Request::read(&Environment::new(variables.iter().map(variable).collect()))
    }

    #[test]
    fn the_head_is_what_the_protocol_s_own_encoder_makes() {
        let variables = [("REQUEST_METHOD", "GET"), ("PATH", "/bin"), ("HTTP_COOKIE", ""), ("PATH_INFO", "/\u{e9}=\n")];
        let mut encoder = millau_scgi::RequestHeadEncoder::new(3);
        for (name, value) in variables.iter().filter(|(name, _)| *name != "PATH") {
            encoder.push(name.as_bytes(), value.as_bytes()).unwrap();
        }
        let mut expected = Vec::new();
        encoder.finish(&mut expected).unwrap();
        let own = [&variables[..], &[("CONTENT_LENGTH", "3"), ("SCGI", "2")]].concat();
        assert_eq!(request(&own).unwrap().begun(), expected);
    }

    #[test]
    fn the_environment_becomes_the_head() {
        let request =
            request(&[("CONTENT_LENGTH", "7"), ("A", "1"), ("", "x"), ("PATH_INFO", "/p"), ("A", "2")]).unwrap();
        assert_eq!(request.begun(), b"41:CONTENT_LENGTH\x007\0SCGI\x001\0A\x001\0PATH_INFO\0/p\0,");
        assert_eq!((request.remaining(), request.can_begin_again()), (7, true));
    }

    #[test]
    fn the_program_itself_has_a_path_info_that_is_empty() {
        let request = request(&[("SCRIPT_NAME", "/a.cgi"), ("CONTENT_LENGTH", "")]).unwrap();
        assert!(request.begun().ends_with(b"SCRIPT_NAME\0/a.cgi\0PATH_INFO\0\0,"));
        assert_eq!(request.remaining(), 0);
    }

    #[test]
    fn a_length_that_is_no_number_is_refused() {
        for bad in ["-1", "1x", "99999999999999999999999", "+1"] {
            assert_eq!(request(&[("CONTENT_LENGTH", bad)]).unwrap_err().status, 400, "{bad}");
        }
    }

    #[test]
    fn what_is_read_is_kept_until_it_is_too_much() {
        let mut request = request(&[("CONTENT_LENGTH", "300000")]).unwrap();
        let (file, length) = spooled(tempfile::tempfile().unwrap().as_fd(), &[b'x'; 300_000], 0, b"/tmp").unwrap();
        assert_eq!(length, 300_000);
        request.spool = Some(file);
        let head = request.begun().len();
        let mut buffer = vec![0; 200_000];
        assert_eq!(request.read_body(&mut buffer).unwrap(), 200_000);
        assert!(request.begun().len() == head + 200_000 && request.can_begin_again());
        assert_eq!(request.read_body(&mut buffer).unwrap(), 100_000);
        assert!(request.begun().len() == head + 200_000 && !request.can_begin_again());
        assert_eq!(request.remaining(), 0);
    }
}
