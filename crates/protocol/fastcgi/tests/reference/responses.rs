//! The rules of responses, as plainly as possible.

use millau_fastcgi::{EndRequest, ProtocolStatus};

use super::pairs;
use crate::response_connection::{ResponseEnd, ResponseOutcome, SeenResponse, Told};

/// Panics where the decoder's outcome is not what the rules say.
pub(crate) fn assert_agrees_on_responses(input: &[u8], requests: usize, outcome: &ResponseOutcome) {
    let mut reading = Reading { requests, responses: Vec::new(), current: SeenResponse::default(), told: Vec::new() };
    let end = reading.read(input);
    if reading.current != SeenResponse::default() {
        reading.responses.push(reading.current);
    }
    assert_eq!(outcome.responses, reading.responses);
    assert_eq!(outcome.told, reading.told);
    match (end, outcome.end) {
        (Rest::Idle, ResponseEnd::Idle) | (Rest::Wrong, ResponseEnd::Refused(_)) | (Rest::Cut, ResponseEnd::Cut) => {}
        (expected, end) => panic!("by the rules it ends {expected:?}, the decoder says {end:?}"),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Idle,
    Wrong,
    Cut,
}

struct Reading {
    /// Those that are not answered yet, the one under way included.
    requests: usize,
    responses: Vec<SeenResponse>,
    current: SeenResponse,
    told: Vec<Told>,
}

impl Reading {
    fn read(&mut self, mut input: &[u8]) -> Rest {
        while !input.is_empty() {
            if input[0] != 1 {
                return Rest::Wrong;
            }
            let Some((header, after)) = input.split_first_chunk::<8>() else { return Rest::Cut };
            let length = usize::from(header[4]) * 256 + usize::from(header[5]);
            let content = &after[..length.min(after.len())];
            if !self.record(header[1], [header[2], header[3]], length, content) {
                return Rest::Wrong;
            }
            match after.get(length + usize::from(header[6])..) {
                Some(next) => input = next,
                None => return Rest::Cut,
            }
        }
        if self.requests == 0 { Rest::Idle } else { Rest::Cut }
    }

    /// False: it is wrong.
    fn record(&mut self, record_type: u8, id: [u8; 2], length: usize, content: &[u8]) -> bool {
        let is_whole = content.len() == length;
        match (record_type, id) {
            (10, [0, 0]) if length > 4096 => return false,
            (10, [0, 0]) if is_whole => {
                let (pairs, rest) = pairs(content);
                if !rest.is_empty() {
                    return false;
                }
                self.told.push(Told::Values(pairs));
            }
            (10, [0, 0]) => {}
            (11, [0, 0]) if length != 8 => return false,
            (11, [0, 0]) if is_whole => self.told.push(Told::UnknownType(content[0])),
            (11, [0, 0]) => {}
            (3 | 6 | 7, [0, 1]) if self.requests == 0 => return false,
            (6, [0, 1]) if length == 0 => self.current.stdout_ended = true,
            (6, [0, 1]) if self.current.stdout_ended => return false,
            (6, [0, 1]) => self.current.stdout.extend_from_slice(content),
            (7, [0, 1]) => self.current.stderr.extend_from_slice(content),
            (3, [0, 1]) if length != 8 => return false,
            (3, [0, 1]) if is_whole => return self.end(content),
            (3, [0, 1]) => {}
            _ => return false,
        }
        true
    }

    fn end(&mut self, content: &[u8]) -> bool {
        let status = [
            ProtocolStatus::RequestComplete,
            ProtocolStatus::CantMpxConn,
            ProtocolStatus::Overloaded,
            ProtocolStatus::UnknownRole,
        ];
        let Some(protocol_status) = status.get(usize::from(content[4])) else { return false };
        let app_status = content[..4].iter().fold(0, |sum, byte| sum * 256 + u32::from(*byte));
        self.current.end = Some(EndRequest { app_status, protocol_status: *protocol_status });
        self.responses.push(std::mem::take(&mut self.current));
        self.requests -= 1;
        true
    }
}
