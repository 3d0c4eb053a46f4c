//! A name for what belongs to one mount: an upstream, a socket.

use std::fmt::Write as _;

/// Another one for each mount, so that the configurations of several stand side by side.
pub(crate) fn mount_name(mount: &str) -> String {
    let mut out = String::from("millau");
    for c in mount.chars() {
        match c {
            '/' => out.push('_'),
            c if c.is_ascii_alphanumeric() => out.push(c),
            c => {
                let _ = write!(out, "-{:x}-", u32::from(c));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_mounts_have_one_name() {
        assert_eq!(mount_name(""), "millau");
        assert_eq!(mount_name("/a/b"), "millau_a_b");
        let mounts = ["/a/b", "/a_b", "/a.b", "/a-b", "/a-2e-b", "/a"];
        let names: std::collections::HashSet<_> = mounts.map(mount_name).into();
        assert_eq!(names.len(), mounts.len());
    }
}
