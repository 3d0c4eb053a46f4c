//! From the bytes of one file to its pieces: text, code, expressions, directives. Remarks are gone after this.

use crate::error::Fault;

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// From 1.
    pub(crate) line: u32,
    /// Bytes before it in the line.
    pub(crate) column: u32,
}

/// One piece and the place of its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Between the tags.
    Text(Place, &'a [u8]),
    /// Between `<%` and `%>`.
    Code(Place, &'a [u8]),
    /// Between `<%=` and `%>`.
    Expression(Place, &'a [u8]),
    /// Between `<%@` and `%>`.
    Directive(Place, &'a [u8]),
}

/// Walks through one file.
pub(crate) struct Lexer<'a> {
    rest: &'a [u8],
    place: Place,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(file: &'a [u8]) -> Self {
        // A byte order mark says "UTF-8" and is no text.
        Self { rest: file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file), place: Place { line: 1, column: 0 } }
    }

    /// The next piece; none at the end of the file.
    ///
    /// # Errors
    /// A tag that is not ended, with the place where it begins.
    pub(crate) fn next(&mut self) -> Result<Option<Piece<'a>>, (Place, Fault)> {
        loop {
            if self.rest.is_empty() {
                return Ok(None);
            }
            let begins = find(self.rest, b"<%").unwrap_or(self.rest.len());
            if begins > 0 {
                let place = self.place;
                return Ok(Some(Piece::Text(place, self.take(begins))));
            }
            let opened = self.place;
            // The longest tag counts: `<%--` is a remark, though `<%` begins it.
            if self.rest.starts_with(b"<%--") {
                self.tag(4, b"--%>").ok_or((opened, Fault::Unterminated("--%>")))?;
                continue;
            }
            let kind = self.rest.get(2);
            let tag = if matches!(kind, Some(b'=' | b'@')) { 3 } else { 2 };
            let (place, inside) = self.tag(tag, b"%>").ok_or((opened, Fault::Unterminated("%>")))?;
            return Ok(Some(match kind {
                Some(b'=') => Piece::Expression(place, inside),
                Some(b'@') => Piece::Directive(place, inside),
                _ => Piece::Code(place, inside),
            }));
        }
    }

    /// Takes a tag of `length`, what is in it, and its end.
    fn tag(&mut self, length: usize, end: &[u8]) -> Option<(Place, &'a [u8])> {
        let inside = find(&self.rest[length..], end)?;
        self.take(length);
        let place = self.place;
        let content = self.take(inside);
        self.take(end.len());
        Some((place, content))
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.place = after(self.place, taken);
        taken
    }
}

/// Where one stands after `bytes`.
fn after(place: Place, bytes: &[u8]) -> Place {
    let breaks = bytes.iter().filter(|byte| **byte == b'\n').count();
    let last = bytes.iter().rposition(|byte| *byte == b'\n');
    match last {
        None => Place { column: place.column + bytes.len() as u32, ..place },
        Some(last) => Place { line: place.line + breaks as u32, column: (bytes.len() - last - 1) as u32 },
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(page: &str) -> Result<Vec<String>, (Place, Fault)> {
        let mut lexer = Lexer::new(page.as_bytes());
        let mut all = Vec::new();
        while let Some(piece) = lexer.next()? {
            let (kind, place, bytes) = match piece {
                Piece::Text(place, bytes) => ("text", place, bytes),
                Piece::Code(place, bytes) => ("code", place, bytes),
                Piece::Expression(place, bytes) => ("expression", place, bytes),
                Piece::Directive(place, bytes) => ("directive", place, bytes),
            };
            all.push(format!("{}:{} {kind} {:?}", place.line, place.column, std::str::from_utf8(bytes).unwrap()));
        }
        Ok(all)
    }

    #[test]
    fn pieces_know_their_places() {
        assert_eq!(
            pieces("a\n<%= x %>b<%\ny\n%><%@ z%>").unwrap(),
            [
                "1:0 text \"a\\n\"",
                "2:3 expression \" x \"",
                "2:8 text \"b\"",
                "2:11 code \"\\ny\\n\"",
                "4:5 directive \" z\"",
            ]
        );
    }

    #[test]
    fn a_remark_is_gone_whatever_it_holds() {
        assert_eq!(pieces("a<%-- <% %> <%= --%>b").unwrap(), ["1:0 text \"a\"", "1:20 text \"b\""]);
        assert_eq!(pieces("<%-x%>").unwrap(), ["1:2 code \"-x\""]);
    }

    #[test]
    fn a_tag_without_an_end_is_named_where_it_begins() {
        let place = |line, column| Place { line, column };
        assert_eq!(pieces("a\n <% x").unwrap_err(), (place(2, 1), Fault::Unterminated("%>")));
        assert_eq!(pieces("<%= x % >").unwrap_err(), (place(1, 0), Fault::Unterminated("%>")));
        assert_eq!(pieces("<%-- %>").unwrap_err(), (place(1, 0), Fault::Unterminated("--%>")));
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        assert_eq!(pieces("\u{feff}a").unwrap(), ["1:0 text \"a\""]);
    }
}
