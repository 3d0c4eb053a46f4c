//! What a front server does to requests, and what is said about it.

use super::*;
use crate::deployment::probes;

/// A deployment that does everything right, but for what `change` makes of each testimony.
fn judged(url: &str, server: &str, change: impl Fn(&Probe, &mut Testimony)) -> Vec<(Problem, String)> {
    let findings = findings(url, server, change);
    findings.into_iter().map(|finding| (finding.problem, finding.mend.command())).collect()
}

fn findings(url: &str, server: &str, change: impl Fn(&Probe, &mut Testimony)) -> Vec<Finding> {
    let url = Url::parse(url).unwrap();
    let asked: Vec<(Probe, Result<Answer, Silence>)> = probes(&url)
        .into_iter()
        .map(|probe| {
            let (path, query) = probe.target.split_once('?').unwrap_or((&probe.target, ""));
            let mut testimony = Testimony {
                variables: [
                    ("SCRIPT_NAME", ""),
                    ("PATH_INFO", &decoded(path)),
                    ("QUERY_STRING", query),
                    ("REQUEST_SCHEME", url.scheme()),
                    ("HTTP_HOST", &url.authority()),
                    ("REMOTE_ADDR", "192.0.2.1"),
                ]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
                fields: vec![
                    ("X-Forwarded-For".into(), "192.0.2.1".into()),
                    ("X-Forwarded-Proto".into(), url.scheme().into()),
                    ("Authorization".into(), "(hidden)".into()),
                ],
                ..Testimony::default()
            };
            change(&probe, &mut testimony);
            // Over the loopback interface where the URL leads there.
            let sent_from = if url.host == "localhost" { "127.0.0.1:50000" } else { "192.0.2.1:50000" };
            let answer = Answer {
                status: 200,
                fields: vec![("Server".into(), server.into())],
                body: serde_json::to_vec(&testimony).unwrap(),
                sent_from: sent_from.parse().ok(),
            };
            (probe, Ok(answer))
        })
        .collect();
    judge(&url, &asked, true)
}

fn set(testimony: &mut Testimony, name: &str, value: &str) {
    testimony.variables.retain(|(other, _)| other != name);
    testimony.variables.push((name.into(), value.into()));
}

#[test]
fn nothing_is_said_about_a_deployment_that_is_right() {
    assert_eq!(judged("https://example.org/shop", "nginx/1.22", |_, _| {}), []);
    assert_eq!(judged("http://example.org:8080/", "Apache/2.4", |_, _| {}), []);
    let mounted = judged("http://example.org/shop", "lighttpd/1.4", |_, testimony| {
        let path = testimony.variable("PATH_INFO").to_owned();
        set(testimony, "SCRIPT_NAME", "/shop");
        set(testimony, "PATH_INFO", path.strip_prefix("/shop").unwrap());
    });
    assert_eq!(mounted, []);
}

#[test]
fn a_scheme_that_is_lost() {
    let untold = judged("https://example.org/", "nginx", |_, testimony| {
        set(testimony, "REQUEST_SCHEME", "http");
        testimony.fields.retain(|(name, _)| name != "X-Forwarded-Proto");
    });
    let line = "nginx, in the location: proxy_set_header X-Forwarded-Proto $scheme; And with it: millau serve --forwarded-from 192.0.2.1";
    assert_eq!(untold, [(Problem::SchemeWrong, line.into())]);
    let unbelieved = judged("https://example.org/", "nginx", |_, testimony| set(testimony, "REQUEST_SCHEME", "http"));
    assert_eq!(unbelieved[0].1, "Millau, to believe it: millau serve --forwarded-from 192.0.2.1");
    let fastcgi = judged("https://example.org/", "nginx", |_, testimony| {
        set(testimony, "REQUEST_SCHEME", "http");
        testimony.fields.clear();
        testimony.by_variables = true;
        set(testimony, "HTTP_AUTHORIZATION", "(hidden)");
    });
    assert!(fastcgi[0].1.contains("fastcgi_param HTTPS $https"), "{fastcgi:?}");
}

#[test]
fn a_host_that_is_lost() {
    for (server, line) in [("nginx", "proxy_set_header Host $http_host;"), ("Apache", "ProxyPreserveHost On")] {
        let said = judged("http://example.org/", server, |_, testimony| set(testimony, "HTTP_HOST", "127.0.0.1:8000"));
        assert_eq!(said[0].0, Problem::HostWrong);
        assert!(said[0].1.contains(line), "{said:?}");
    }
}

