//! The rules of requests, as plainly as possible.

use millau_fastcgi::Limits;

use super::{lengths, pairs};
use crate::connection::{Answer, End, Outcome, Seen};

/// Panics where the decoder's outcome is not what the rules say.
pub(crate) fn assert_agrees(input: &[u8], limits: &Limits, answer: Answer, outcome: &Outcome) {
    let mut reading = Reading { limits, answer, active: None, requests: Vec::new(), replies: Vec::new() };
    let end = reading.read(input);
    reading.requests.extend(reading.active.take().filter(|active| active.params_whole).map(|active| active.seen));
    assert_eq!(outcome.requests, reading.requests);
    assert_eq!(outcome.replies, reading.replies);
    match (end, outcome.end) {
        (Rest::Idle, End::Idle)
        | (Rest::Closed, End::Closed)
        | (Rest::Wrong, End::Refused(_))
        | (Rest::Cut, End::Cut) => {}
        (expected, end) => panic!("by the rules it ends {expected:?}, the decoder says {end:?}"),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Idle,
    Closed,
    Wrong,
    Cut,
}

struct Active {
    seen: Seen,
    stream: Vec<u8>,
    params_whole: bool,
}

struct Reading<'a> {
    limits: &'a Limits,
    answer: Answer,
    active: Option<Active>,
    requests: Vec<Seen>,
    replies: Vec<u8>,
}

