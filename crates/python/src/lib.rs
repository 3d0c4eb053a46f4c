//! The only door to CPython: the extension module `millau._engine`, where the parts are put together.
//!
//! No other crate knows pyo3. What crosses the border crosses it in [`door`]; what serves requests is in [`application`];
//! what the supervisor asks from an interpreter is in [`host`].

mod application;
mod bind;
mod cgi_front;
mod command;
mod doctor;
mod door;
mod host;
mod load;
mod relay;
mod script;
mod stack;
mod survey;

/// The engine of Millau. Its Python face is the package `millau`.
#[pyo3::pymodule]
mod _engine {
    #[pymodule_export]
    use crate::application::resident::{CgiStreams, end_thread};
    #[pymodule_export]
    use crate::application::script_environment::ScriptEnvironment;
    #[pymodule_export]
    use crate::application::wsgi::{Errors, FileWrapper, Input, StartResponse, Write};
    #[pymodule_export]
    use crate::bind::callable::{answer_cgi, serve};
    #[pymodule_export]
    use crate::bind::psp::translate_psp;
    #[pymodule_export]
    use crate::command::main;

    /// The version of the wheel.
    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
