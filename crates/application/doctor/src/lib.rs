//! What is wrong with a CGI script, with its answer or with a deployment, why, and the exact command that mends it.
//!
//! The command `millau doctor` prints it; the application that runs CGI programs logs it, and shows it in the browser
//! under `--debug`. Nothing here serves requests, and nothing is changed but by a [`SafeMend`] that is applied.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod bounded;
mod deployment;
mod failure;
mod finding;
mod mend;
mod page;
mod problem;
mod script;
mod trial;
mod user;

pub use bounded::Ending;
pub use deployment::{Answer, Aspect, Probe, Silence, TOKEN_FIELD, Testimony, Url, Witness, judge, probes};
pub use failure::{Failure, diagnose_failure};
pub use finding::{Finding, Place, Severity};
pub use mend::{Mend, SafeMend};
pub use page::page;
pub use problem::Problem;
pub use script::{Options, SERVER_PATH, Served, diagnose_script, scripts_in};
pub use trial::{Trial, try_script};
pub use user::User;
