//! The Content-Type of a file, by its suffix.

/// What a browser may be told about a file of this name. Text is taken to be UTF-8.
pub(crate) fn of(path: &[u8]) -> String {
    let name = String::from_utf8_lossy(path);
    let Some(media_type) = mime_guess::from_path(name.as_ref()).first() else {
        return "application/octet-stream".to_owned();
    };
    let essence = media_type.essence_str();
    // JSON (RFC 8259) and XML say their encoding themselves; a charset parameter would only be one more that could be wrong.
    if essence.starts_with("text/") || essence == "application/javascript" {
        format!("{essence}; charset=utf-8")
    } else {
        essence.to_owned()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_has_a_charset_and_the_unknown_is_a_stream_of_bytes() {
        for (name, expected) in [
            ("a.html", "text/html; charset=utf-8"),
            ("a.b/c.CSS", "text/css; charset=utf-8"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.json", "application/json"),
            ("a.svg", "image/svg+xml"),
            ("a.png", "image/png"),
            ("a.woff2", "font/woff2"),
            ("a.tar.gz", "application/gzip"),
            ("a.surely-unknown", "application/octet-stream"),
            ("README", "application/octet-stream"),
        ] {
            assert_eq!(super::of(name.as_bytes()), expected, "{name}");
        }
    }
}
