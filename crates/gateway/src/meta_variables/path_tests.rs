//! What the front servers really send, one row for each way to set them up, and what it must mean.

use super::*;

#[test]
fn heads_and_tails_compare_with_merged_slashes_and_whole_segments() {
    assert_eq!(after(b"//m///x", b"/m"), Some(&b"///x"[..]));
    assert_eq!(after(b"/mx", b"/m"), None);
    assert_eq!(after(b"/m", b"/m"), Some(&b""[..]));
    assert_eq!(before(b"/m//x", b"/x"), Some(2));
    assert_eq!(before(b"/m/xx", b"/x"), None);
    assert_eq!(before(b"/x", b"/x"), Some(0));
    assert_eq!(before(b"/m/x", b"x"), None);
}

#[test]
fn what_is_agreed_is_what_would_be_settled() {
    let mut paths = vec![String::new()];
    for length in 0..4 {
        let longest: Vec<String> = paths.iter().filter(|path| path.len() == length).cloned().collect();
        paths.extend(longest.iter().flat_map(|path| ["/", ".", "a"].map(|next| format!("{path}{next}"))));
    }
    let mut agreements = 0;
    for script_name in &paths {
        for path_info in &paths {
            let asked = format!("{script_name}{path_info}");
            let (script_name, path_info) = (Some(script_name.as_bytes()), Some(path_info.as_bytes()));
            for (is_program, is_iis) in [(false, false), (true, false), (false, true)] {
                let told = Told { script_name, path_info, is_program, is_iis, ..Told::default() };
                let Some(border) = agreed(&told, asked.as_bytes()) else { continue };
                let expected = Settled { path: asked.clone().into(), script_name_length: border, is_inferred: false };
                assert_eq!(settle(&told, Some(asked.as_bytes())), expected, "{told:?}");
                agreements += 1;
            }
        }
    }
    assert!(agreements > 500, "{agreements}");
}

#[test]
fn most_requests_are_agreed_about() {
    let told = |script_name: &'static str, path_info: &'static str| Told {
        script_name: Some(script_name.as_bytes()),
        path_info: Some(path_info.as_bytes()),
        ..Told::default()
    };
    assert_eq!(agreed(&told("", "/a b//c"), b"/a b//c"), Some(0));
    assert_eq!(agreed(&told("/m", "/a"), b"/m/a"), Some(2));
    for (script_name, path_info, asked) in
        [("/m", "/a", "/m/b"), ("/m/", "/a", "/m//a"), ("/m", "", "/m"), ("", "/a", "/./a"), ("/m", "/a", "/a")]
    {
        assert_eq!(agreed(&told(script_name, path_info), asked.as_bytes()), None, "{script_name} {path_info}");
    }
}

/// A front server's words, then SCRIPT_NAME and PATH_INFO as they must be.
struct Row {
    front: &'static str,
    asked: &'static str,
    told: Told<'static>,
    settled: (&'static str, &'static str),
}

