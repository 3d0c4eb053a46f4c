//! `millau-load`: the load generator of Millau's benchmark. One thread, so that it fits on one core beside a server
//! on the other; no pipelining; every response is checked.

mod connection;
mod generator;
mod histogram;
mod options;
mod response;
mod schedule;
mod tally;

use std::process::ExitCode;

use crate::generator::Generator;
use crate::options::{HELP, Options};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let options = match Options::parse(arguments.into_iter()) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("millau-load: {error}");
            return ExitCode::from(2);
        }
    };
    match Generator::new(options).and_then(|mut generator| generator.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("millau-load: {error}");
            ExitCode::FAILURE
        }
    }
}
