//! What the operator decides about a worker.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use millau_config::AjpPaths;
use millau_gateway::forwarded::Proxy;
use millau_http1::Limits;
use millau_log::AccessLog;

/// How a worker serves. Every limit is a row of the settings table.
pub struct Options {
    /// What a request may be.
    pub limits: Limits,
    /// Body bytes that are read before the application is called; what is longer is streamed. 0: call at once.
    pub request_buffer: usize,
    /// Bytes of a response that are kept for a slow reader before the application has to wait.
    pub response_buffer: usize,
    /// Bytes of all request bodies together that may be in files.
    pub request_spool: u64,
    /// Bytes of all responses together that may be in files for slow readers.
    pub response_spool: u64,
    /// Connections at a time; further ones wait in the listener's backlog.
    pub connections: usize,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// Threads that stay when nothing blocks; at least 1.
    pub threads_min: usize,
    /// Threads at the most. 1: calls never overlap.
    pub threads_max: usize,
    /// The Server field; empty for none.
    pub server_field: Vec<u8>,
    /// Who may connect over TCP to a front that is not HTTP; empty: everybody.
    pub front_servers: Vec<IpAddr>,
    /// What `FCGI_WEB_SERVER_ADDRS` names (FastCGI 1.0 §3.2): who may connect over TCP to a FastCGI front.
    pub web_server_addresses: Option<Vec<IpAddr>>,
    /// Whose X-Forwarded-For is believed at HTTP fronts.
    pub forwarded_from: Vec<Proxy>,
    /// What a request over AJP must tell; empty: nothing.
    pub ajp_secret: Vec<u8>,
    /// Bytes of the largest AJP packet.
    pub ajp_packet_size: usize,
    /// How paths arrive over AJP.
    pub ajp_paths: AjpPaths,
    /// Where requests are recorded, if anywhere.
    pub access_log: Option<Arc<AccessLog>>,
}

impl Options {
    /// Bytes that the variables of a front server may have: the client's fields, and what the front server adds.
    pub(crate) fn variables_size(&self) -> usize {
        self.limits.head_size + 16 * 1024
    }

    /// How many such variables there may be.
    pub(crate) fn variables(&self) -> usize {
        self.limits.fields + 100
    }
}

/// How long a peer may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// From the first byte (or the accept) to the end of the head.
    pub header: Duration,
    /// Without any progress of a request body.
    pub body: Duration,
    /// Between two requests on one connection.
    pub keep_alive: Duration,
    /// Without any progress of a response.
    pub send: Duration,
    /// The same, when no thread is left and that of the response is one too many for slow readers.
    pub crowded_send: Duration,
    /// From the call of the application to the end of its response; zero is no limit.
    pub request: Duration,
    /// From the order to finish to the end of the worker, which it comes to by itself if nobody is left to end it.
    pub graceful: Duration,
}

/// Where a worker notes what it is doing, so that someone else can tell after its death.
pub trait Board: Send + Sync {
    /// `thread` starts to serve this request.
    fn begin(&self, thread: usize, method: &[u8], target: &[u8]);
    /// `thread` has served it.
    fn end(&self, thread: usize);
    /// So many connections are open now.
    fn connections(&self, open: usize);
}
