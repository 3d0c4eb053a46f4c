//! Any output of a CGI program: the decoder does not panic, comes to the same result however the bytes are split, and
//! agrees with a plain reading of the rules; and what is understood and can be sent on is understood again as the same.

#![no_main]

#[path = "../../crates/protocol/cgi/tests/output/mod.rs"]
mod output;
#[path = "../../crates/protocol/cgi/tests/reference/mod.rs"]
mod reference;
mod uneven_pieces;

use libfuzzer_sys::{Corpus, fuzz_target};
use millau_cgi::{FirstLine, Kind, ResponseDecoder, ResponseHead, encode_response_head};
use millau_gateway::{BodyLength, Fields, Response};
use output::{Seen, outcome};
use uneven_pieces::uneven_pieces;

fuzz_target!(|input: &[u8]| -> Corpus {
    // Longer input shows nothing that the narrow limit does not, and takes long.
    if input.len() > 4096 {
        return Corpus::Reject;
    }
    // The second limit is one that a short input can reach.
    for limit in [65_536, 60] {
        for (decoder, is_cgi) in
            [(ResponseDecoder::new(limit), true), (ResponseDecoder::with_status_line(limit), false)]
        {
            let whole = outcome([input], decoder.clone());
            if is_cgi {
                reference::assert_agrees(input, limit, &whole);
            }
            assert_eq!(outcome(input.chunks(1), decoder.clone()), whole, "byte by byte");
            assert_eq!(outcome(uneven_pieces(input), decoder), whole, "in uneven pieces");
            if let Ok(seen) = whole {
                check_sent_on(&seen);
            }
        }
    }
    Corpus::Keep
});

/// Encodes what was received, and reads it again.
fn check_sent_on(seen: &Seen) {
    for (first_line, decoder) in [
        (FirstLine::Status, ResponseDecoder::new(usize::MAX)),
        (FirstLine::StatusLine, ResponseDecoder::with_status_line(usize::MAX)),
    ] {
        let response = &seen.response;
        let head = ResponseHead { response, length: BodyLength::Unknown, head_request: false, first_line };
        let mut sent = b"before".to_vec();
        if encode_response_head(&mut sent, &head).is_err() {
            assert_eq!(sent, b"before");
            continue;
        }
        let again = outcome([&sent[6..]], decoder).expect("what was sent is understood");
        assert_eq!((again.response.status, &again.response.reason), (response.status, &response.reason));
        assert!(fields(&again.response).iter().eq(fields(response).iter()));
        let is_redirect = seen.kind != Kind::Document;
        assert_eq!(again.kind, if is_redirect { Kind::ClientRedirectWithDocument } else { Kind::Document });
    }
}

/// The fields that an encoder does not say in its own words.
fn fields(response: &Response) -> Fields {
    let mut fields = response.fields.clone();
    [&b"Content-Length"[..], b"Connection"].iter().for_each(|name| fields.remove(name));
    fields
}
