//! The media types of a site's files, for whole configurations: without one a browser refuses a style sheet. Parts leave
//! them to the server's own table.

/// By the ends of file names.
pub(crate) const MEDIA_TYPES: [(&str, &str); 12] = [
    ("html", "text/html"),
    ("css", "text/css"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("txt", "text/plain"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("ico", "image/vnd.microsoft.icon"),
    ("woff2", "font/woff2"),
];

/// Each in the form of a front server.
pub(crate) fn each(form: impl FnMut(&(&'static str, &'static str)) -> String) -> String {
    MEDIA_TYPES.iter().map(form).collect()
}
