//! The rules of SCGI, read plainly and slowly over a whole input, for comparison.

use millau_scgi::Limits;

use crate::connection::Outcome;

/// Fails when the decoder has come to something else than a plain reading of the rules.
pub(crate) fn assert_agrees(input: &[u8], limits: &Limits, found: &Outcome) {
    match (request(input, limits), found) {
        (Plain::Request(pairs, body), Outcome::Request(seen)) => {
            assert_eq!((&seen.pairs, &seen.body), (&pairs, &body));
        }
        (Plain::Cut, Outcome::Cut) | (Plain::Wrong, Outcome::Refused(_)) => {}
        // What is wrong may show before all of it is here.
        (Plain::Cut, Outcome::Refused(_)) => {}
        (plain, found) => panic!("plainly {plain:?}, but {found:?}"),
    }
}

#[derive(Debug)]
enum Plain {
    Request(Vec<(Vec<u8>, Vec<u8>)>, Vec<u8>),
    Wrong,
    Cut,
}

fn request(input: &[u8], limits: &Limits) -> Plain {
    let digits = input.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match input.get(digits) {
        None => return Plain::Cut,
        Some(b':') if digits > 0 && (digits == 1 || input[0] != b'0') => {}
        Some(_) => return Plain::Wrong,
    }
    let Some(length) = number(&input[..digits]).filter(|length| *length <= limits.head_size as u128) else {
        return Plain::Wrong;
    };
    let (start, length) = (digits + 1, length as usize);
    let Some(comma) = input.get(start + length) else { return Plain::Cut };
    let mut texts: Vec<Vec<u8>> =
        input[start..start + length].split(|byte| *byte == 0).map(|text| text.to_vec()).collect();
    if *comma != b',' || texts.pop().is_none_or(|last| !last.is_empty()) || texts.len() % 2 == 1 {
        return Plain::Wrong;
    }
    let pairs: Vec<(Vec<u8>, Vec<u8>)> = texts.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    let all = |name: &[u8]| pairs.iter().filter(|(other, _)| other == name).map(|(_, value)| value).collect::<Vec<_>>();
    let once = pairs.iter().all(|(name, _)| name.starts_with(b"HTTP_") || all(name).len() == 1);
    let named = pairs.iter().all(|(name, _)| !name.is_empty()) && pairs.len() <= limits.pairs;
    let first = pairs.first().filter(|(name, _)| name == b"CONTENT_LENGTH");
    let length = first.and_then(|(_, value)| number(value)).filter(|length| *length <= limits.body_size.into());
    if !once || !named || all(b"SCGI") != [&b"1"[..]] {
        return Plain::Wrong;
    }
    let Some(length) = length else { return Plain::Wrong };
    let body = &input[start + texts.iter().map(|text| text.len() + 1).sum::<usize>() + 1..];
    match usize::try_from(length).ok().and_then(|length| body.get(..length)) {
        Some(body) => Plain::Request(pairs, body.to_vec()),
        None => Plain::Cut,
    }
}

/// Digits as a number; one of more than thirty digits stands for any that is too large.
fn number(digits: &[u8]) -> Option<u128> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let significant: Vec<u8> = digits.iter().copied().skip_while(|digit| *digit == b'0').take(30).collect();
    Some(significant.iter().fold(0, |number, digit| number * 10 + u128::from(digit - b'0')))
}
