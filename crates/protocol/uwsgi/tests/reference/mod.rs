//! The rules of uwsgi, read plainly and slowly over a whole input, for comparison.

use millau_uwsgi::Limits;

use crate::connection::Outcome;

/// Fails when the decoder has come to something else than a plain reading of the rules.
pub(crate) fn assert_agrees(input: &[u8], limits: &Limits, found: &Outcome) {
    match (packet(input, limits), found) {
        (Plain::Request(pairs, body), Outcome::Request(seen)) => {
            assert_eq!((&seen.pairs, &seen.body), (&pairs, &body));
            assert_eq!(seen.manage_path_info, input[0] == 30);
        }
        (Plain::Ping, Outcome::Ping) | (Plain::Cut, Outcome::Cut) | (Plain::Wrong, Outcome::Refused(_)) => {}
        // What is wrong may show before all of it is here.
        (Plain::Cut, Outcome::Refused(_)) => {}
        (plain, found) => panic!("plainly {plain:?}, but {found:?}"),
    }
}

#[derive(Debug)]
enum Plain {
    Request(Vec<(Vec<u8>, Vec<u8>)>, Vec<u8>),
    Ping,
    Wrong,
    Cut,
}

fn packet(input: &[u8], limits: &Limits) -> Plain {
    if input.len() < 4 {
        return Plain::Cut;
    }
    let (header, rest) = input.split_at(4);
    let size = usize::from(header[1]) + 256 * usize::from(header[2]);
    match header[0] {
        100 if size == 0 && header[3] == 0 => return Plain::Ping,
        0 | 30 if size > 0 && size <= limits.block_size => {}
        _ => return Plain::Wrong,
    }
    if rest.len() < size {
        return Plain::Cut;
    }
    let (mut block, body) = rest.split_at(size);
    let mut texts = Vec::new();
    while !block.is_empty() {
        if block.len() < 2 {
            return Plain::Wrong;
        }
        let length = usize::from(block[0]) + 256 * usize::from(block[1]);
        if block.len() < 2 + length {
            return Plain::Wrong;
        }
        texts.push(block[2..2 + length].to_vec());
        block = &block[2 + length..];
    }
    let pairs: Vec<(Vec<u8>, Vec<u8>)> = texts.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    let is_text = |text: &Vec<u8>| !text.contains(&0);
    let mut lengths: Vec<&Vec<u8>> =
        pairs.iter().filter(|(name, _)| name == b"CONTENT_LENGTH").map(|(_, value)| value).collect();
    lengths.dedup();
    if texts.len() % 2 == 1
        || pairs.len() > limits.pairs
        || !texts.iter().all(is_text)
        || pairs.iter().any(|(name, _)| name.is_empty())
        || lengths.len() > 1
    {
        return Plain::Wrong;
    }
    let length = match lengths.first().map(|value| value.as_slice()) {
        None | Some(b"") => 0,
        Some(digits) if digits.iter().all(u8::is_ascii_digit) => {
            let significant: Vec<u8> = digits.iter().copied().skip_while(|digit| *digit == b'0').take(30).collect();
            significant.iter().fold(0u128, |number, digit| number * 10 + u128::from(digit - b'0'))
        }
        Some(_) => return Plain::Wrong,
    };
    if length > limits.body_size.into() {
        return Plain::Wrong;
    }
    match body.get(..length as usize) {
        Some(body) => Plain::Request(pairs, body.to_vec()),
        None => Plain::Cut,
    }
}