#[test]
fn a_line_of_nginx_s_own_file_is_not_to_be_there_twice() {
    let said = judged("http://example.org:81/", "nginx", |_, testimony| {
        testimony.fields.clear();
        testimony.by_variables = true;
        set(testimony, "HTTP_AUTHORIZATION", "(hidden)");
        set(testimony, "HTTP_HOST", "example.org");
    });
    let line = "nginx, in the location, in place of any line for HTTP_HOST there and in the file fastcgi_params: fastcgi_param \
                HTTP_HOST $http_host; (scgi_param and the file scgi_params, uwsgi_param and the file uwsgi_params)";
    assert_eq!(said, [(Problem::HostWrong, line.into())]);
}

#[test]
fn a_client_that_is_taken_for_the_front_server() {
    let untold = judged("http://example.org/", "nginx", |_, testimony| {
        set(testimony, "REMOTE_ADDR", "127.0.0.1");
        testimony.fields.retain(|(name, _)| name != "X-Forwarded-For");
    });
    assert_eq!(untold[0].0, Problem::ClientAddress);
    assert!(untold[0].1.contains("proxy_set_header X-Forwarded-For $remote_addr;"), "{untold:?}");
    let unbelieved = judged("http://example.org/", "nginx", |_, testimony| {
        set(testimony, "REMOTE_ADDR", "");
        testimony.over_unix_socket = true;
    });
    assert_eq!(unbelieved[0].1, "Millau, to believe what the front server tells: millau serve --forwarded-from unix");
}

#[test]
fn a_client_on_this_machine_that_is_taken_for_one_elsewhere() {
    for by_variables in [true, false] {
        let said = |url: &str, address: &str| {
            findings(url, "nginx", |_, testimony| {
                set(testimony, "REMOTE_ADDR", address);
                testimony.fields[0].1 = address.to_owned();
                testimony.by_variables = by_variables;
            })
        };
        let wrong = said("http://localhost/", "198.51.100.1");
        assert_eq!((wrong.len(), wrong[0].problem, wrong[0].severity), (1, Problem::ClientAddress, Severity::Warning));
        assert_eq!(wrong[0].what, "the client asks from 127.0.0.1, the application sees 198.51.100.1 for its address");
        assert!(wrong[0].mend.command().contains("$remote_addr"), "{}", wrong[0]);
        assert_eq!(said("http://localhost/", "127.0.0.1"), []);
        assert_eq!(said("http://example.org/", "198.51.100.1"), [], "a translation of addresses is between");
    }
}

#[test]
fn a_client_that_can_choose_its_address() {
    let said = findings("http://example.org/", "nginx", |probe, testimony| {
        if probe.aspect == Aspect::Claims {
            set(testimony, "REMOTE_ADDR", CLAIMED_ADDRESS);
            testimony.fields[0].1 = CLAIMED_ADDRESS.to_owned();
        }
    });
    assert_eq!((said[0].problem, said[0].severity), (Problem::ClientAddress, Severity::Error));
    assert!(said[0].mend.command().contains("X-Forwarded-For $remote_addr;"), "{}", said[0]);
}

#[test]
fn a_client_that_is_believed_because_it_asks_from_where_proxies_do() {
    for (address, severity) in [("127.0.0.1", Severity::Note), ("192.0.2.1", Severity::Error)] {
        for server in ["nginx", "Apache", "lighttpd"] {
            let said = findings("http://example.org/", server, |probe, testimony| {
                if probe.aspect == Aspect::Claims {
                    set(testimony, "REMOTE_ADDR", CLAIMED_ADDRESS);
                    testimony.fields[0].1 = format!("{CLAIMED_ADDRESS}, {address}");
                }
            });
            assert_eq!((said.len(), said[0].problem, said[0].severity), (1, Problem::ClientAddress, severity));
            assert!(said[0].what.starts_with(&format!("a client at {address} can choose")), "{}", said[0]);
            assert!(!said[0].to_string().contains("as the client sent it"), "{}", said[0]);
        }
    }
}

#[test]
fn a_path_without_an_application() {
    for (url, start) in [
        ("http://example.org/", "millau serve TARGET, without --mount"),
        ("http://example.org/shop", "millau serve --mount /shop=TARGET"),
    ] {
        let said = judged(url, "nginx", |_, testimony| testimony.is_unmounted = true);
        assert_eq!((said.len(), said[0].0), (1, Problem::NotMounted));
        assert!(said[0].1.starts_with(start), "{said:?}");
    }
    let elsewhere = judged("http://example.org/shop", "nginx", |_, testimony| {
        testimony.is_unmounted = true;
        set(testimony, "PATH_INFO", "/");
    });
    assert_eq!(elsewhere[0].0, Problem::PathMangled);
}

#[test]
fn a_mount_that_is_taken_away() {
    let said = judged("http://example.org/shop", "nginx", |_, testimony| {
        let path = testimony.variable("PATH_INFO").to_owned();
        set(testimony, "PATH_INFO", path.strip_prefix("/shop").unwrap());
    });
    assert_eq!(said.len(), 1, "one cause is told once: {said:?}");
    assert_eq!(said[0].0, Problem::PathMangled);
    assert!(said[0].1.contains("no path behind the address"), "{said:?}");
}

