//! The command line: what to ask, over how many connections, for how long.

use std::net::SocketAddrV4;
use std::time::Duration;

/// What `--help` prints.
pub const HELP: &str = "\
millau-load: a closed loop of HTTP/1.1 requests over keep-alive connections, on one thread

usage: millau-load --address IPV4:PORT [options] --request KEY=VALUE,... [--request ...]

  --address A          where the server listens
  --connections N      connections that each have one request under way (64)
  --duration S         seconds that are measured (5)
  --warm-up S          seconds before them that are not (1)
  --request K=V,...    a request template; several are mixed evenly by weight, in the same order in every run
       name=NAME       the class that its responses are counted under (all)
       weight=N        how often, against the other templates (1)
       method=GET, path=/, status=200
       body=N          send N bytes of body
       length=N        bytes that the response's body must have
       other=NAME:N    a body of N bytes is right as well and counts under class NAME
  --close              a new connection for each request
  --idle N             open N more connections beside, ask the first template once on each, and leave them (0)
  --gate               when the idle connections are open, wait for a line on standard input

Prints JSON, one object a line: {\"phase\":\"idle\"} when the idle connections are open, {\"phase\":\"measure\"} when the
measured time begins, {\"phase\":\"done\"} with the results.";

/// The length that a right response has, and the class it is counted under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Index into [`Options::classes`].
    pub class: usize,
    /// Bytes of the body; `None` accepts any.
    pub length: Option<u64>,
}

/// One request, ready to send, and what to expect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Head and body.
    pub bytes: Vec<u8>,
    /// Share in the mix.
    pub weight: u32,
    /// The status that a right response has.
    pub status: u16,
    /// The first answer whose length fits names the class.
    pub answers: Vec<Answer>,
}

/// The parsed command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The server.
    pub address: SocketAddrV4,
    /// Connections in the closed loop.
    pub connections: usize,
    /// The measured time.
    pub duration: Duration,
    /// The time before it.
    pub warm_up: Duration,
    /// At least one.
    pub templates: Vec<Template>,
    /// Names of the classes, in the order in which they were first named.
    pub classes: Vec<String>,
    /// A connection per request.
    pub close: bool,
    /// Connections that stay idle.
    pub idle: usize,
    /// Wait for a line on standard input before the load.
    pub gate: bool,
}

