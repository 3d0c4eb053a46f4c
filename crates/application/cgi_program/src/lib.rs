//! CGI programs (RFC 3875) in any language as an [`Application`](millau_gateway::Application): a directory of scripts, a
//! process for each request.
//!
//! A request walks: [`script`] finds the program, [`environment`] makes its variables, [`spawn`] starts it or [`warm`] has
//! it forked from an interpreter that has imported what it needs, [`conversation`] carries body and output between it and
//! the client, [`reaper`] sees to what is left of it afterwards.
//!
//! What is not here: the form of a program's output (`millau-cgi`), Python itself (whoever runs scripts inside a worker's
//! interpreter is a [`Resident`]), and how a client is reached.

#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod answer;
mod child;
mod conversation;
mod diagnosis;
mod environment;
mod gate;
mod interpreter;
mod limits;
mod options;
mod pipes;
mod programs;
mod reaper;
mod redirect;
mod refusal;
mod resident;
mod script;
mod spawn;
mod standard_error;
mod warm;

pub use answer::Answer;
pub use environment::Environment;
pub use limits::{Limits, ProcessLimits};
pub use options::{Mode, Options};
pub use programs::{CgiPrograms, RootError};
pub use redirect::Redirects;
pub use resident::Resident;
pub use script::Script;
