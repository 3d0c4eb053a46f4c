//! What the configurations say, in the places that matter; whether it works is tried with the real front servers.

use std::ffi::OsString;
use std::time::Duration;

use millau_config::{Invocation, PasteServer, parse};

use super::*;

/// A word may hold a blank, which is written `␣`.
fn deployment(line: &str) -> Deployment {
    let words = line.split(' ').map(|word| word.replace('␣', " "));
    let arguments = ["millau", "config"].map(str::to_owned).into_iter().chain(words);
    match parse(arguments.map(OsString::from), [], &PasteServer::default()).unwrap() {
        Invocation::Config(deployment) => *deployment,
        other => panic!("{other:?}"),
    }
}

fn printed(line: &str) -> String {
    let here = Surroundings { user: Some("www".into()), apache_modules: "/mods".into(), nginx_types: None };
    configuration(&deployment(line), &here)
}

fn default_keep_alive() -> Duration {
    match parse(["millau", "serve", "app"].map(OsString::from), [], &PasteServer::default()).unwrap() {
        Invocation::Serve(settings) => settings.timeouts.keep_alive,
        other => panic!("{other:?}"),
    }
}

/// Every way that there is, at the root and below a mount.
fn lines() -> Vec<String> {
    let binds = [
        "http://127.0.0.1:8000",
        "http+unix:/s",
        "fastcgi://[::1]:9000",
        "fastcgi+unix:/s",
        "scgi+unix:/s",
        "uwsgi://127.0.0.1:1",
    ];
    let mut ways: Vec<String> = ["nginx", "apache", "lighttpd"]
        .iter()
        .flat_map(|server| binds.iter().map(move |bind| format!("{server} --bind {bind}")))
        .collect();
    for server in ["apache", "lighttpd"] {
        let secret = if server == "apache" { " --ajp-secret secret" } else { "" };
        ways.push(format!("{server} --bind ajp://127.0.0.1:8009{secret}"));
        ways.push(format!("{server} --bind ajp+unix:/s{secret}"));
        ways.push(format!("{server} --program /usr/bin/env --bind fastcgi+fd:0"));
        ways.push(format!("{server} --program /usr/bin/env"));
    }
    ways.iter()
        .flat_map(|way| [way.clone(), format!("{way} --mount /m --static /m/static=/tmp --password-file /etc/p")])
        .collect()
}

#[test]
fn a_deployment_stands_in_its_configuration_as_it_was_given() {
    for line in lines() {
        let text = printed(&format!("{line} --listen 127.0.0.1:81 --server-name a.example"));
        for word in line.split(' ').filter(|word| word.starts_with('/') && !word.contains('=')) {
            assert!(text.contains(word), "{line}: {word} in\n{text}");
        }
        if line.contains("--mount") {
            assert!(text.contains("/m/static/\""), "{line}:\n{text}");
        }
        assert!(text.contains("millau "), "{line}");
    }
}

#[test]
fn nginx_keeps_fastcgi_connections_open() {
    let text = printed("nginx");
    assert!(text.contains("keepalive 128;") && text.contains("fastcgi_keep_conn on;"), "{text}");
    assert!(!printed("nginx --bind scgi+unix:/s").contains("keepalive"));
}

#[test]
fn nginx_gives_up_idle_connections_before_millau_does() {
    for bind in ["http://127.0.0.1:8000", "fastcgi://127.0.0.1:9000"] {
        let text = printed(&format!("nginx --bind {bind}"));
        let (_, after) = text.split_once("keepalive_timeout ").expect(bind);
        let seconds: u64 = after.split_once("s;").unwrap().0.parse().unwrap();
        assert!(seconds < default_keep_alive().as_secs(), "{bind}:\n{text}");
    }
}

#[test]
fn nginx_names_a_user_only_where_it_asks_for_a_password() {
    assert!(!printed("nginx").contains("REMOTE_USER"));
    assert!(printed("nginx --password-file /p").contains("fastcgi_param REMOTE_USER $remote_user;"));
}

