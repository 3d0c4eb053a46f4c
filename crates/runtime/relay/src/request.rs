//! The request: the environment as the head of an SCGI request, and the body on standard input.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use millau_gateway::meta_variables::{is_nph, is_process_variable};
use millau_scgi::RequestHeadEncoder;
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

/// The longest body that came in chunks; the server has a limit of its own for all others.
const LONGEST_CHUNKED: u64 = 1024 * 1024 * 1024;
/// So much of a request is kept until the server has answered, to be handed over again.
const KEPT: usize = 256 * 1024;

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
    spool: Option<File>,
    method: OsString,
    target: OsString,
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
    pub(crate) fn read(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Self, Refusal> {
        let of_request = |name: &OsString| !name.is_empty() && !is_process_variable(name.as_bytes());
        let mut variables: Vec<(OsString, OsString)> = variables.filter(|(name, _)| of_request(name)).collect();
        let find = |name: &str| variables.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
        let is_nph = is_nph(variables.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        let bad = |why: String| Refusal { status: 400, why, is_nph };
        let method = find("REQUEST_METHOD").unwrap_or_default();
        let target = find("REQUEST_URI").or_else(|| find("PATH_INFO")).unwrap_or_default();
        let mut spool = None;
        let content_length = match find("CONTENT_LENGTH").filter(|length| !length.is_empty()) {
            Some(length) => {
                let digits = length.to_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
                digits
                    .and_then(|digits| digits.parse().ok())
                    .ok_or_else(|| bad(format!("CONTENT_LENGTH is not a number: {length:?}")))?
            }
            None if find("HTTP_TRANSFER_ENCODING").is_some() => {
                let (file, length) = spooled(rustix::stdio::stdin(), &[], LONGEST_CHUNKED).map_err(|error| {
                    Refusal { status: 500, why: format!("the body cannot be kept: {error}"), is_nph }
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
        if find("PATH_INFO").is_none() {
            // So that the server knows that SCRIPT_NAME names this program, and is not the whole path in disguise.
            variables.push(("PATH_INFO".into(), OsString::new()));
        }
        let mut kept = Vec::with_capacity(8 * 1024);
        head(&variables, content_length, &mut kept).map_err(|error| bad(error.to_string()))?;
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
            is_nph,
        })
    }

    /// Where the body is read from.
    pub(crate) fn source(&self) -> BorrowedFd<'_> {
        match &self.spool {
            Some(file) => file.as_fd(),
            None => rustix::stdio::stdin(),
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
        self.method == "HEAD"
    }

    /// True when the web server sends the response on as it is.
    pub(crate) fn is_nph(&self) -> bool {
        self.is_nph
    }

    /// The body for another process, and its length; `None` where standard input still has it as it came.
    pub(crate) fn into_input(self) -> io::Result<Option<(File, u64)>> {
        let begun = &self.kept[self.head_length..];
        match &self.spool {
            Some(file) => {
                seek(file, SeekFrom::Start(0))?;
                Ok(self.spool.map(|file| (file, self.content_length)))
            }
            None if begun.is_empty() => Ok(None),
            None => {
                let (file, _) = spooled(rustix::stdio::stdin(), begun, self.remaining)?;
                Ok(Some((file, self.content_length)))
            }
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.to_string_lossy().escape_debug(), self.target.to_string_lossy().escape_debug())
    }
}

/// The head of an SCGI request. Of a variable that is there twice the first counts, as getenv(3) has it.
fn head(
    variables: &[(OsString, OsString)],
    content_length: u64,
    out: &mut Vec<u8>,
) -> Result<(), millau_scgi::EncodeError> {
    let mut encoder = RequestHeadEncoder::new(content_length);
    for (index, (name, value)) in variables.iter().enumerate() {
        if variables[..index].iter().all(|(other, _)| other != name) {
            encoder.push(name.as_bytes(), value.as_bytes())?;
        }
    }
    encoder.finish(out)
}

/// A file without a name that has `begun`, then up to `most` bytes of `rest` and, to tell a longer one, one byte more.
fn spooled(rest: BorrowedFd<'_>, begun: &[u8], most: u64) -> io::Result<(File, u64)> {
    let mut file = nameless()?;
    file.write_all(begun)?;
    let rest = File::from(rest.try_clone_to_owned()?);
    let length = begun.len() as u64 + io::copy(&mut rest.take(most.saturating_add(1)), &mut file)?;
    seek(&file, SeekFrom::Start(0))?;
    Ok((file, length))
}

/// A file that is gone when it is closed, in the directory for temporary files.
pub(crate) fn nameless() -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, open};
    let directory = std::env::temp_dir();
    let mode = Mode::RUSR | Mode::WUSR;
    if let Ok(file) = open(&directory, OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC, mode) {
        return Ok(file.into());
    }
    // Not every file system has such files.
    let name = OsString::from_vec(format!("millau-relay-{}", std::process::id()).into_bytes());
    let path = directory.join(name);
    let file = open(&path, OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC, mode)?;
    std::fs::remove_file(path)?;
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(variables: &[(&str, &str)]) -> Result<Request, Refusal> {
        Request::read(variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
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
        let (file, length) = spooled(tempfile::tempfile().unwrap().as_fd(), &[b'x'; 300_000], 0).unwrap();
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
