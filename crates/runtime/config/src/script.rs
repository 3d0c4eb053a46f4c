//! Scripts: files whose first line names Millau as their interpreter and whose other lines are the rest of its command
//! line. The kernel then calls `millau cgi SCRIPT`, say, and what the script says stands in SCRIPT's place.
//!
//! ```text
//! #!/srv/venv/bin/millau cgi
//! # The shop
//! shop.wsgi --pythonpath "/srv/shop/lib" --limit-body-size 20M
//! ```

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use crate::UsageError;

/// True when a file that begins like this is a script. So is every file that the kernel can have started with us as its
/// interpreter; a Python file that names another interpreter is a target like any other.
pub fn is_script(path: &Path, beginning: &[u8]) -> bool {
    let Some(line) = beginning.strip_prefix(b"#!") else { return false };
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let names_millau = || {
        let words = line.split(|byte| byte.is_ascii_whitespace());
        words.filter_map(|word| word.rsplit(|byte| *byte == b'/').next()).any(|name| name.starts_with(b"millau"))
    };
    path.extension().is_none_or(|extension| extension != "py") || names_millau()
}

/// The words of a script: all lines but the first and those that begin with `#`, split at blanks. Quotes, single or double,
/// keep blanks in a word; nothing else is special.
///
/// # Errors
/// A quote that is not closed in its line, or no word at all.
pub fn script_words(text: &[u8]) -> Result<Vec<OsString>, UsageError> {
    let mut words = Vec::new();
    let lines = text.split(|byte| *byte == b'\n').enumerate().skip(1);
    for (index, line) in lines.filter(|(_, line)| !line.trim_ascii_start().starts_with(b"#")) {
        let mut word: Option<Vec<u8>> = None;
        let mut quote = None;
        for byte in line.iter().copied() {
            match quote {
                Some(open) if byte == open => quote = None,
                None if byte == b'"' || byte == b'\'' => {
                    quote = Some(byte);
                    word.get_or_insert_default();
                }
                None if byte.is_ascii_whitespace() => words.extend(word.take()),
                _ => word.get_or_insert_default().push(byte),
            }
        }
        if quote.is_some() {
            return Err(UsageError::new(format!("line {} of the script has a quote that is not closed", index + 1)));
        }
        words.extend(word);
    }
    if words.is_empty() {
        return Err(UsageError::new(
            "the script names no application: write its TARGET, mysite.wsgi say, in the line below '#!'",
        ));
    }
    Ok(words.into_iter().map(OsString::from_vec).collect())
}

/// A word as a script has to quote it; `None` where it cannot be written.
pub fn quoted_word(word: &str) -> Option<String> {
    let is_plain = |c: char| !c.is_whitespace() && c != '"' && c != '\'';
    if word.contains('\n') {
        None
    } else if !word.is_empty() && !word.starts_with('#') && word.chars().all(is_plain) {
        Some(word.to_owned())
    } else {
        let quote = ['"', '\''].into_iter().find(|quote| !word.contains(*quote))?;
        Some(format!("{quote}{word}{quote}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Vec<String>, String> {
        let words = script_words(text.as_bytes()).map_err(|error| error.to_string())?;
        Ok(words.into_iter().map(|word| word.into_string().unwrap()).collect())
    }

    #[test]
    fn the_lines_below_the_first_are_the_words() {
        let text =
            "#!/venv/bin/millau cgi\n# a comment\n\n  mysite.wsgi\t--debug\r\n --pythonpath \"a b\"'c\"d' # e\n#x\n''";
        assert_eq!(words(text).unwrap(), ["mysite.wsgi", "--debug", "--pythonpath", "a bc\"d", "#", "e", ""]);
    }

    #[test]
    fn a_script_without_words_or_with_an_open_quote_is_refused() {
        for text in ["", "#!/venv/bin/millau cgi", "#!/venv/bin/millau cgi\n\n# x\n"] {
            assert!(words(text).unwrap_err().contains("names no application"), "{text:?}");
        }
        assert!(words("#!x\n\na 'b\nc'").unwrap_err().contains("line 3 "));
    }

    #[test]
    fn a_python_file_is_a_script_only_if_it_names_us() {
        let is_script = |path: &str, text: &str| super::is_script(Path::new(path), text.as_bytes());
        assert!(is_script("/cgi-bin/site.cgi", "#!/srv/venv/bin/millau cgi\nx"));
        assert!(is_script("site.cgi", "#!/usr/local/bin/bridge cgi\nx"));
        assert!(is_script("site.py", "#!/usr/bin/env -S millau-relay --x\n"));
        assert!(!is_script("site.py", "#!/srv/millau/bin/python3\nmillau\n"));
        assert!(!is_script("site.py", "import os\n"));
        assert!(!is_script("site.ini", "[app:main]\n"));
    }

    #[test]
    fn what_is_quoted_is_read_back() {
        for word in ["a", "a b", "", "#a", "it's", "say \"x\"", "\t"] {
            let text = format!("#!x\nm\n{}", quoted_word(word).unwrap());
            assert_eq!(words(&text).unwrap(), ["m", word], "{word:?}");
        }
        assert_eq!((quoted_word("'\""), quoted_word("a\nb")), (None, None));
    }
}