#[test]
fn a_path_that_arrives_encoded_or_decoded_twice() {
    let encoded = findings("http://example.org/", "Apache", |probe, testimony| {
        set(testimony, "PATH_INFO", probe.target.split('?').next().unwrap());
    });
    assert!(encoded[0].why.contains("arrives encoded"), "{encoded:?}");
    let twice = findings("http://example.org/", "Apache", |_, testimony| {
        let path = decoded(testimony.variable("PATH_INFO"));
        set(testimony, "PATH_INFO", &path);
    });
    assert!(twice[0].why.contains("decoded twice"), "{twice:?}");
}

#[test]
fn slashes_that_are_merged_are_only_a_note() {
    let said = findings("http://example.org/", "nginx", |_, testimony| {
        let path = testimony.variable("PATH_INFO").replace("//", "/");
        set(testimony, "PATH_INFO", &path);
    });
    assert_eq!((said.len(), said[0].severity), (1, Severity::Note));
    assert!(said[0].mend.command().contains("merge_slashes off;"));
}

#[test]
fn a_query_that_is_changed_and_credentials_that_are_dropped() {
    let query = judged("http://example.org/", "x", |_, testimony| {
        let query = testimony.variable("QUERY_STRING").replace("%26", "&");
        set(testimony, "QUERY_STRING", &query);
    });
    assert_eq!(query[0].0, Problem::QueryMangled);
    let lost = judged("http://example.org/", "nginx", |_, testimony| {
        testimony.by_variables = true;
        set(testimony, "QUERY_STRING", "");
    });
    assert_eq!((lost.len(), lost[0].0), (1, Problem::QueryMangled));
    assert!(lost[0].1.contains("fastcgi_param QUERY_STRING $query_string;"), "{lost:?}");
    let dropped = judged("http://example.org/", "Apache", |_, testimony| {
        testimony.fields.clear();
        testimony.by_variables = true;
    });
    assert_eq!(dropped, [(Problem::FieldDropped, "Apache, in <Location>: CGIPassAuth On".into())]);
}

#[test]
fn what_is_said_without_a_witness() {
    let url = Url::parse("http://example.org/").unwrap();
    let said = |status, token| {
        let answer =
            Answer { status, fields: vec![("Server".into(), "nginx".into())], body: b"{}".to_vec(), sent_from: None };
        judge(&url, &[(probes(&url)[0].clone(), Ok(answer))], token).remove(0)
    };
    assert_eq!(said(502, true).problem, Problem::Unreachable);
    assert!(said(200, true).why.contains("--doctor-token"));
    // It may be a page of nginx's own.
    assert_eq!(said(200, true).what, "nginx answers 200: it or the application answers, and not the witness");
    assert!(said(200, true).why.contains("an answer of its own"));
    assert_eq!((said(200, false).severity, said(404, true).severity), (Severity::Note, Severity::Error));
    for (silence, what) in [
        (Silence::Connection("connection refused".into()), "nobody answers: connection refused"),
        (Silence::Tls("wrong version".into()), "somebody listens there, and does not speak TLS: wrong version"),
        (
            Silence::Tls("CERTIFICATE_VERIFY_FAILED".into()),
            "the certificate is not accepted: CERTIFICATE_VERIFY_FAILED",
        ),
        (Silence::Http("timed out".into()), "somebody listens there, and no answer of HTTP comes: timed out"),
    ] {
        let said = judge(&url, &[(probes(&url)[0].clone(), Err(silence))], true);
        assert_eq!((said.len(), said[0].problem, said[0].what.as_str()), (1, Problem::Unreachable, what));
        assert_eq!(said[0].why.contains("closed"), what.starts_with("nobody"), "{}", said[0]);
    }
}

#[test]
fn a_path_that_the_front_server_keeps_for_itself() {
    let url = Url::parse("http://example.org/").unwrap();
    let right = findings("http://example.org/", "Apache", |_, _| {});
    assert_eq!(right, []);
    let asked: Vec<(Probe, Result<Answer, Silence>)> = probes(&url)
        .into_iter()
        .map(|probe| {
            let status = if probe.aspect == Aspect::EncodedSlash { 404 } else { 200 };
            let (path, query) = probe.target.split_once('?').unwrap_or((&probe.target, ""));
            let variables = [
                ("PATH_INFO", decoded(path)),
                ("QUERY_STRING", query.to_owned()),
                ("REQUEST_SCHEME", "http".into()),
                ("HTTP_HOST", "example.org".into()),
                ("HTTP_AUTHORIZATION", "x".into()),
                ("REMOTE_ADDR", "192.0.2.1".into()),
            ];
            let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
            let testimony = Testimony { variables, by_variables: true, ..Testimony::default() };
            let body = serde_json::to_vec(&testimony).unwrap();
            let fields = vec![("Server".into(), "Apache/2.4.57".into())];
            (probe, Ok(Answer { status, fields, body, sent_from: "192.0.2.1:50000".parse().ok() }))
        })
        .collect();
    let said = judge(&url, &asked, true);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!((said[0].problem, said[0].severity), (Problem::PathRefused, Severity::Note));
    assert!(said[0].mend.command().contains("AllowEncodedSlashes NoDecode"));
}

