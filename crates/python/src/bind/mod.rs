//! What the package `millau` calls in the engine.

pub(crate) mod callable;
pub(crate) mod psp;
