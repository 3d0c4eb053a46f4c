//! Every way in which bytes may arrive: a decoder that must be shown them in pieces has to come to the same each time.

use std::fmt::Debug;

/// Longer input is not split at every byte, which would take its length squared.
const SPLIT_EVERYWHERE_BELOW: usize = 3_000;

/// Lets `run` take the input whole, split in two at every byte, and byte by byte, and gives what came of it.
///
/// # Panics
/// If that was not the same each time; `name` is then in the message.
pub fn however_it_arrives<T: PartialEq + Debug>(name: &str, input: &[u8], run: impl Fn(&[&[u8]]) -> T) -> T {
    let whole = run(&[input]);
    for at in splits(input.len()) {
        assert_eq!(run(&[&input[..at], &input[at..]]), whole, "{name}, split at {at}");
    }
    assert_eq!(run(&input.chunks(1).collect::<Vec<_>>()), whole, "{name}, byte by byte");
    whole
}

/// Every place to split at; of long input all near its ends, and some of those in its middle.
fn splits(length: usize) -> impl Iterator<Item = usize> {
    let is_near_an_end = move |at: usize| at < 80 || length - at < 80;
    (0..=length).filter(move |at| length < SPLIT_EVERYWHERE_BELOW || is_near_an_end(*at) || at % 4_093 < 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_depends_on_how_it_arrives_is_found() {
        let sum = |pieces: &[&[u8]]| pieces.concat();
        assert_eq!(however_it_arrives("sum", b"abc", sum), b"abc");
        let longest = |pieces: &[&[u8]]| pieces.iter().map(|piece| piece.len()).max();
        assert!(std::panic::catch_unwind(|| however_it_arrives("longest", b"abc", longest)).is_err());
    }
}
