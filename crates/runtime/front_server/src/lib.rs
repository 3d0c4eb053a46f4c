//! Configuration of the web servers that stand in front: from a [`Deployment`] to text that works as it is, with comments
//! that say why. Only [`Surroundings`] and [`check`] look at the machine.
//!
//! What each front server does to paths, fields and bodies when it is set up in this way is what
//! `tests/python/test_interop_*.py` runs against the real ones.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod apache;
mod check;
mod lighttpd;
mod media_types;
mod mount_name;
mod nginx;
mod start;
mod surroundings;

pub use check::{CheckError, check};
use millau_config::{Deployment, FrontServer};
pub use surroundings::Surroundings;

/// The configuration: a part to be included, or a whole one where [`Deployment::complete`] says so.
pub fn configuration(deployment: &Deployment, here: &Surroundings) -> String {
    match deployment.server {
        FrontServer::Nginx => nginx::configuration(deployment, here),
        FrontServer::Apache => apache::configuration(deployment, here),
        FrontServer::Lighttpd => lighttpd::configuration(deployment, here),
    }
}

#[cfg(test)]
mod tests;
