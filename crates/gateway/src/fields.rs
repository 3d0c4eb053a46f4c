//! Field lines in the order in which they were received or are to be sent.

use std::fmt;
use std::ops::Range;

/// An ordered list of (name, value) pairs; a name may occur more than once and compares without case (RFC 9110 §5.1).
///
/// All text lives in one buffer, so that a `Fields` that is cleared and filled again allocates nothing. A front that has
/// the text of all its fields in one piece copies it once, see [`Fields::hold`].
///
/// ```
/// let mut fields = millau_gateway::Fields::default();
/// fields.push(b"Accept", b"text/html");
/// assert_eq!(fields.get(b"accept"), Some(&b"text/html"[..]));
/// ```
#[derive(Clone, Default)]
pub struct Fields {
    text: Vec<u8>,
    entries: Vec<Entry>,
}

/// Where one pair lies in the text.
#[derive(Clone, Copy)]
struct Entry {
    name: Place,
    value: Place,
}

#[derive(Clone, Copy)]
struct Place {
    start: u32,
    length: u32,
}

impl Place {
    fn of(range: Range<usize>) -> Self {
        Self { start: range.start as u32, length: range.len() as u32 }
    }

    fn in_text(self, text: &[u8]) -> &[u8] {
        &text[self.start as usize..][..self.length as usize]
    }
}

impl Fields {
    /// Adds a pair at the end. The caller has checked that the name is a token and the value clean of CR, LF and NUL.
    ///
    /// # Panics
    /// If the text grows past 4 GiB; every front limits its heads far below.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let start = self.text.len();
        let (middle, end) = (start + name.len(), start + name.len() + value.len());
        assert!(u32::try_from(end).is_ok(), "field text of more than 4 GiB");
        self.text.extend_from_slice(name);
        self.text.extend_from_slice(value);
        self.entries.push(Entry { name: Place::of(start..middle), value: Place::of(middle..end) });
    }

    /// Like [`Fields::push`] with a name that `change` makes from each byte of `name`.
    ///
    /// # Panics
    /// As [`Fields::push`].
    pub fn push_as(&mut self, name: &[u8], change: impl Fn(u8) -> u8, value: &[u8]) {
        let start = self.text.len();
        self.push(name, value);
        for byte in &mut self.text[start..start + name.len()] {
            *byte = change(*byte);
        }
    }

    /// Copies `text`, of which [`Fields::push_held`] then names the parts. Whatever was in here before is forgotten.
    ///
    /// # Panics
    /// If the text is longer than 4 GiB; every front limits its heads far below.
    ///
    /// ```
    /// let mut fields = millau_gateway::Fields::default();
    /// fields.hold(b"Accept: text/html\r\n");
    /// fields.push_held(0..6, 8..17);
    /// assert_eq!(fields.get(b"accept"), Some(&b"text/html"[..]));
    /// ```
    pub fn hold(&mut self, text: &[u8]) {
        assert!(u32::try_from(text.len()).is_ok(), "field text of more than 4 GiB");
        self.clear();
        self.text.extend_from_slice(text);
    }

    /// Adds the pair whose name and value lie there in the text of the last [`Fields::hold`]. The caller has checked them
    /// as for [`Fields::push`].
    pub fn push_held(&mut self, name: Range<usize>, value: Range<usize>) {
        debug_assert!(name.end.max(value.end) <= self.text.len(), "outside of the text");
        self.entries.push(Entry { name: Place::of(name), value: Place::of(value) });
    }

    /// Forgets all pairs and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when there is no pair.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All pairs in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries.iter().map(|entry| self.pair(*entry))
    }

    /// The first value of that name.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All values of that name in order.
    pub fn get_all<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.entries
            .iter()
            .filter(move |entry| entry.name.length as usize == name.len())
            .map(|entry| self.pair(*entry))
            .filter(move |(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Takes every pair of that name out.
    pub fn remove(&mut self, name: &[u8]) {
        let text = &self.text;
        self.entries.retain(|entry| !entry.name.in_text(text).eq_ignore_ascii_case(name));
    }

    /// Bytes of memory that are kept even when cleared.
    pub fn capacity(&self) -> usize {
        self.text.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    fn pair(&self, entry: Entry) -> (&[u8], &[u8]) {
        (entry.name.in_text(&self.text), entry.value.in_text(&self.text))
    }
}

/// The same pairs in the same order.
impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Fields {}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        f.debug_map().entries(self.iter().map(|(name, value)| (text(name), text(value)))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_equal_however_their_text_is_kept() {
        let mut held = Fields::default();
        held.push(b"gone", b"when a text is held");
        held.hold(b"A: 1, B:");
        held.push_held(0..1, 3..4);
        held.push_held(6..7, 0..0);
        held.push(b"C", b"3");
        let mut pushed = Fields::default();
        [(&b"A"[..], &b"1"[..]), (b"B", b""), (b"C", b"3")].iter().for_each(|(name, value)| pushed.push(name, value));
        assert_eq!(held, pushed);
        pushed.push(b"D", b"4");
        assert_ne!(held, pushed);
    }

    #[test]
    fn a_name_is_changed_on_its_way_and_nothing_else() {
        let mut fields = Fields::default();
        fields.push(b"AB", b"CD");
        fields.push_as(b"A_B", |byte| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }, b"A_B");
        assert_eq!(fields.iter().collect::<Vec<_>>(), [(&b"AB"[..], &b"CD"[..]), (b"a-b", b"A_B")]);
    }

    #[test]
    fn keeps_order_and_ignores_case() {
        let mut fields = Fields::default();
        fields.push(b"Set-Cookie", b"a=1");
        fields.push(b"X", b"");
        fields.push(b"set-cookie", b"b=2");
        assert_eq!(fields.get_all(b"SET-COOKIE").collect::<Vec<_>>(), [b"a=1", b"b=2"]);
        assert_eq!(fields.get(b"x"), Some(&b""[..]));
        fields.remove(b"set-Cookie");
        assert_eq!(fields.iter().collect::<Vec<_>>(), [(&b"X"[..], &b""[..])]);
        fields.clear();
        assert!(fields.is_empty() && fields.capacity() > 0);
    }
}
