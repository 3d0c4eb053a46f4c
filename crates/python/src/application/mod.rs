//! Python applications as [`millau_gateway::Application`]s.

pub(crate) mod cgi;
pub(crate) mod debug_page;
pub(crate) mod directory;
pub(crate) mod outside;
pub(crate) mod resident;
pub(crate) mod script_environment;
pub(crate) mod wsgi;
