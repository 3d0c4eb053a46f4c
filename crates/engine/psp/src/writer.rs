//! Python source text as it grows, and where each piece of it comes from.

use crate::lexer::Place;
use crate::translation::Segment;

/// Appends to the source text and keeps count of its lines and columns.
#[derive(Default)]
pub(crate) struct Writer {
    pub(crate) code: String,
    pub(crate) map: Vec<Segment>,
    line: u32,
    line_start: usize,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { line: 1, ..Self::default() }
    }

    /// Goes to the start of a line.
    pub(crate) fn fresh_line(&mut self) {
        if self.code.len() > self.line_start {
            self.line_break();
        }
    }

    pub(crate) fn line_break(&mut self) {
        self.code.push('\n');
        self.line += 1;
        self.line_start = self.code.len();
    }

    /// Appends text of our own; it must not hold a line break.
    pub(crate) fn push(&mut self, text: &str) {
        self.code.push_str(text);
    }

    /// Notes that what follows, up to the next note, stands for this place.
    pub(crate) fn stands_for(&mut self, file: u32, place: Place) {
        self.note(file, place, 0);
    }

    /// Appends text of the page, on one line, that stands at this place.
    pub(crate) fn copy(&mut self, text: &str, file: u32, place: Place) {
        self.note(file, place, text.len() as u32);
        self.code.push_str(text);
    }

    fn note(&mut self, file: u32, place: Place, length: u32) {
        let column = (self.code.len() - self.line_start) as u32;
        self.map.push(Segment {
            line: self.line,
            column,
            length,
            file,
            page_line: place.line,
            page_column: place.column,
        });
    }
}
