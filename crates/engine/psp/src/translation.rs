//! The translation itself: what the pieces of a page become in Python, and at which indentation.

use crate::error::{Failure, Fault, PageError};
use crate::lexer::{Lexer, Piece, Place};
use crate::writer::Writer;
use crate::{Included, literal};

/// How deep files may include files; a page that includes itself ends here.
const DEPTH: usize = 16;
/// How many includes a page may have in all; files that include two others each would otherwise grow without end.
const INCLUDES: usize = 1000;

/// A piece of the source text, on one line, and the place in a page that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The line in the source text, from 1.
    pub line: u32,
    /// Bytes before it in that line.
    pub column: u32,
    /// How many bytes of the page were copied; 0 where the text is ours and stands for the place.
    pub length: u32,
    /// Which of the [`Translation::files`].
    pub file: u32,
    /// The line in that file, from 1.
    pub page_line: u32,
    /// Bytes before it in that line.
    pub page_column: u32,
}

/// A page in Python.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The source text. It calls `req.write(str, 0)` for everything that the page shows.
    pub code: String,
    /// The page itself, then the included files in the order in which they were first named.
    pub files: Vec<String>,
    /// In the order of the source text.
    pub map: Vec<Segment>,
}

/// Translates a page. `open` finds included files by the name in the directive.
///
/// # Errors
/// [`Failure`]: the page is wrong, or an included file is not to be had.
pub fn translate<E>(
    path: &str,
    page: &[u8],
    open: &mut dyn FnMut(&str) -> Result<Included, E>,
) -> Result<Translation, Failure<E>> {
    let mut translator =
        Translator { writer: Writer::new(), files: vec![path.to_owned()], indent: String::new(), includes: 0, open };
    translator.file(0, page, 0)?;
    translator.writer.fresh_line();
    Ok(Translation { code: translator.writer.code, files: translator.files, map: translator.writer.map })
}

struct Translator<'o, E> {
    writer: Writer,
    files: Vec<String>,
    /// What stands before the next statement that is not the page's own: text is written inside of the block that the last
    /// code left open.
    indent: String,
    includes: usize,
    open: &'o mut dyn FnMut(&str) -> Result<Included, E>,
}

