//! Input in pieces, for targets whose result must not depend on how the bytes arrive.

/// Pieces of 1 to 32 bytes, as the bytes themselves decide.
pub fn uneven_pieces(mut input: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let first = *input.first()?;
        let (piece, rest) = input.split_at(input.len().min(1 + usize::from(first % 32)));
        input = rest;
        Some(piece)
    })
}
