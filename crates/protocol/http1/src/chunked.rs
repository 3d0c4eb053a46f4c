//! The chunked transfer coding (RFC 9112 §7.1), decoded byte by byte where it is syntax and in stretches where it is data.
//!
//! ```text
//! chunked-body    = *chunk last-chunk trailer-section CRLF
//! chunk           = 1*HEXDIG [ chunk-ext ] CRLF chunk-data CRLF
//! last-chunk      = 1*("0") [ chunk-ext ] CRLF
//! chunk-ext       = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
//! chunk-ext-val   = token / quoted-string
//! trailer-section = *( field-line CRLF )
//! ```
//!
//! Extensions and trailers are checked and dropped. A trailer never becomes a field: it would come after the decisions
//! that were made by the fields (RFC 9110 §6.5.1).

use millau_gateway::token::{is_token_byte, is_value_byte};

use crate::body::Decoded;
use crate::{Limits, Refusal};

/// What the next byte must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expected {
    #[default]
    Size,
    /// White space is bad before `;` but must be understood (RFC 9110 §5.6.3); before the line end it is an error.
    Semicolon,
    ExtensionNameStart,
    ExtensionName,
    EqualsOrSemicolon,
    ExtensionValueStart,
    ExtensionToken,
    Quoted,
    Escaped,
    AfterQuoted,
    SizeLineFeed,
    Data,
    DataCarriageReturn,
    DataLineFeed,
    TrailerLine,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    LastLineFeed,
    Nothing,
}

/// The place in a chunked body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunked {
    /// The size as far as it was read, then the data bytes of this chunk that are still to come.
    size: u64,
    /// Data bytes that all size lines together have announced; never above the limit.
    total: u64,
    /// Bytes of the present size line, or of the trailer section.
    line: u32,
    /// Bytes of size lines that are no digits, in the whole body.
    extensions: u32,
    digits: u8,
    expected: Expected,
}

impl Chunked {
    pub(crate) fn is_done(&self) -> bool {
        self.expected == Expected::Nothing
    }

    /// Decodes up to the beginning of the second stretch of data, so that a short body takes one call.
    pub(crate) fn decode(&mut self, input: &[u8], limits: &Limits) -> Result<Decoded, Refusal> {
        let mut decoded = Decoded::default();
        while decoded.consumed < input.len() {
            match self.expected {
                Expected::Nothing => break,
                Expected::Data if !decoded.data.is_empty() => break,
                Expected::Data => {
                    let available = input.len() - decoded.consumed;
                    let length = usize::try_from(self.size).map_or(available, |size| size.min(available));
                    decoded.data = decoded.consumed..decoded.consumed + length;
                    decoded.consumed += length;
                    self.size -= length as u64;
                    if self.size == 0 {
                        self.expected = Expected::DataCarriageReturn;
                    }
                }
                _ => {
                    self.expected = self.take(input[decoded.consumed], limits)?;
                    decoded.consumed += 1;
                }
            }
        }
        Ok(decoded)
    }

    /// Takes one byte of syntax.
    fn take(&mut self, byte: u8, limits: &Limits) -> Result<Expected, Refusal> {
        use Expected as E;
        Ok(match (self.expected, byte) {
            (E::Size, byte) if byte.is_ascii_hexdigit() => {
                self.count_line(limits.chunk_line, Refusal::ChunkExtensionsTooLarge)?;
                if self.digits == 16 {
                    return Err(Refusal::ChunkSizeTooLarge);
                }
                self.digits += 1;
                self.size = self.size << 4 | u64::from(hexadecimal(byte));
                E::Size
            }
            (E::Size, _) if self.digits == 0 => return Err(line_refusal(byte, Refusal::ChunkSize)),
            (E::Size | E::ExtensionName | E::ExtensionToken | E::AfterQuoted, b'\r') => E::SizeLineFeed,
            (
                E::Size
                | E::Semicolon
                | E::ExtensionNameStart
                | E::ExtensionName
                | E::EqualsOrSemicolon
                | E::ExtensionValueStart
                | E::ExtensionToken
                | E::Quoted
                | E::Escaped
                | E::AfterQuoted,
                _,
            ) => {
                let next = self.extension(byte)?;
                self.count_line(limits.chunk_line, Refusal::ChunkExtensionsTooLarge)?;
                self.extensions += 1;
                if self.extensions as usize > limits.chunk_extensions {
                    return Err(Refusal::ChunkExtensionsTooLarge);
                }
                next
            }
            (E::SizeLineFeed, b'\n') => self.end_size_line(limits)?,
            (E::DataCarriageReturn, b'\r') => E::DataLineFeed,
            (E::DataLineFeed, b'\n') => E::Size,
            (E::DataCarriageReturn | E::DataLineFeed, _) => return Err(Refusal::ChunkEnd),
            (E::SizeLineFeed | E::TrailerLineFeed | E::LastLineFeed, byte) if byte != b'\n' => {
                return Err(Refusal::BareCarriageReturn);
            }
            (E::LastLineFeed, _) => E::Nothing,
            (E::TrailerLine, b'\r') => E::LastLineFeed,
            (E::TrailerLine | E::TrailerName | E::TrailerValue | E::TrailerLineFeed, _) => {
                self.count_line(limits.trailer_size, Refusal::TrailersTooLarge)?;
                self.trailer(byte)?
            }
            (E::Data | E::Nothing | E::SizeLineFeed, _) => unreachable!("no syntax is expected here"),
        })
    }

