//! Python applications as [`millau_gateway::Application`]s.

pub(crate) mod wsgi;