/// What is said where nothing of Millau answers.
fn without_witness(server: &str, status: u16, body: &str) -> Vec<Finding> {
    let url = Url::parse("http://example.org/cgi-bin/hello.py?a&b").unwrap();
    let fields = vec![("Server".into(), server.into())];
    let answer = Answer { status, fields, body: body.as_bytes().to_vec(), sent_from: None };
    let plain = probes(&url).remove(0);
    assert_eq!(plain.target, "/cgi-bin/hello.py?a&b");
    judge(&url, &[(plain, Ok(answer))], false)
}

#[test]
fn a_script_whose_source_is_sent_is_not_served_as_cgi() {
    for (server, said) in [
        ("Apache/2.4", "Options +ExecCGI"),
        ("nginx", "nginx starts no programs"),
        ("lighttpd/1.4", "cgi.assign"),
        ("millau", "cgi:DIRECTORY"),
        ("", "millau serve cgi:DIRECTORY"),
    ] {
        let finding = without_witness(server, 200, "#!/usr/bin/python3\nprint('secret')\n").remove(0);
        assert_eq!((finding.problem, finding.severity), (Problem::NotServedAsCgi, Severity::Error));
        assert_eq!(finding.place.to_string(), "http://example.org/cgi-bin/hello.py?a&b");
        assert!(finding.mend.command().contains(said), "{}", finding.mend.command());
        assert!(!finding.to_string().contains("secret"));
    }
}

#[test]
fn what_a_visitor_is_answered_with_counts_without_a_witness_as_well() {
    use Severity::{Error, Warning};
    for (status, severity, is_of_script) in
        [(403, Warning, true), (500, Error, true), (404, Warning, false), (401, Warning, false), (503, Error, true)]
    {
        let findings = without_witness("millau", status, "no");
        let told: Vec<Problem> = findings.iter().map(|finding| finding.problem).collect();
        assert_eq!(
            (told.as_slice(), findings[0].severity),
            (&[Problem::ErrorStatus, Problem::NoWitness][..], severity)
        );
        assert!(findings[0].what.starts_with(&format!("Millau answers {status}: ")), "{}", findings[0]);
        assert_eq!(findings[0].mend.command().contains("millau doctor /path/to/script"), is_of_script);
    }
    for status in [200, 302] {
        assert_eq!(without_witness("nginx", status, "").len(), 1);
    }
    // In front of Millau these say that it is not reached.
    assert_eq!(without_witness("nginx", 502, "")[0].problem, Problem::Unreachable);
}

#[test]
fn the_url_itself_is_asked_as_a_visitor_asks() {
    let url = Url::parse("http://example.org/a.py?b=c").unwrap();
    let of = |aspect| probes(&url).into_iter().find(|probe| probe.aspect == aspect).unwrap();
    let variables = [("PATH_INFO", "/a.py"), ("QUERY_STRING", "b=c"), ("REQUEST_SCHEME", "http")];
    let variables = [&variables[..], &[("HTTP_HOST", "example.org"), ("REMOTE_ADDR", "192.0.2.1")]].concat();
    let variables: Vec<_> = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let said = |status: u16, is_unmounted: bool| {
        let testimony = Testimony { variables: variables.clone(), is_unmounted, ..Testimony::default() };
        let answer = |status, body| {
            let fields = vec![("Server".into(), "millau".into())];
            Ok(Answer { status, fields, body, sent_from: None })
        };
        let seen = (of(Aspect::Plain), answer(200, serde_json::to_vec(&testimony).unwrap()));
        let findings = judge(&url, &[seen, (of(Aspect::Visitor), answer(status, b"page".to_vec()))], true);
        findings.into_iter().map(|finding| (finding.problem, finding.severity)).collect::<Vec<_>>()
    };
    assert_eq!(of(Aspect::Visitor).target, "/a.py?b=c");
    assert_eq!((said(200, false), said(302, false)), (vec![], vec![]));
    assert_eq!(said(500, false), [(Problem::ErrorStatus, Severity::Error)]);
    assert_eq!(said(404, false), [(Problem::ErrorStatus, Severity::Warning)]);
    assert_eq!(said(404, true), [(Problem::NotMounted, Severity::Error)]);
}
