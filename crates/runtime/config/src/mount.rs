//! An application at a path prefix: `/path=TARGET`.

/// One application and the path below which it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Starts with `/` and does not end with one; empty at the root. Compared with the decoded path.
    pub prefix: String,
    /// What to serve there, in the words of TARGET.
    pub target: String,
}

impl std::str::FromStr for Mount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((path, target)) = text.split_once('=') else {
            return Err("a mount is /path=TARGET, for instance /shop=shop.wsgi".to_owned());
        };
        if target.is_empty() {
            return Err(format!("no target after '{path}=': a mount is /path=TARGET"));
        }
        if !path.starts_with('/') {
            return Err(format!("the path must start with '/': write /{path}={target}"));
        }
        Ok(Self { prefix: prefix(path)?, target: target.to_owned() })
    }
}

/// The path of a mount or of a directory: decoded, without its last slash, empty at the root.
pub(crate) fn prefix(path: &str) -> Result<String, String> {
    if !path.starts_with('/') {
        return Err(format!("the path must start with '/': write /{path}"));
    }
    if let Some(odd) = path.chars().find(|c| matches!(c, '?' | '#' | '%') || c.is_control()) {
        return Err(format!("'{}' cannot be part of a path prefix: write the decoded path", odd.escape_default()));
    }
    let prefix = path.strip_suffix('/').unwrap_or(path);
    if prefix.split('/').skip(1).any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(format!(
            "the path '{path}' has an empty, '.' or '..' segment: clients resolve those before they ask"
        ));
    }
    Ok(prefix.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<(String, String), String> {
        text.parse::<Mount>().map(|mount| (mount.prefix, mount.target))
    }

    #[test]
    fn a_prefix_loses_its_last_slash_and_the_root_is_empty() {
        assert_eq!(parsed("/a/b=m:app"), Ok(("/a/b".into(), "m:app".into())));
        assert_eq!(parsed("/a/=m"), Ok(("/a".into(), "m".into())));
        assert_eq!(parsed("/=m"), Ok((String::new(), "m".into())));
        assert_eq!(parsed("/ä=paste:a=b.ini"), Ok(("/ä".into(), "paste:a=b.ini".into())));
    }

    #[test]
    fn says_what_a_mount_is() {
        for (text, message) in [
            ("shop.wsgi", "a mount is /path=TARGET, for instance /shop=shop.wsgi"),
            ("/shop=", "no target after '/shop=': a mount is /path=TARGET"),
            ("shop=m", "the path must start with '/': write /shop=m"),
            ("=m", "the path must start with '/': write /=m"),
            ("/a?b=m", "'?' cannot be part of a path prefix: write the decoded path"),
            ("/a%20b=m", "'%' cannot be part of a path prefix: write the decoded path"),
            ("/a\n=m", "'\\n' cannot be part of a path prefix: write the decoded path"),
            ("//=m", "the path '//' has an empty, '.' or '..' segment: clients resolve those before they ask"),
            (
                "/a/../b=m",
                "the path '/a/../b' has an empty, '.' or '..' segment: clients resolve those before they ask",
            ),
        ] {
            assert_eq!(parsed(text), Err(message.to_owned()), "{text}");
        }
    }
}