impl<E> Translator<'_, E> {
    fn file(&mut self, file: u32, bytes: &[u8], depth: usize) -> Result<(), Failure<E>> {
        let mut lexer = Lexer::new(bytes);
        loop {
            match lexer.next().map_err(|(place, fault)| self.wrong(file, place, fault))? {
                None => return Ok(()),
                Some(Piece::Text(place, text)) => self.text(file, place, text),
                Some(Piece::Code(place, code)) => self.code(file, place, code)?,
                Some(Piece::Expression(place, code)) => self.expression(file, place, code)?,
                Some(Piece::Directive(place, text)) => self.directive(file, place, text, depth)?,
            }
        }
    }

    fn text(&mut self, file: u32, place: Place, text: &[u8]) {
        self.statement(file, place);
        self.writer.push("req.write(");
        literal::push(&mut self.writer.code, text);
        self.writer.push(",0)");
    }

    fn expression(&mut self, file: u32, place: Place, code: &[u8]) -> Result<(), Failure<E>> {
        let code = self.source(file, place, code)?;
        if code.trim().is_empty() {
            return Err(self.wrong(file, place, Fault::EmptyExpression));
        }
        self.statement(file, place);
        self.writer.push("req.write(str(");
        for (index, (place, line)) in lines(place, code).enumerate() {
            if index > 0 {
                self.writer.line_break();
            }
            self.writer.copy(line, file, place);
        }
        self.writer.push("),0)");
        Ok(())
    }

    /// Code stands as it is, line for line. What decides about the block in which the page goes on is the indentation of the
    /// last line, be it a remark or nothing but blanks; a colon at the end opens one more.
    fn code(&mut self, file: u32, place: Place, code: &[u8]) -> Result<(), Failure<E>> {
        let code = self.source(file, place, code)?;
        let opens = opens_block(code);
        let mut lines = lines(place, code).peekable();
        let Some((place, first)) = lines.next() else { return Ok(()) };
        // On the line of `<%` itself an indentation means nothing: this code belongs to the block that is open.
        let statement = first.trim_start();
        let statement = if lines.peek().is_none() { statement.trim_end() } else { statement };
        if !statement.trim_end().is_empty() {
            self.statement(file, place);
            let column = place.column + (first.len() - first.trim_start().len()) as u32;
            self.writer.copy(statement, file, Place { column, ..place });
        }
        if lines.peek().is_none() {
            return if opens { Err(self.wrong(file, place, Fault::BlockOnOneLine)) } else { Ok(()) };
        }
        self.indent.clear();
        self.writer.fresh_line();
        while let Some((place, line)) = lines.next() {
            self.writer.copy(line, file, place);
            let is_last = lines.peek().is_none();
            if !is_last {
                self.writer.line_break();
            }
            // Nothing at all between the last line break and `%>` says nothing about the block.
            if !(is_last && line.is_empty()) {
                self.indent.clear();
                self.indent.push_str(indentation(line));
            }
        }
        if opens {
            self.indent.push('\t');
        }
        Ok(())
    }

    fn directive(&mut self, file: u32, place: Place, text: &[u8], depth: usize) -> Result<(), Failure<E>> {
        let text = self.source(file, place, text)?;
        let Some(name) = included_name(text) else {
            return Err(self.wrong(file, place, Fault::Directive));
        };
        self.includes += 1;
        if depth == DEPTH || self.includes > INCLUDES {
            return Err(self.wrong(file, place, Fault::TooManyIncludes));
        }
        let included = (self.open)(name).map_err(|cause| Failure::Include {
            path: self.files[file as usize].clone(),
            line: place.line,
            name: name.to_owned(),
            cause,
        })?;
        let known = self.files.iter().position(|path| *path == included.path);
        let index = known.unwrap_or_else(|| {
            self.files.push(included.path.clone());
            self.files.len() - 1
        });
        self.file(index as u32, &included.bytes, depth + 1)
    }

    /// Begins a statement in the open block.
    fn statement(&mut self, file: u32, place: Place) {
        self.writer.fresh_line();
        self.writer.code.push_str(&self.indent);
        self.writer.stands_for(file, place);
    }

    fn source<'a>(&self, file: u32, place: Place, code: &'a [u8]) -> Result<&'a str, Failure<E>> {
        let code = std::str::from_utf8(code).map_err(|_| self.wrong(file, place, Fault::Encoding))?;
        if code.contains('\0') {
            return Err(self.wrong(file, place, Fault::Nul));
        }
        Ok(code)
    }

    fn wrong(&self, file: u32, place: Place, fault: Fault) -> Failure<E> {
        Failure::Page(PageError {
            path: self.files[file as usize].clone(),
            line: place.line,
            column: place.column,
            fault,
        })
    }
}

/// The lines of a piece of code and where they stand. Python also takes a lone CR for a line break.
fn lines(place: Place, code: &str) -> impl Iterator<Item = (Place, &str)> {
    let (mut rest, mut place) = (Some(code), place);
    std::iter::from_fn(move || {
        let text = rest?;
        let here = place;
        let Some(end) = text.find(['\n', '\r']) else {
            rest = None;
            return Some((here, text));
        };
        let (line, after) = text.split_at(end);
        let length = if after.starts_with("\r\n") { 2 } else { 1 };
        place = if after[..length].ends_with('\n') {
            Place { line: here.line + 1, column: 0 }
        } else {
            Place { column: here.column + end as u32 + 1, ..here }
        };
        rest = Some(&after[length..]);
        Some((here, line))
    })
}

/// Whether the last line that says anything ends with a colon and is no remark.
fn opens_block(code: &str) -> bool {
    let last = code.split(['\n', '\r']).map(str::trim).rfind(|line| !line.is_empty());
    last.is_some_and(|line| line.ends_with(':') && !line.starts_with('#'))
}

/// The blanks before the first character.
fn indentation(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// The NAME of ` include file="NAME" `.
fn included_name(directive: &str) -> Option<&str> {
    let after_include = directive.trim().strip_prefix("include")?;
    let after_file =
        after_include.trim_start().strip_prefix("file").filter(|_| after_include.starts_with(char::is_whitespace))?;
    let quoted = after_file.trim_start().strip_prefix('=')?.trim_start();
    let name = quoted.strip_prefix('"')?.strip_suffix('"')?;
    (!name.is_empty() && !name.contains('"')).then_some(name)
}

#[cfg(test)]
mod tests;
