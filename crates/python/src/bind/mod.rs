//! What the package `millau` calls in the engine.

pub(crate) mod psp;
