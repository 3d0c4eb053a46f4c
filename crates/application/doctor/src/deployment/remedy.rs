//! Which line to change, in the words of the front server.

/// What stands in front, as far as its answers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrontServer {
    Nginx,
    Apache,
    Lighttpd,
    /// Millau answers itself.
    None,
    Other,
}

impl FrontServer {
    /// By the Server field of a response.
    pub(super) fn named(server: &str) -> Self {
        let server = server.to_ascii_lowercase();
        let known =
            [("nginx", Self::Nginx), ("apache", Self::Apache), ("lighttpd", Self::Lighttpd), ("millau", Self::None)];
        known.iter().find(|(name, _)| server.contains(name)).map_or(Self::Other, |(_, server)| *server)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Apache => "Apache",
            Self::Lighttpd => "lighttpd",
            Self::None => "Millau",
            Self::Other => "the front server",
        }
    }
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Host,
    Scheme,
    Client,
    /// What a client claims of its address.
    Claims,
    Mount,
    Path,
    Query,
    EncodedSlash,
    DoubleSlash,
    Credentials,
    Reach,
    Script,
}

/// The line for a topic; `by_variables` tells FastCGI, SCGI, uwsgi and AJP from HTTP. `prefix` is the path of the URL.
pub(super) fn line(front: FrontServer, by_variables: bool, topic: Topic, prefix: &str) -> String {
    use FrontServer as F;
    use Topic as T;
    let mount = if prefix.is_empty() { "/" } else { prefix };
    let text = match (front, by_variables, topic) {
        (F::Nginx, false, T::Host) => "in the location: proxy_set_header Host $http_host;",
        (F::Nginx, true, T::Host) => return parameter("HTTP_HOST", "$http_host"),
        (F::Apache, false, T::Host) => "beside ProxyPass: ProxyPreserveHost On",
        (F::Nginx, false, T::Scheme) => "in the location: proxy_set_header X-Forwarded-Proto $scheme;",
        (F::Nginx, true, T::Scheme) => return parameter("HTTPS", "$https if_not_empty"),
        (F::Apache, false, T::Scheme) => {
            "beside ProxyPass: RequestHeader set X-Forwarded-Proto expr=%{REQUEST_SCHEME} (needs mod_headers)"
        }
        (F::Apache, true, T::Scheme) => {
            "in the virtual host: SetEnvIf Request_Protocol . HTTPS=on, where SSLEngine is on"
        }
        // mod_proxy sends X-Forwarded-For and -Proto unasked; proxy.forwarded is about the field Forwarded.
        (F::Lighttpd, true, T::Scheme | T::Client) | (F::Lighttpd, false, T::Scheme) => {
            "right for lighttpd's own client; where that is another proxy: server.modules += ( \"mod_extforward\" ) and \
             extforward.forwarder = ( \"ADDRESS\" => \"trust\" ) with that proxy's address"
        }
        (F::Nginx, false, T::Client | T::Claims) => "in the location: proxy_set_header X-Forwarded-For $remote_addr;",
        (F::Nginx, true, T::Client | T::Claims) => return parameter("REMOTE_ADDR", "$remote_addr"),
        // mod_proxy adds the address of the connection to the field, whatever mod_extforward has found.
        (F::Lighttpd, false, T::Client) => {
            "right for lighttpd's own client; where that is another proxy, no setenv.set-request-header may take its \
             X-Forwarded-For away, and millau serve needs --forwarded-from with that proxy's address, too"
        }
        (F::Lighttpd, false, T::Host) => "beside proxy.server: no proxy.header with map-host-request",
        (F::Apache, false, T::Client) => "nothing is to be added to ProxyPass, but ProxyAddHeaders must not be Off",
        (F::Apache, false, T::Claims) => {
            "beside ProxyPass: RequestHeader unset X-Forwarded-For (needs mod_headers; Apache adds the client's address itself \
             unless ProxyAddHeaders is Off)"
        }
        (F::Lighttpd, false, T::Claims) => {
            "beside proxy.server: setenv.set-request-header = ( \"X-Forwarded-For\" => \"\" ) (needs mod_setenv; lighttpd adds the \
             client's address itself)"
        }
        (F::Nginx, false, T::Mount) => "in the location, no path behind the address: proxy_pass http://ADDRESS;",
        (F::Nginx, true, T::Mount | T::Path) => {
            "in the location: fastcgi_split_path_info with the mount, fastcgi_param SCRIPT_NAME and PATH_INFO; millau config \
             nginx prints them"
        }
        (F::Apache, false, T::Mount) => "the same path on both sides: ProxyPass MOUNT http://ADDRESS/MOUNT nocanon",
        (F::Nginx, false, T::Path) => {
            "in the location, no path behind the address, for nginx encodes anew what it has decoded for it: \
             proxy_pass http://ADDRESS;"
        }
        (F::Apache, false, T::Path) => "in ProxyPass, the word nocanon at the end",
        (F::Apache, _, T::EncodedSlash) => "in the virtual host: AllowEncodedSlashes NoDecode",
        (F::Nginx, false, T::EncodedSlash | T::Query) => {
            "in the location, no path behind the address: proxy_pass http://ADDRESS;"
        }
        (F::Nginx, true, T::Query) => return parameter("QUERY_STRING", "$query_string"),
        (F::Nginx, _, T::DoubleSlash) => "in the server: merge_slashes off;",
        (F::Apache, _, T::DoubleSlash) => "in the virtual host: MergeSlashes Off",
        (F::Apache, true, T::Credentials) => "in <Location>: CGIPassAuth On",
        (F::Nginx, true, T::Credentials) => return parameter("HTTP_AUTHORIZATION", "$http_authorization"),
        (F::Apache, _, T::Script) => {
            "ScriptAlias for its directory, or in <Directory>: Options +ExecCGI and AddHandler cgi-script .py .cgi .pl; with \
             mod_cgid or mod_cgi loaded (a2enmod cgid). Or without Apache: millau serve cgi:DIRECTORY"
        }
        (F::Lighttpd, _, T::Script) => {
            "server.modules += ( \"mod_cgi\" ) and cgi.assign = ( \".py\" => \"\", \".cgi\" => \"\", \".pl\" => \"\" ). Or behind it: \
             millau serve cgi:DIRECTORY"
        }
        (F::Nginx, _, T::Script) => {
            "nginx starts no programs: millau serve cgi:DIRECTORY, and a location for its path, which millau config nginx prints"
        }
        (F::None, _, T::Script) => "serve its directory as cgi:DIRECTORY, not as static:DIRECTORY",
        (F::Other, _, T::Script) => "serve its directory as CGI: millau serve cgi:DIRECTORY",
        (_, _, T::Reach) => "the address behind it and the --bind of millau serve must be the same",
        (_, true, T::Mount | T::Path) => {
            "give Millau the mount, which puts SCRIPT_NAME and PATH_INFO right by itself: millau serve --mount MOUNT=TARGET"
        }
        (_, false, T::Mount) => "pass on the whole path and say: millau serve --mount MOUNT=TARGET",
        (F::None, _, _) => "nothing stands in front: this is a fault of Millau; please report it",
        _ => return format!("compare your configuration with what millau config prints for {mount}"),
    };
    text.replace("MOUNT", mount)
}

/// nginx sends a variable as often as it has lines for it: that of the file which nearly everybody includes must go.
fn parameter(name: &str, value: &str) -> String {
    format!(
        "in the location, in place of any line for {name} there and in the file fastcgi_params: fastcgi_param {name} {value}; \
         (scgi_param and the file scgi_params, uwsgi_param and the file uwsgi_params)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lighttpd_is_not_told_to_write_a_field_that_millau_does_not_read() {
        for topic in [Topic::Scheme, Topic::Client, Topic::Host] {
            let line = line(FrontServer::Lighttpd, false, topic, "");
            assert!(!line.contains("proxy.forwarded"), "{line}");
        }
        assert!(line(FrontServer::Lighttpd, false, Topic::Scheme, "").contains("extforward.forwarder"));
        assert!(line(FrontServer::Lighttpd, true, Topic::Client, "").contains("extforward.forwarder"));
        assert!(line(FrontServer::Lighttpd, false, Topic::Client, "").contains("--forwarded-from"));
        assert!(line(FrontServer::Lighttpd, false, Topic::Host, "").contains("map-host-request"));
    }
}
