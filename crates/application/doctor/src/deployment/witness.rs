//! Inside of Millau: whoever sends the token is told what arrived, in place of the application's answer.

use std::sync::Arc;

use millau_gateway::{Application, Exchange, Response};

use super::Testimony;

/// The field that carries the token.
pub const TOKEN_FIELD: &str = "X-Millau-Doctor";

/// In front of all applications. Without the token a request passes as if nothing were here.
pub struct Witness {
    application: Arc<dyn Application>,
    token: Vec<u8>,
}

impl Witness {
    /// Puts itself in front of an application. The token is not empty.
    pub fn new(application: Arc<dyn Application>, token: &str) -> Self {
        Self { application, token: token.as_bytes().to_vec() }
    }

    fn is_asked(&self, exchange: &Exchange) -> bool {
        let sent = exchange.request().fields.get(TOKEN_FIELD.as_bytes()).unwrap_or_default();
        // As long for a wrong token as for a right one, so that it cannot be guessed byte by byte.
        let differing = sent.iter().zip(&self.token).fold(0, |all, (a, b)| all | (a ^ b));
        !self.token.is_empty() && sent.len() == self.token.len() && differing == 0
    }
}

impl Application for Witness {
    fn call(&self, exchange: Exchange) {
        if !self.is_asked(&exchange) {
            return self.application.call(exchange);
        }
        let testimony = Testimony::of(exchange.request(), self.application.is_at(exchange.request()));
        let body = serde_json::to_vec(&testimony).unwrap_or_default();
        let mut response = Response::new(200);
        response.fields.push(b"Content-Type", b"application/json");
        response.fields.push(b"Cache-Control", b"no-store");
        response.fields.push(b"X-Content-Type-Options", b"nosniff");
        exchange.respond(&response, &body);
    }

    fn batch(&self, work: &mut dyn FnMut()) {
        self.application.batch(work);
    }

    fn thread(&self, work: &mut dyn FnMut()) {
        self.application.thread(work);
    }
}
