//! Variables that uWSGI takes as orders.

/// True for a variable that orders uWSGI to do something: to load a file (`UWSGI_FILE`, `UWSGI_SCRIPT`, `UWSGI_MODULE`),
/// to change its directory or its Python (`UWSGI_CHDIR`, `UWSGI_PYHOME`), to pick an application (`UWSGI_APPID`) and
/// the like. Whoever reaches the socket could run code with them, so the caller drops them: no application sees them.
///
/// Every name that begins with `UWSGI_` is one, also if nobody knows it yet, but for `UWSGI_SCHEME`, which names the
/// scheme of the client's URL.
///
/// ```
/// use millau_uwsgi::is_instruction;
/// assert!(is_instruction(b"UWSGI_FILE") && !is_instruction(b"UWSGI_SCHEME") && !is_instruction(b"HTTP_UWSGI_FILE"));
/// ```
pub fn is_instruction(name: &[u8]) -> bool {
    name.starts_with(b"UWSGI_") && name != b"UWSGI_SCHEME"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_loads_code_is_an_instruction() {
        for name in ["FILE", "SCRIPT", "MODULE", "CALLABLE", "PYHOME", "CHDIR", "APPID", "SETENV", "TOUCH_RELOAD", ""] {
            assert!(is_instruction(format!("UWSGI_{name}").as_bytes()), "{name}");
        }
        for name in ["SCRIPT_NAME", "UWSGI_SCHEME", "UWSGI", "PATH_INFO", "HTTP_UWSGI_FILE"] {
            assert!(!is_instruction(name.as_bytes()), "{name}");
        }
    }
}
