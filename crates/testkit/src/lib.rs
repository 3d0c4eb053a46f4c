//! What the tests of several crates need: the corpus of `tests/wire`, and every way in which its bytes may arrive.
//!
//! Knows no protocol. It panics where a test is to fail; nothing but tests may depend on it.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "what is wrong with a file of the corpus fails the test that reads it")]

mod arrival;
mod corpus;

pub use arrival::however_it_arrives;
pub use corpus::{File, byte_pairs, bytes, files, variant};
