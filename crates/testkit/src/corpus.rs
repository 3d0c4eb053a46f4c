//! The files of `tests/wire`: bytes, and beside them in JSON what is to become of them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// One case.
pub struct File<E> {
    /// The file's name, without its extension.
    pub name: String,
    /// What is on the wire.
    pub bytes: Vec<u8>,
    /// Why it is in the corpus, in a sentence.
    pub why: String,
    /// What else the JSON says.
    pub expected: E,
}

/// The files of one folder of `tests/wire`, by name. Each has its `.json`, and the other way round; that says `why` and
/// names a `source` besides what is expected.
///
/// # Panics
/// If a file is without its other half, if what is expected is not of this form, and if there are fewer than `at_least`: a
/// corpus that is not found must not pass.
pub fn files<E: DeserializeOwned>(folder: &str, extension: &str, at_least: usize) -> Vec<File<E>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/wire").join(folder);
    let mut found: BTreeMap<String, [Option<Vec<u8>>; 2]> = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let index = match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => 1,
            Some(other) if other == extension => 0,
            _ => panic!("{}: neither .{extension} nor .json", path.display()),
        };
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        found.entry(name).or_default()[index] = Some(std::fs::read(&path).unwrap());
    }
    assert!(found.len() >= at_least, "only {} files in {}", found.len(), folder.display());
    let files = found.into_iter().map(|(name, parts)| {
        let [Some(bytes), Some(json)] = parts else { panic!("{name}: .{extension} and .json belong together") };
        let mut said: Map<String, Value> =
            serde_json::from_slice(&json).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut sentence = |key: &str| match said.remove(key) {
            Some(Value::String(text)) if !text.is_empty() => text,
            _ => panic!("{name}: it does not say '{key}'"),
        };
        let (why, _) = (sentence("why"), sentence("source"));
        let expected = serde_json::from_value(Value::Object(said)).unwrap_or_else(|error| panic!("{name}: {error}"));
        File { name, bytes, why, expected }
    });
    files.collect()
}

/// The bytes that a text of the JSON stands for: one character is one byte.
///
/// # Panics
/// For a character beyond U+00FF.
pub fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(character).unwrap()).collect()
}

/// The same for pairs of name and value.
///
/// # Panics
/// As [`bytes`] does.
pub fn byte_pairs(pairs: &[(String, String)]) -> Vec<(Vec<u8>, Vec<u8>)> {
    pairs.iter().map(|(name, value)| (bytes(name), bytes(value))).collect()
}

/// The name of a variant in its `Debug` form, without what it holds.
pub fn variant(debug: &str) -> &str {
    debug.split(|character: char| !character.is_alphanumeric()).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_character_is_one_byte() {
        assert_eq!(bytes("a\u{ff}\u{0}"), b"a\xff\0");
        assert_eq!(variant("TooLong { length: 5 }"), "TooLong");
    }

    #[test]
    fn a_corpus_that_is_too_small_fails() {
        assert!(std::panic::catch_unwind(|| files::<Value>("scgi/valid", "scgi", 1_000_000)).is_err());
        assert!(!files::<Value>("scgi/valid", "scgi", 1).is_empty());
    }
}
