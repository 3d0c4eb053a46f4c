//! The environment of a CGI program: the variables of its request and an allow-list, nothing of the server's own.

use std::ffi::c_char;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use millau_gateway::{Request, meta_variables};

use crate::options::Options;
use crate::script::Script;

/// `NAME=value` for each variable, each with a NUL behind it.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    text: Vec<u8>,
    starts: Vec<usize>,
}

impl Environment {
    /// For a request of which `script` is the program (RFC 3875 §4.1). The border between script name and path info is set
    /// already.
    pub(crate) fn new(request: &Request, script: &Script, root: &Path, options: &Options) -> Self {
        let mut environment = Self::own(options);
        let own = &options.environment;
        let mut has_root = false;
        meta_variables::for_each(request, &mut |name, value| {
            has_root |= name == "DOCUMENT_ROOT";
            if is_admitted(name, value, options) && !own.iter().any(|(own, _)| own == name.as_bytes()) {
                environment.push(name.as_bytes(), value);
            }
        });
        let path = script.path.as_os_str().as_bytes();
        environment.push(b"SCRIPT_FILENAME", path);
        if !has_root {
            environment.push(b"DOCUMENT_ROOT", root.as_os_str().as_bytes());
        }
        // php-cgi refuses to run where this is missing: it wants to know that a server has started it.
        environment.push(b"REDIRECT_STATUS", b"200");
        let path_info = request.path_info();
        // RFC 3875 §4.1.6: only with PATH_INFO; and nobody shall be led out of the root by it.
        if !path_info.is_empty() && !path_info.split(|byte| *byte == b'/').any(|segment| segment == b"..") {
            environment.push(b"PATH_TRANSLATED", &[root.as_os_str().as_bytes(), path_info].concat());
        }
        environment
    }

    /// What every program has, whatever the request.
    pub(crate) fn own(options: &Options) -> Self {
        let mut environment = Self::default();
        for (name, value) in &options.environment {
            environment.push(name, value);
        }
        environment
    }

    /// What a warm interpreter starts with; none of it that is not a program's own reaches a program.
    pub(crate) fn of_interpreter(options: &Options) -> Self {
        let mut environment = Self::own(options);
        if options.debug {
            environment.push(b"MILLAU_CGI_DEBUG", b"1");
        }
        environment
    }

    /// Adds a variable; one that the system could not carry is left out.
    fn push(&mut self, name: &[u8], value: &[u8]) {
        if name.is_empty() || name.contains(&b'=') || name.contains(&0) || value.contains(&0) {
            return;
        }
        self.starts.push(self.text.len());
        self.text.extend_from_slice(name);
        self.text.push(b'=');
        self.text.extend_from_slice(value);
        self.text.push(0);
    }

    /// Every variable as (name, value).
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.text.split(|byte| *byte == 0).filter_map(|pair| {
            let end = pair.iter().position(|byte| *byte == b'=')?;
            Some((&pair[..end], &pair[end + 1..]))
        })
    }

    /// All of it: each variable with a NUL behind it.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// Pointers to each variable and a null pointer, as execve(2) wants them; good as long as `self` is not touched.
    pub fn pointers(&self) -> Vec<*const c_char> {
        let pointer = |start: &usize| self.text[*start..].as_ptr().cast::<c_char>();
        self.starts.iter().map(pointer).chain([std::ptr::null()]).collect()
    }
}

/// Decides about a variable of the request.
fn is_admitted(name: &str, value: &[u8], options: &Options) -> bool {
    match name {
        "HTTP_AUTHORIZATION" | "HTTP_PROXY_AUTHORIZATION" => options.pass_authorization,
        // Empty means absent (RFC 3875 §4.1), and programs ask whether it is there.
        "PATH_INFO" => !value.is_empty(),
        // The gateway makes no HTTP_PROXY; a front server's own variables get here too.
        "HTTP_PROXY" | "SCRIPT_FILENAME" | "PATH_TRANSLATED" | "REDIRECT_STATUS" => false,
        _ => !name.starts_with("LD_"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Mode;
    use crate::script::Identity;
    use std::collections::BTreeMap;

    fn variables(target: &str, fields: &[(&str, &str)], pass_authorization: bool) -> BTreeMap<String, String> {
        let mut request = Request::default();
        request.method.extend_from_slice(b"GET");
        request.set_target(target.as_bytes()).unwrap();
        request.set_script_name_length("/m/x.cgi".len());
        for (name, value) in fields {
            request.fields.push(name.as_bytes(), value.as_bytes());
        }
        let options = Options {
            mode: Mode::Auto,
            modes: Vec::new(),
            environment: vec![(b"PATH".to_vec(), b"/bin".to_vec()), (b"LANG".to_vec(), b"C".to_vec())],
            pass_authorization,
            follow_symlinks: false,
            debug: false,
            limits: crate::Limits::default(),
            warm_program: "".into(),
        };
        let identity = Identity::at(Path::new("/")).unwrap();
        let script = Script { path: "/srv/x.cgi".into(), name_length: 6, identity };
        let environment = Environment::new(&request, &script, Path::new("/srv"), &options);
        assert_eq!(environment.pointers().len(), environment.iter().count() + 1);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        environment.iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    #[test]
    fn only_the_request_and_the_allow_list_are_in_it() {
        let all = variables("/m/x.cgi?a=b", &[("Host", "h"), ("Proxy", "http://evil"), ("Accept", "*/*")], false);
        let names: Vec<_> = all.keys().map(String::as_str).collect();
        let expected = "DOCUMENT_ROOT GATEWAY_INTERFACE HTTP_ACCEPT HTTP_HOST LANG PATH QUERY_STRING REDIRECT_STATUS \
                        REMOTE_ADDR REQUEST_METHOD REQUEST_SCHEME REQUEST_URI SCRIPT_FILENAME SCRIPT_NAME SERVER_NAME \
                        SERVER_PORT SERVER_PROTOCOL SERVER_SOFTWARE";
        assert_eq!(names, expected.split(' ').collect::<Vec<_>>());
        assert_eq!((&*all["SCRIPT_NAME"], &*all["SCRIPT_FILENAME"]), ("/m/x.cgi", "/srv/x.cgi"));
    }

    #[test]
    fn the_path_is_translated_only_where_there_is_path_info() {
        let all = variables("/m/x.cgi/a%20b", &[], false);
        assert_eq!((&*all["PATH_INFO"], &*all["PATH_TRANSLATED"]), ("/a b", "/srv/a b"));
        let all = variables("/m/x.cgi/../../etc/passwd", &[], false);
        assert!(all.contains_key("PATH_INFO") && !all.contains_key("PATH_TRANSLATED"));
    }

    #[test]
    fn credentials_are_passed_only_where_that_is_wished() {
        let fields = [("Authorization", "Basic x"), ("Proxy-Authorization", "y")];
        assert!(!variables("/m/x.cgi", &fields, false).keys().any(|name| name.contains("AUTHORIZATION")));
        assert_eq!(variables("/m/x.cgi", &fields, true)["HTTP_AUTHORIZATION"], "Basic x");
    }

    #[test]
    fn a_value_with_a_nul_is_left_out() {
        let all = variables("/m/x.cgi/a%00b", &[], false);
        assert!(!all.contains_key("PATH_INFO"));
    }
}