#[test]
fn millau_is_started_with_the_size_of_apache_s_ajp_packets() {
    let text = printed("apache --bind ajp://127.0.0.1:8009");
    assert!(text.contains("    ProxyIOBufferSize 65536\n") && text.contains(" --ajp-packet-size 65536\n"), "{text}");
}

#[test]
fn millau_is_started_with_the_form_of_lighttpd_s_ajp_paths() {
    let text = printed("lighttpd --bind ajp://127.0.0.1:8009");
    assert!(text.contains(" --bind ajp://127.0.0.1:8009 --ajp-paths decoded\n"), "{text}");
}

#[test]
fn only_the_address_of_the_front_server_is_believed() {
    for (bind, peer) in [
        ("http://127.0.0.1:8000", "127.0.0.1"),
        ("http://localhost:8000", "127.0.0.1"),
        ("http://127.0.0.2:8000", "127.0.0.1"),
        ("http://[::1]:8000", "::1"),
        ("http+unix:/s", "unix"),
        ("http://0.0.0.0:8000", "FRONT_SERVER"),
        ("http://[::]:8000", "FRONT_SERVER"),
        ("http://app.example:8000", "FRONT_SERVER"),
    ] {
        let text = printed(&format!("nginx --bind {bind}"));
        assert!(text.contains(&format!(" --forwarded-from {peer}\n")), "{text}");
        assert_eq!(text.contains("# FRONT_SERVER is the address"), peer == "FRONT_SERVER", "{text}");
    }
}

#[test]
fn a_mount_is_no_pattern() {
    assert!(printed("nginx --mount /a.b").contains("\"(?s)^/a\\.b(?<millau_path>/.*)?$\""));
    assert!(printed("lighttpd --mount /a.b").contains("!~ \"^(?!/a\\.b(/|$))\""));
}

#[test]
fn only_a_whole_configuration_says_as_whom_to_serve() {
    for server in ["nginx", "apache", "lighttpd"] {
        assert!(!printed(server).contains("www\""), "{server}");
        assert!(printed(&format!("{server} --complete /d")).contains("/d/"), "{server}");
    }
}

#[test]
fn a_whole_configuration_knows_what_a_style_sheet_is() {
    for server in ["nginx", "apache", "lighttpd"] {
        let text = printed(&format!("{server} --complete /d --static /static=/tmp"));
        let line = text.lines().find(|line| line.contains("text/css"));
        assert!(
            line.is_some_and(|line| line.contains("css\" =>") || line.contains(" css;") || line.ends_with(".css")),
            "{text}"
        );
    }
}

#[test]
fn apache_s_own_name_is_no_pattern() {
    let text = printed("apache --server-name *.b --server-name [::1] --server-name a --server-name b");
    let names: Vec<&str> = text.lines().map(str::trim).filter(|line| line.starts_with("Server")).collect();
    assert_eq!(names, ["ServerName a", "ServerAlias *.b", "ServerAlias [::1]", "ServerAlias b"]);
    // Else Apache would take its own machine's.
    let text = printed("apache --server-name *.b");
    assert!(text.contains("ServerName millau.invalid\n    ServerAlias *.b\n"), "{text}");
    assert!(!printed("apache").contains("ServerName"));
}

#[test]
fn every_front_server_that_is_installed_finds_nothing_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let names = "--server-name *.b --server-name www.* --server-name a --server-name [::1]";
    let odd = ["nginx", "apache", "lighttpd"].map(|server| format!("{server} {names} --bind fastcgi+unix:/a␣b"));
    let secret = "apache --bind ajp://127.0.0.1:8009 --ajp-secret x␣y".to_owned();
    for line in lines().into_iter().chain(odd).chain([secret]) {
        let line = line.replace("/etc/p", "/etc/passwd");
        let asked = deployment(&format!("{line} --listen 127.0.0.1:18081 --complete {}", directory.path().display()));
        match check(&asked, &Surroundings::here()) {
            Ok(_) | Err(CheckError::Absent(_)) => {}
            Err(error) => panic!("{line}: {error}\n{}", configuration(&asked, &Surroundings::here())),
        }
    }
}
