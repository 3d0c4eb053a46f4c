//! Field lines in the order in which they were received or are to be sent.

use std::fmt;

/// An ordered list of (name, value) pairs; a name may occur more than once and compares without case (RFC 9110 §5.1).
///
/// All text lives in one buffer, so that a `Fields` that is cleared and filled again allocates nothing.
///
/// ```
/// let mut fields = millau_gateway::Fields::default();
/// fields.push(b"Accept", b"text/html");
/// assert_eq!(fields.get(b"accept"), Some(&b"text/html"[..]));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields {
    text: Vec<u8>,
    entries: Vec<Entry>,
}

/// Where one pair lies in the text: the value follows its name directly.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry {
    start: u32,
    name_length: u32,
    value_length: u32,
}

impl Fields {
    /// Adds a pair at the end. The caller has checked that the name is a token and the value clean of CR, LF and NUL.
    ///
    /// # Panics
    /// If the text grows past 4 GiB; every front limits its heads far below.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let start = u32::try_from(self.text.len()).unwrap_or_else(|_| panic!("field text of more than 4 GiB"));
        self.text.extend_from_slice(name);
        self.text.extend_from_slice(value);
        self.entries.push(Entry { start, name_length: name.len() as u32, value_length: value.len() as u32 });
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
            .filter(move |entry| entry.name_length as usize == name.len())
            .map(|entry| self.pair(*entry))
            .filter(move |(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Takes every pair of that name out.
    pub fn remove(&mut self, name: &[u8]) {
        let text = &self.text;
        self.entries.retain(|entry| {
            let start = entry.start as usize;
            !text[start..start + entry.name_length as usize].eq_ignore_ascii_case(name)
        });
    }

    /// Bytes of memory that are kept even when cleared.
    pub fn capacity(&self) -> usize {
        self.text.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    fn pair(&self, entry: Entry) -> (&[u8], &[u8]) {
        let start = entry.start as usize;
        let middle = start + entry.name_length as usize;
        (&self.text[start..middle], &self.text[middle..middle + entry.value_length as usize])
    }
}

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
