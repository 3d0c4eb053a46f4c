//! What a head costs: `cargo bench -p millau-http1` prints nanoseconds for each step of a small request;
//! `-- WORD` only those with that word in their name.

use std::hint::black_box;
use std::time::Instant;

use millau_gateway::{BodyLength, Request, Response, Version};
use millau_http1::{BodyDecoder, Framing, HeadEnd, Limits, ResponseHead, encode_response_head, receive_request_head};

const TYPICAL: &[u8] = b"GET /shop/list?page=2&order=price HTTP/1.1\r\n\
Host: shop.example.org\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
Accept-Language: en-GB,en;q=0.5\r\n\
Accept-Encoding: gzip, deflate, br\r\n\
Connection: keep-alive\r\n\
Cookie: sessionid=6b3f2c1de8a94f0cb1d7; csrftoken=Jx0QpYvR4nTgLw\r\n\
Referer: http://shop.example.org/shop/\r\n\r\n";

const SMALL: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n";

/// The best of several rounds: what disturbs a round only ever makes it slower.
fn measure(name: &str, mut step: impl FnMut()) {
    const STEPS: u32 = 2_000;
    if !std::env::args().skip(1).all(|word| word.starts_with('-') || name.contains(&word)) {
        return;
    }
    let best = (0..500)
        .map(|_| {
            let start = Instant::now();
            (0..STEPS).for_each(|_| step());
            start.elapsed().as_nanos() / u128::from(STEPS)
        })
        .min();
    println!("{name:40} {:5} ns", best.unwrap_or_default());
}

fn main() {
    let limits = Limits::default();
    for (name, input) in [("8 fields", TYPICAL), ("1 field", SMALL)] {
        measure(&format!("find the end of a head, {name}"), || {
            black_box(HeadEnd::default().find(black_box(input)));
        });
        let mut request = Request::default();
        measure(&format!("receive_request_head, {name}"), || {
            request.clear();
            let head = receive_request_head(&mut HeadEnd::default(), black_box(input), &limits, &mut request);
            assert!(black_box(head).is_ok());
        });
    }

    let mut response = Response::new(200);
    response.fields.push(b"Content-Type", b"text/html; charset=utf-8");
    response.fields.push(b"Content-Length", b"5120");
    response.fields.push(b"Vary", b"Cookie");
    response.fields.push(b"X-Frame-Options", b"DENY");
    response.fields.push(b"X-Content-Type-Options", b"nosniff");
    let head = ResponseHead {
        response: &response,
        length: BodyLength::Unknown,
        request_version: Version::Http11,
        head_request: false,
        persistent: true,
        date: b"Sun, 06 Nov 1994 08:49:37 GMT",
        server: b"Millau",
    };
    let mut out = Vec::new();
    measure("encode_response_head, 5 fields", || {
        out.clear();
        assert!(encode_response_head(black_box(&mut out), black_box(&head)).is_ok());
    });

    let data = vec![b'x'; 10_240];
    let mut chunked = Vec::new();
    for part in data.chunks(1024) {
        millau_http1::encode_chunk_prefix(&mut chunked, part.len());
        chunked.extend_from_slice(part);
        chunked.extend_from_slice(millau_http1::CHUNK_END);
    }
    chunked.extend_from_slice(millau_http1::LAST_CHUNK);
    measure("decode 10 chunks of 1 KiB", || {
        let mut body = BodyDecoder::new(Framing::Chunked);
        let mut rest = black_box(&chunked[..]);
        while !body.is_done() {
            let Ok(decoded) = body.decode(rest, &limits) else { unreachable!("these chunks are valid") };
            rest = &rest[decoded.consumed..];
        }
    });
}