impl Reading<'_> {
    fn read(&mut self, input: &[u8]) -> Rest {
        let rest = self.records(input);
        match rest {
            Rest::Idle | Rest::Cut => match &self.active {
                Some(active) if active.seen.whole || active.seen.aborted => self.end_request().err().unwrap_or(rest),
                Some(_) => Rest::Cut,
                None => rest,
            },
            Rest::Closed | Rest::Wrong => rest,
        }
    }

    fn records(&mut self, mut input: &[u8]) -> Rest {
        while !input.is_empty() {
            if input[0] != 1 {
                return Rest::Wrong;
            }
            let Some((header, after)) = input.split_first_chunk::<8>() else { return Rest::Cut };
            let length = usize::from(header[4]) * 256 + usize::from(header[5]);
            let content = &after[..length.min(after.len())];
            if let Err(rest) = self.record(header[1], u16::from_be_bytes([header[2], header[3]]), length, content) {
                return rest;
            }
            match after.get(length + usize::from(header[6])..) {
                Some(next) => input = next,
                None => return Rest::Cut,
            }
        }
        Rest::Idle
    }

    /// One record, whose content may be shorter than its length at the end of the input.
    fn record(&mut self, record_type: u8, id: u16, length: usize, content: &[u8]) -> Result<(), Rest> {
        let is_whole = content.len() == length;
        let is_active = self.active.as_ref().is_some_and(|active| active.seen.id == id);
        match record_type {
            9 if id == 0 && length > 4096 => Err(Rest::Wrong),
            9 if id == 0 && is_whole => self.get_values(content),
            9 if id == 0 => Ok(()),
            0 | 12.. if id == 0 => self.reply(&[1, 11, 0, 0, 0, 8, 0, 0, record_type, 0, 0, 0, 0, 0, 0, 0]),
            _ if id == 0 => Err(Rest::Wrong),
            1 => self.begin(id, is_active, length, content),
            _ if !is_active => Ok(()),
            2 => self.abort(id, length),
            4 => self.params(length, content),
            5 => self.stdin(length, content),
            _ => Err(Rest::Wrong),
        }
    }

    fn begin(&mut self, id: u16, is_active: bool, length: usize, content: &[u8]) -> Result<(), Rest> {
        if length != 8 {
            return Err(Rest::Wrong);
        }
        if is_active {
            if !self.active.as_ref().is_some_and(|active| active.seen.whole) {
                return Err(Rest::Wrong);
            }
            if self.answer == Answer::Late {
                self.end_request()?;
            }
        }
        let [role1, role0, flags, ..] = *content else { return Ok(()) };
        if content.len() < 8 {
            return Ok(());
        }
        let [id1, id0] = id.to_be_bytes();
        let refusal = |status: u8| [1, 3, id1, id0, 0, 8, 0, 0, 0, 0, 0, 0, status, 0, 0, 0];
        if self.active.is_some() {
            return self.reply(&refusal(1));
        }
        let keep_conn = flags % 2 == 1;
        if [role1, role0] != [0, 1] {
            self.reply(&refusal(3))?;
            return if keep_conn { Ok(()) } else { Err(Rest::Closed) };
        }
        let seen = Seen { id, keep_conn, ..Seen::default() };
        self.active = Some(Active { seen, stream: Vec::new(), params_whole: false });
        Ok(())
    }

    fn abort(&mut self, id: u16, length: usize) -> Result<(), Rest> {
        if length > 0 {
            return Err(Rest::Wrong);
        }
        let Some(active) = &mut self.active else { return Ok(()) };
        if active.params_whole {
            active.seen.aborted = true;
            return if self.answer == Answer::AtEnd { self.end_request() } else { Ok(()) };
        }
        let keep_conn = active.seen.keep_conn;
        let [id1, id0] = id.to_be_bytes();
        self.reply(&[1, 3, id1, id0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
        self.active = None;
        if keep_conn { Ok(()) } else { Err(Rest::Closed) }
    }

    fn params(&mut self, length: usize, content: &[u8]) -> Result<(), Rest> {
        let Some(active) = &mut self.active else { return Ok(()) };
        match (active.params_whole, length) {
            (true, 0) => Ok(()),
            (true, _) => Err(Rest::Wrong),
            (false, 0) => {
                let (pairs, rest) = pairs(&active.stream);
                if !rest.is_empty() {
                    return Err(Rest::Wrong);
                }
                active.seen.params = pairs;
                active.params_whole = true;
                if self.answer == Answer::AtParams { self.end_request() } else { Ok(()) }
            }
            (false, _) => {
                active.stream.extend_from_slice(content);
                is_within(&active.stream, self.limits).then_some(()).ok_or(Rest::Wrong)
            }
        }
    }

    fn stdin(&mut self, length: usize, content: &[u8]) -> Result<(), Rest> {
        let Some(active) = &mut self.active else { return Ok(()) };
        match (active.params_whole, active.seen.whole, length) {
            (false, _, _) | (true, true, 1..) => Err(Rest::Wrong),
            (true, true, 0) => Ok(()),
            (true, false, 0) => {
                active.seen.whole = true;
                if self.answer == Answer::AtEnd { self.end_request() } else { Ok(()) }
            }
            (true, false, _) => {
                active.seen.stdin.extend_from_slice(content);
                Ok(())
            }
        }
    }

    fn get_values(&mut self, content: &[u8]) -> Result<(), Rest> {
        let (pairs, rest) = pairs(content);
        if !rest.is_empty() {
            return Err(Rest::Wrong);
        }
        let (connections, requests) = (self.limits.connections.to_string(), self.limits.requests.to_string());
        let mut told = Vec::new();
        for (name, value) in
            [("FCGI_MAX_CONNS", &*connections), ("FCGI_MAX_REQS", &*requests), ("FCGI_MPXS_CONNS", "0")]
        {
            if pairs.iter().any(|(asked, _)| asked == name.as_bytes()) {
                told.extend_from_slice(&[name.len() as u8, value.len() as u8]);
                told.extend_from_slice(format!("{name}{value}").as_bytes());
            }
        }
        self.reply(&[&[1, 10, 0, 0, 0, told.len() as u8, 0, 0], &told[..]].concat())
    }

    fn reply(&mut self, record: &[u8]) -> Result<(), Rest> {
        if self.replies.len() >= self.limits.replies_size {
            return Err(Rest::Wrong);
        }
        self.replies.extend_from_slice(record);
        Ok(())
    }

    fn end_request(&mut self) -> Result<(), Rest> {
        let Some(active) = self.active.take() else { return Ok(()) };
        let keep_conn = active.seen.keep_conn;
        self.requests.push(active.seen);
        if keep_conn { Ok(()) } else { Err(Rest::Closed) }
    }
}

/// Whether a stream, as far as it is known, keeps to the limits.
fn is_within(stream: &[u8], limits: &Limits) -> bool {
    let (pairs, rest) = pairs(stream);
    let whole = (stream.len() - rest.len()) as u64;
    let announced = lengths(rest).map_or(0, |(prefix, name, value)| prefix as u64 + name + value);
    stream.len() <= limits.params_size
        && pairs.len() + usize::from(!rest.is_empty()) <= limits.params
        && whole + announced <= limits.params_size as u64
}
