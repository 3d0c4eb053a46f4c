//! Python applications as [`millau_gateway::Application`]s.

pub(crate) mod debug_page;
pub(crate) mod wsgi;