fn row(
    front: &'static str,
    asked: &'static str,
    said: &[(&str, &'static str)],
    settled: (&'static str, &'static str),
) -> Row {
    let mut told = Told::default();
    for (name, value) in said {
        let value = Some(value.as_bytes());
        match *name {
            "S" => told.script_name = value,
            "P" => told.path_info = value,
            "D" => told.document_uri = value,
            "F" => told.script_filename = value,
            "R" => told.rewritten_from = value,
            "I" => told.is_iis = true,
            _ => panic!("{name}"),
        }
    }
    Row { front, asked, told, settled }
}

const URL: &str = "/m/a%20b/c//d;e/%C3%A9/../x";
const WHOLE: (&str, &str) = ("", "/m/a b/c//d;e/x");
const BELOW: (&str, &str) = ("/m", "/a b/c//d;e/x");

fn rows() -> Vec<Row> {
    let merged = "/m/a b/c/d;e/x";
    let rest = "/a b/c/d;e/x";
    vec![
        // Apache, fcgi://
        row("ProxyPass fcgi", URL, &[("S", merged), ("F", "proxy:fcgi://h:1/m/a%20b/c/d;e/x")], WHOLE),
        row("ProxyPass fcgi, stripped", URL, &[("S", merged), ("F", "proxy:fcgi://h:1/a%20b/c/d;e/x")], WHOLE),
        row("ProxyPass fcgi, the mount", "/m", &[("S", "/m"), ("F", "proxy:fcgi://h:1/m")], ("", "/m")),
        row("ProxyPass fcgi, the root", "/", &[("S", "/"), ("F", "proxy:fcgi://h:1/")], ("", "/")),
        row("ProxyPass fcgi GENERIC", URL, &[("S", merged), ("F", "/a%20b/c/d;e/x")], WHOLE),
        row("ProxyPass fcgi GENERIC, not stripped", URL, &[("S", merged), ("F", "/m/a%20b/c/d;e/x")], WHOLE),
        row("ProxyPass fcgi GENERIC, the mount", "/m", &[("S", "/m"), ("F", "/")], ("", "/m")),
        row(
            "ProxyPass fcgi, SCRIPT_NAME set and PATH_INFO cut from REQUEST_URI",
            URL,
            &[("S", "/m"), ("P", "/a%20b/c//d;e/%C3%A9/../x"), ("F", "proxy:fcgi://h:1/a%20b/c/d;e/x")],
            BELOW,
        ),
        row(
            "ProxyPassMatch fcgi, pathinfo=unescape",
            "/m/t.php/a%20b",
            &[("S", "/m"), ("P", "/docroot/t.php/a b"), ("F", "proxy:fcgi://h:1/docroot/t.php")],
            ("/m", "/t.php/a b"),
        ),
        row(
            "SetHandler proxy:fcgi",
            "/m/t.php/a%20b/x",
            &[("S", "/m/t.php"), ("P", "/a b/x"), ("F", "proxy:fcgi://h:1//srv/t.php")],
            ("/m/t.php", "/a b/x"),
        ),
        row(
            "AllowEncodedSlashes NoDecode",
            "/m/a%2Fb%20c",
            &[("S", "/m/a%2Fb c"), ("F", "proxy:fcgi://h:1/m/a%2Fb%20c")],
            ("", "/m/a/b c"),
        ),
        row(
            "AllowEncodedSlashes NoDecode, mod_cgid",
            "/m/a%2Fb%20c",
            &[("S", "/m"), ("P", "/a%2Fb c"), ("F", "/srv/app.py")],
            ("/m", "/a/b c"),
        ),
        // Apache, scgi:// and uwsgi://
        row("ProxyPass scgi", URL, &[("S", merged), ("F", "proxy:scgi://h:1/m/a%20b/c/d;e/x")], WHOLE),
        row(
            "ProxyPass scgi, proxy-scgi-pathinfo",
            "/m/a%20b/x",
            &[("S", "/m/a b"), ("P", "/a%20b/x"), ("F", "proxy:scgi://h:1/a%20b/x")],
            ("/m", "/a b/x"),
        ),
        row("ProxyPass uwsgi", URL, &[("S", "/m"), ("P", rest), ("F", "proxy:uwsgi://h:1//a b/c/d;e/x")], BELOW),
        row("ProxyPass uwsgi, the mount", "/m", &[("S", "/m"), ("P", "/"), ("F", "proxy:uwsgi://h:1/")], ("/m", "")),
        row("ProxyPass uwsgi, a slash", "/m/", &[("S", "/m/"), ("P", "/"), ("F", "proxy:uwsgi://h:1//")], ("/m", "/")),
        row("ProxyPass uwsgi, not stripped", URL, &[("S", ""), ("P", merged), ("F", "proxy:uwsgi://h:1/m/a")], WHOLE),
        // Apache, programs
        row("mod_fcgid, mod_cgid", URL, &[("S", "/m"), ("P", rest), ("F", "/srv/app.py")], BELOW),
        row("mod_fcgid, mod_cgid, the alias", "/m", &[("S", "/m"), ("F", "/srv/app.py")], ("/m", "")),
        row("ScriptAlias of the root", "/", &[("S", ""), ("P", "/"), ("F", "/srv/app.py")], ("", "/")),
        row(
            "a rule that puts the script before every path",
            "/a%20b//x",
            &[("S", "/app.fcgi"), ("P", "/a b/x"), ("F", "/srv/app.fcgi"), ("R", "/a b/x")],
            ("", "/a b//x"),
        ),
        row(
            "an error document, or a server-side include",
            "/other/x",
            &[("S", "/app.fcgi"), ("P", "/x"), ("F", "/srv/app.fcgi")],
            ("/app.fcgi", "/x"),
        ),
        row("DirectoryIndex", "/d/", &[("S", "/d/index.py"), ("F", "/srv/d/index.py")], ("/d/index.py", "")),
        // nginx
        row("stock fastcgi_params", URL, &[("S", merged), ("D", merged)], WHOLE),
        row("stock fastcgi.conf", URL, &[("S", merged), ("D", merged), ("F", "/srv/m/a b/c/d;e/x")], WHOLE),
        row("stock fastcgi_params, the root", "/", &[("S", "/"), ("D", "/")], ("", "/")),
        row("stock scgi_params", URL, &[("D", merged)], WHOLE),
        row("stock uwsgi_params", URL, &[("P", merged)], WHOLE),
        row("stock uwsgi_params and SCRIPT_NAME", URL, &[("S", "/m"), ("P", merged)], BELOW),
        row("stock uwsgi_params and SCRIPT_NAME, the mount", "/m", &[("S", "/m"), ("P", "/m")], ("/m", "")),
        row("fastcgi_split_path_info", URL, &[("S", "/m"), ("P", rest), ("D", merged)], BELOW),
        row("fastcgi_split_path_info, the mount", "/m", &[("S", "/m"), ("P", ""), ("D", "/m")], ("/m", "")),
        row("PATH_INFO $fastcgi_script_name", URL, &[("S", ""), ("P", merged), ("D", merged)], WHOLE),
        row("an encoded slash", "/m/a%2Fb", &[("S", "/m/a/b"), ("D", "/m/a/b")], ("", "/m/a/b")),
        row("rewrite to elsewhere", "/old/x", &[("S", "/new/x"), ("D", "/new/x")], ("", "/new/x")),
        row("try_files to a page", "/any/thing", &[("D", "/index.py")], ("", "/index.py")),
        row("rewrite that strips, fastcgi", URL, &[("S", rest), ("D", rest)], BELOW),
        row("rewrite that strips, scgi", URL, &[("D", rest)], BELOW),
        row("rewrite that strips, uwsgi", URL, &[("P", rest)], BELOW),
        row("rewrite that strips, with SCRIPT_NAME", URL, &[("S", "/m"), ("P", rest), ("D", rest)], BELOW),
        // lighttpd
        row("\"/m\" =>", URL, &[("S", "/m"), ("P", rest), ("F", "/srv/m")], BELOW),
        row("\"/m\" =>, the mount", "/m", &[("S", "/m"), ("F", "/srv/m")], ("/m", "")),
        row("\"/\" => with fix-root-scriptname", "/a//b", &[("S", ""), ("P", "/a/b"), ("F", "/srv/")], ("", "/a//b")),
        row("\"/\" =>, the root", "/", &[("S", "/"), ("F", "/srv/")], ("", "/")),
        // Others
        row("HAProxy", URL, &[("S", "/m"), ("P", "/a b/c//d;e/\u{e9}/../x"), ("F", "/srv/m")], BELOW),
        row("IIS", URL, &[("S", merged), ("P", merged), ("I", "")], WHOLE),
    ]
}

#[test]
fn every_front_server_means_the_path_that_the_client_asked_for() {
    for Row { front, asked, told, settled } in rows() {
        let found = settle(&told, Some(asked.as_bytes()));
        let (script_name, path_info) = found.path.split_at(found.script_name_length);
        let found = (String::from_utf8_lossy(script_name), String::from_utf8_lossy(path_info));
        assert_eq!((&*found.0, &*found.1), settled, "{front}: {asked}");
    }
}

#[test]
fn only_a_prefix_that_nobody_named_is_inferred() {
    for Row { front, asked, told, .. } in rows() {
        let inferred = settle(&told, Some(asked.as_bytes())).is_inferred;
        assert_eq!(inferred, front.starts_with("rewrite that strips") && told.script_name != Some(b"/m"), "{front}");
    }
}

#[test]
fn without_a_request_uri_script_name_and_path_info_are_as_the_rfc_says() {
    let settled = |said: &[(&str, &'static str)]| {
        let found = settle(&row("", "", said, ("", "")).told, None);
        let (script_name, path_info) = found.path.split_at(found.script_name_length);
        [script_name, path_info].map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    assert_eq!(settled(&[("S", "/m"), ("P", "/x")]), ["/m", "/x"]);
    assert_eq!(settled(&[("S", "/m")]), ["/m", ""]);
    assert_eq!(settled(&[("S", "/")]), ["", "/"]);
    assert_eq!(settled(&[("D", "/m/x")]), ["", "/m/x"]);
    assert_eq!(settled(&[]), ["", ""]);
}

#[test]
fn a_program_is_its_script_name_even_where_the_front_server_sends_every_path_as_one() {
    let mut told = row("nginx and fcgiwrap", "/m", &[("S", "/m"), ("D", "/m")], ("", "")).told;
    assert_eq!(settle(&told, Some(b"/m")).script_name_length, 0);
    told.is_program = true;
    assert_eq!(settle(&told, Some(b"/m")).script_name_length, 2);
}

#[test]
fn a_client_cannot_reach_another_path_than_the_front_server_has_chosen() {
    // The front server has checked its rules for "/x"; REQUEST_URI must not lead below "/m".
    for asked in ["/m/../x", "/m//../x", "/m/%2e%2e/x", "/m%2F..%2Fx"] {
        let told = Told { document_uri: Some(b"/x"), ..Told::default() };
        assert_eq!(settle(&told, Some(asked.as_bytes())), Settled::whole(b"/x"), "{asked}");
    }
}

#[test]
fn whatever_is_sent_becomes_a_path_that_an_application_may_see() {
    let texts = [
        None,
        Some(""),
        Some("/"),
        Some("//"),
        Some("/m"),
        Some("/m/"),
        Some("/m/x"),
        Some("/m//x/../y"),
        Some("/a%2Fb"),
        Some("/.."),
        Some("x"),
    ];
    let files = [None, Some(""), Some("/srv/app"), Some("/m/x"), Some("proxy:fcgi://h:1/x"), Some("proxy:")];
    let bytes = |text: Option<&'static str>| text.map(str::as_bytes);
    for (script_name, path_info) in texts.iter().flat_map(|s| texts.iter().map(move |p| (*s, *p))) {
        for (document_uri, asked) in texts.iter().flat_map(|d| texts.iter().map(move |a| (*d, *a))) {
            for file in files {
                let told = Told {
                    script_name: bytes(script_name),
                    path_info: bytes(path_info),
                    document_uri: bytes(document_uri),
                    script_filename: bytes(file),
                    rewritten_from: bytes(asked),
                    ..Told::default()
                };
                let settled = settle(&told, bytes(asked));
                let (script_name, path_info) = settled.path.split_at(settled.script_name_length);
                // wsgiref.validate asks for this.
                let is_good = script_name.last() != Some(&b'/') && matches!(path_info.first(), None | Some(b'/'));
                assert!(is_good, "{told:?} {asked:?}: {settled:?}");
            }
        }
    }
}
