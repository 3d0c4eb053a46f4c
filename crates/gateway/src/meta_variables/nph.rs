//! Whether the output of a CGI program is parsed by the server or goes to the client as it is (RFC 3875 §5).

/// Whether these are the variables of a program whose name begins with `nph-`: it writes a whole HTTP response.
///
/// The name is that of the file, which an alias need not show in the path. Where the server does not tell it, the path counts.
pub fn is_nph<'a>(variables: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> bool {
    let (mut file, mut path) = (None, None);
    for (name, value) in variables {
        match name {
            b"SCRIPT_FILENAME" => file = file.or(Some(value)),
            b"SCRIPT_NAME" => path = path.or(Some(value)),
            _ => {}
        }
    }
    let named = file.filter(|file| !file.is_empty()).or(path).unwrap_or_default();
    named.rsplit(|byte| *byte == b'/').next().is_some_and(|name| name.starts_with(b"nph-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(variables: &[(&str, &str)]) -> bool {
        is_nph(variables.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
    }

    #[test]
    fn the_file_s_name_decides_and_the_path_where_there_is_none() {
        let (file, path) = ("SCRIPT_FILENAME", "SCRIPT_NAME");
        assert!(decided(&[(file, "/srv/nph-a.cgi"), (path, "/a")]));
        assert!(!decided(&[(file, "/srv/a.cgi"), (path, "/nph-a")]));
        assert!(decided(&[(path, "/cgi-bin/nph-a.cgi")]));
        assert!(decided(&[(file, ""), (path, "nph-a.cgi")]));
        assert!(!decided(&[(path, "/nph-a/b.cgi")]));
        assert!(!decided(&[("HTTP_X", "nph-a"), ("PATH_INFO", "/nph-a")]));
        assert!(!decided(&[]));
    }
}
