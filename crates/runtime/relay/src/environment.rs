//! The variables that the relay was started with: the request, and what any process has.

use alloc::vec::Vec;

use crate::text::file_name;

/// All of them, as `NAME=value`.
pub(crate) struct Environment {
    variables: Vec<&'static [u8]>,
}

impl Environment {
    pub(crate) fn new(variables: Vec<&'static [u8]>) -> Self {
        Self { variables }
    }

    /// As they came.
    pub(crate) fn all(&self) -> &[&'static [u8]] {
        &self.variables
    }

    /// Names and values. What is no variable (there is no `=`, or nothing before it) is left out.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&'static [u8], &'static [u8])> {
        self.variables.iter().filter_map(|variable| {
            let equals = variable.iter().position(|byte| *byte == b'=').filter(|position| *position > 0)?;
            Some((&variable[..equals], &variable[equals + 1..]))
        })
    }

    /// The value; of a variable that is there twice the first counts, as getenv(3) has it.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&'static [u8]> {
        self.pairs().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// True for a program whose name begins with `nph-`, of which the web server sends on what it writes as it is: that of its
    /// file, or where that is not told, of its path (RFC 3875 §5).
    pub(crate) fn is_nph(&self) -> bool {
        let named = self.get(b"SCRIPT_FILENAME").filter(|file| !file.is_empty());
        file_name(named.or_else(|| self.get(b"SCRIPT_NAME")).unwrap_or_default()).starts_with(b"nph-")
    }
}

/// True for what is in the environment of any process, so that it says nothing of the request. The list is the gateway's
/// (`millau_gateway::meta_variables::is_process_variable`), which the relay cannot link.
pub(crate) fn is_process_variable(name: &[u8]) -> bool {
    const NAMES: &[&[u8]] = &[
        b"PATH",
        b"HOME",
        b"USER",
        b"LOGNAME",
        b"SHELL",
        b"LANG",
        b"LANGUAGE",
        b"TZ",
        b"TMPDIR",
        b"PWD",
        b"OLDPWD",
        b"SHLVL",
        b"_",
        b"VIRTUAL_ENV",
        b"XDG_RUNTIME_DIR",
    ];
    const PREFIXES: &[&[u8]] = &[b"LC_", b"LD_", b"PYTHON", b"MILLAU_"];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_variable_is_left_out_and_the_first_of_two_counts() {
        let environment = Environment::new(vec![b"A=1", b"nothing", b"=x", b"", b"B==", b"A=2"]);
        let pairs: Vec<_> = environment.pairs().collect();
        assert_eq!(pairs, [(&b"A"[..], &b"1"[..]), (b"B", b"="), (b"A", b"2")]);
        assert_eq!((environment.get(b"A"), environment.get(b"C")), (Some(&b"1"[..]), None));
    }

    #[test]
    fn the_gateway_has_the_same_word_on_nph() {
        let cases: [&[&[u8]]; 5] = [
            &[b"SCRIPT_FILENAME=/srv/nph-a.cgi", b"SCRIPT_NAME=/a"],
            &[b"SCRIPT_FILENAME=/srv/a.cgi", b"SCRIPT_NAME=/nph-a"],
            &[b"SCRIPT_FILENAME=", b"SCRIPT_NAME=nph-a.cgi"],
            &[b"SCRIPT_NAME=/nph-a/b.cgi"],
            &[],
        ];
        for case in cases {
            let environment = Environment::new(case.to_vec());
            let theirs = millau_gateway::meta_variables::is_nph(environment.pairs());
            assert_eq!(environment.is_nph(), theirs, "{case:?}");
        }
    }

    #[test]
    fn the_gateway_has_the_same_list() {
        let words = include_str!("../../../gateway/src/meta_variables/fill.rs");
        let words = words.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let mut both = 0;
        for name in words.flat_map(|word| [word.to_owned(), format!("{word}X"), format!("X{word}")]) {
            let theirs = millau_gateway::meta_variables::is_process_variable(name.as_bytes());
            assert_eq!(is_process_variable(name.as_bytes()), theirs, "{name}");
            both += usize::from(theirs);
        }
        assert!(both > 19);
    }
}