impl Options {
    /// Reads the arguments after the program's name. The error is one line for the user.
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut address = None;
        let mut requests = Vec::new();
        let mut options = Self {
            address: SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 0),
            connections: 64,
            duration: Duration::from_secs(5),
            warm_up: Duration::from_secs(1),
            templates: Vec::new(),
            classes: Vec::new(),
            close: false,
            idle: 0,
            gate: false,
        };
        let mut arguments = arguments;
        while let Some(option) = arguments.next() {
            match option.as_str() {
                "--close" => options.close = true,
                "--gate" => options.gate = true,
                _ => {
                    let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
                    match option.as_str() {
                        "--address" => address = Some(number(&option, &value)?),
                        "--connections" => options.connections = number(&option, &value)?,
                        "--duration" => options.duration = seconds(&option, &value)?,
                        "--warm-up" => options.warm_up = seconds(&option, &value)?,
                        "--idle" => options.idle = number(&option, &value)?,
                        "--request" => requests.push(value),
                        _ => return Err(format!("unknown option {option}; --help lists them")),
                    }
                }
            }
        }
        options.address = address.ok_or("--address IPV4:PORT is missing")?;
        if requests.is_empty() {
            return Err("at least one --request is needed".to_owned());
        }
        if options.connections == 0 {
            return Err("--connections must be at least 1".to_owned());
        }
        for request in requests {
            options.add_template(&request)?;
        }
        Ok(options)
    }

    fn add_template(&mut self, text: &str) -> Result<(), String> {
        let (mut name, mut method, mut path) = ("all", "GET", "/");
        let (mut weight, mut status, mut body, mut length) = (1, 200, None, None);
        let mut others = Vec::new();
        for pair in text.split(',') {
            let (key, value) =
                pair.split_once('=').ok_or_else(|| format!("--request {text}: {pair} is not KEY=VALUE"))?;
            match key {
                "name" => name = value,
                "method" => method = value,
                "path" => path = value,
                "weight" => weight = number(pair, value)?,
                "status" => status = number(pair, value)?,
                "body" => body = Some(number::<usize>(pair, value)?),
                "length" => length = Some(number(pair, value)?),
                "other" => {
                    let (class, bytes) = value.split_once(':').ok_or_else(|| format!("{pair} is not other=NAME:N"))?;
                    others.push((class, number(pair, bytes)?));
                }
                _ => return Err(format!("--request {text}: no key is called {key}")),
            }
        }
        if weight == 0 {
            return Err(format!("--request {text}: weight must be at least 1"));
        }
        let mut answers = vec![Answer { class: self.class(name)?, length }];
        for (class, bytes) in others {
            answers.push(Answer { class: self.class(class)?, length: Some(bytes) });
        }
        let connection = if self.close { "Connection: close\r\n" } else { "" };
        let content = body.map_or(String::new(), |bytes| {
            format!("Content-Type: application/octet-stream\r\nContent-Length: {bytes}\r\n")
        });
        // The three fields that curl sends: every real client sends at least these.
        let mut bytes = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: millau-load\r\nAccept: */*\r\n{connection}{content}\r\n",
            self.address
        )
        .into_bytes();
        bytes.resize(bytes.len() + body.unwrap_or(0), b'x');
        self.templates.push(Template { bytes, weight, status, answers });
        Ok(())
    }

    fn class(&mut self, name: &str) -> Result<usize, String> {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
            return Err(format!("{name:?} is no name for a class: letters, digits, - and _ only"));
        }
        Ok(self.classes.iter().position(|known| known == name).unwrap_or_else(|| {
            self.classes.push(name.to_owned());
            self.classes.len() - 1
        }))
    }
}

fn number<T: std::str::FromStr>(option: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{option}: {value:?} is not a value that it takes"))
}

fn seconds(option: &str, value: &str) -> Result<Duration, String> {
    Duration::try_from_secs_f64(number(option, value)?).map_err(|_| format!("{option}: {value:?} is no time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_mix() {
        let options = parse(
            "--address 127.0.0.1:80 --request name=fast,weight=9,length=13,other=slow:5 --request name=slow,path=/sleep",
        )
        .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(options.classes, ["fast", "slow"]);
        assert_eq!(options.templates[0].weight, 9);
        assert_eq!(options.templates[0].answers[1], Answer { class: 1, length: Some(5) });
        assert_eq!(options.templates[1].answers, [Answer { class: 1, length: None }]);
        assert!(options.templates[1].bytes.starts_with(b"GET /sleep HTTP/1.1\r\nHost: 127.0.0.1:80\r\n"));
    }

    #[test]
    fn a_body_and_a_connection_per_request() {
        let options = parse("--address 127.0.0.1:80 --request method=POST,body=4 --close")
            .unwrap_or_else(|error| panic!("{error}"));
        let text = String::from_utf8_lossy(&options.templates[0].bytes).into_owned();
        assert!(text.contains("\r\nConnection: close\r\n"));
        assert!(text.ends_with("Content-Length: 4\r\n\r\nxxxx"));
    }

    #[test]
    fn what_is_refused() {
        for line in [
            "--request path=/",
            "--address 127.0.0.1:80",
            "--address here --request path=/",
            "--address 127.0.0.1:80 --request path",
            "--address 127.0.0.1:80 --request weight=0",
            "--address 127.0.0.1:80 --request pfad=/",
            "--address 127.0.0.1:80 --request name=a\"b",
            "--address 127.0.0.1:80 --request path=/ --duration -1",
            "--address 127.0.0.1:80 --request path=/ --connections 0",
            "--address 127.0.0.1:80 --request path=/ --idle",
            "--address 127.0.0.1:80 --request path=/ --fast yes",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