    /// One byte after a size, up to the line's CR.
    fn extension(&self, byte: u8) -> Result<Expected, Refusal> {
        use Expected as E;
        Ok(match (self.expected, byte) {
            (E::Size | E::Semicolon | E::ExtensionToken | E::AfterQuoted, b' ' | b'\t') => E::Semicolon,
            (E::ExtensionName | E::EqualsOrSemicolon, b' ' | b'\t') => E::EqualsOrSemicolon,
            (E::ExtensionNameStart | E::ExtensionValueStart, b' ' | b'\t') => self.expected,
            (E::ExtensionName | E::EqualsOrSemicolon, b'=') => E::ExtensionValueStart,
            (E::ExtensionNameStart | E::ExtensionName, byte) if is_token_byte(byte) => E::ExtensionName,
            (E::ExtensionValueStart, b'"') => E::Quoted,
            (E::ExtensionValueStart | E::ExtensionToken, byte) if is_token_byte(byte) => E::ExtensionToken,
            (E::Quoted, b'"') => E::AfterQuoted,
            (E::Quoted, b'\\') => E::Escaped,
            (E::Quoted | E::Escaped, byte) if is_value_byte(byte) => E::Quoted,
            (
                E::Size | E::Semicolon | E::ExtensionName | E::EqualsOrSemicolon | E::ExtensionToken | E::AfterQuoted,
                b';',
            ) => E::ExtensionNameStart,
            (E::Size, _) => return Err(line_refusal(byte, Refusal::ChunkSize)),
            _ => return Err(line_refusal(byte, Refusal::ChunkExtension)),
        })
    }

    fn end_size_line(&mut self, limits: &Limits) -> Result<Expected, Refusal> {
        self.line = 0;
        self.digits = 0;
        if self.size == 0 {
            return Ok(Expected::TrailerLine);
        }
        self.total = self
            .total
            .checked_add(self.size)
            .filter(|total| *total <= limits.body_size)
            .ok_or(Refusal::BodyTooLarge)?;
        Ok(Expected::Data)
    }

    /// One byte of the trailer section.
    fn trailer(&self, byte: u8) -> Result<Expected, Refusal> {
        use Expected as E;
        Ok(match (self.expected, byte) {
            (E::TrailerLine | E::TrailerName, byte) if is_token_byte(byte) => E::TrailerName,
            (E::TrailerName, b':') => E::TrailerValue,
            (E::TrailerValue, b'\r') => E::TrailerLineFeed,
            (E::TrailerValue, byte) if is_value_byte(byte) => E::TrailerValue,
            (E::TrailerLineFeed, b'\n') => E::TrailerLine,
            _ => return Err(line_refusal(byte, Refusal::Trailer)),
        })
    }

    fn count_line(&mut self, limit: usize, refusal: Refusal) -> Result<(), Refusal> {
        self.line += 1;
        if self.line as usize > limit { Err(refusal) } else { Ok(()) }
    }
}

/// A LF that comes without CR is told apart from every other wrong byte.
fn line_refusal(byte: u8, refusal: Refusal) -> Refusal {
    if byte == b'\n' { Refusal::BareLineFeed } else { refusal }
}

fn hexadecimal(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}
