//! What has left the standard library of Python or has another name in it, and where it is now.

/// Where a module has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Now {
    /// A package on the package index brings the module back, under the same name.
    Package(&'static str),
    /// It has another name since Python 3.
    Renamed(&'static str),
    /// Nothing brings it back: what to use in its place.
    Instead(&'static str),
}

/// A module that was a part of Python.
pub(crate) struct Gone {
    pub(crate) module: &'static str,
    /// The first version without it, as (major, minor).
    pub(crate) since: (u32, u32),
    pub(crate) now: Now,
}

const fn gone(module: &'static str, since: (u32, u32), now: Now) -> Gone {
    Gone { module, since, now }
}

const V3: (u32, u32) = (3, 0);

/// PEP 594, PEP 632, PEP 3108 and what was deprecated one by one.
pub(crate) const GONE: &[Gone] = &[
    gone("cgi", (3, 13), Now::Package("legacy-cgi")),
    gone("cgitb", (3, 13), Now::Package("legacy-cgi")),
    gone("aifc", (3, 13), Now::Package("standard-aifc")),
    gone("audioop", (3, 13), Now::Package("audioop-lts")),
    gone("chunk", (3, 13), Now::Package("standard-chunk")),
    gone("crypt", (3, 13), Now::Package("standard-crypt")),
    gone("imghdr", (3, 13), Now::Package("standard-imghdr")),
    gone("mailcap", (3, 13), Now::Package("standard-mailcap")),
    gone("nntplib", (3, 13), Now::Package("standard-nntplib")),
    gone("pipes", (3, 13), Now::Package("standard-pipes")),
    gone("sndhdr", (3, 13), Now::Package("standard-sndhdr")),
    gone("sunau", (3, 13), Now::Package("standard-sunau")),
    gone("telnetlib", (3, 13), Now::Package("standard-telnetlib")),
    gone("uu", (3, 13), Now::Package("standard-uu")),
    gone("xdrlib", (3, 13), Now::Package("standard-xdrlib")),
    gone("msilib", (3, 13), Now::Instead("nothing: it is for Windows installers")),
    gone("nis", (3, 13), Now::Instead("pwd and grp, which ask the name service too")),
    gone("ossaudiodev", (3, 13), Now::Instead("a package for sound")),
    gone("spwd", (3, 13), Now::Instead("python-pam")),
    gone("lib2to3", (3, 13), Now::Package("fissix")),
    gone("asynchat", (3, 12), Now::Package("standard-asynchat")),
    gone("asyncore", (3, 12), Now::Package("standard-asyncore")),
    gone("smtpd", (3, 12), Now::Package("standard-smtpd")),
    gone("distutils", (3, 12), Now::Package("setuptools")),
    gone("imp", (3, 12), Now::Renamed("importlib")),
    gone("binhex", (3, 11), Now::Instead("nothing: the format is dead")),
    gone("formatter", (3, 10), Now::Instead("textwrap or html.parser")),
    gone("parser", (3, 10), Now::Renamed("ast")),
    gone("symbol", (3, 10), Now::Renamed("ast")),
    gone("_dummy_thread", (3, 9), Now::Renamed("threading")),
    gone("dummy_threading", (3, 9), Now::Renamed("threading")),
    gone("BaseHTTPServer", V3, Now::Renamed("http.server")),
    gone("CGIHTTPServer", V3, Now::Renamed("http.server")),
    gone("ConfigParser", V3, Now::Renamed("configparser")),
    gone("Cookie", V3, Now::Renamed("http.cookies")),
    gone("HTMLParser", V3, Now::Renamed("html.parser")),
    gone("Queue", V3, Now::Renamed("queue")),
    gone("SimpleHTTPServer", V3, Now::Renamed("http.server")),
    gone("SocketServer", V3, Now::Renamed("socketserver")),
    gone("StringIO", V3, Now::Renamed("io")),
    gone("Tkinter", V3, Now::Renamed("tkinter")),
    gone("UserDict", V3, Now::Renamed("collections")),
    gone("__builtin__", V3, Now::Renamed("builtins")),
    gone("anydbm", V3, Now::Renamed("dbm")),
    gone("bsddb", V3, Now::Instead("dbm, or the package berkeleydb")),
    gone("cPickle", V3, Now::Renamed("pickle")),
    gone("cStringIO", V3, Now::Renamed("io")),
    gone("commands", V3, Now::Renamed("subprocess")),
    gone("cookielib", V3, Now::Renamed("http.cookiejar")),
    gone("copy_reg", V3, Now::Renamed("copyreg")),
    gone("dbhash", V3, Now::Renamed("dbm")),
    gone("dumbdbm", V3, Now::Renamed("dbm.dumb")),
    gone("email.MIMEMultipart", V3, Now::Renamed("email.mime.multipart")),
    gone("email.MIMEText", V3, Now::Renamed("email.mime.text")),
    gone("email.Utils", V3, Now::Renamed("email.utils")),
    gone("gdbm", V3, Now::Renamed("dbm.gnu")),
    gone("htmlentitydefs", V3, Now::Renamed("html.entities")),
    gone("htmllib", V3, Now::Renamed("html.parser")),
    gone("httplib", V3, Now::Renamed("http.client")),
    gone("md5", V3, Now::Renamed("hashlib")),
    gone("mimetools", V3, Now::Renamed("email")),
    gone("popen2", V3, Now::Renamed("subprocess")),
    gone("rfc822", V3, Now::Renamed("email")),
    gone("robotparser", V3, Now::Renamed("urllib.robotparser")),
    gone("sets", V3, Now::Instead("set, which is built in")),
    gone("sgmllib", V3, Now::Renamed("html.parser")),
    gone("sha", V3, Now::Renamed("hashlib")),
    gone("thread", V3, Now::Renamed("threading")),
    gone("urllib2", V3, Now::Renamed("urllib.request")),
    gone("urlparse", V3, Now::Renamed("urllib.parse")),
    gone("whichdb", V3, Now::Renamed("dbm")),
    gone("xmlrpclib", V3, Now::Renamed("xmlrpc.client")),
];

/// A name that a module no longer has: (module.name, first version without it, what to write).
pub(crate) const NAMES: &[(&str, (u32, u32), &str)] = &[
    ("cgi.escape", (3, 8), "html.escape"),
    ("cgi.parse_qs", (3, 8), "urllib.parse.parse_qs"),
    ("cgi.parse_qsl", (3, 8), "urllib.parse.parse_qsl"),
    ("time.clock", (3, 8), "time.perf_counter"),
    ("collections.Mapping", (3, 10), "collections.abc.Mapping"),
    ("collections.MutableMapping", (3, 10), "collections.abc.MutableMapping"),
    ("collections.Iterable", (3, 10), "collections.abc.Iterable"),
    ("collections.Callable", (3, 10), "collections.abc.Callable"),
    ("html.parser.HTMLParseError", (3, 5), "Exception: the parser raises none of its own"),
    ("inspect.getargspec", (3, 11), "inspect.getfullargspec"),
    ("locale.format", (3, 12), "locale.format_string"),
    ("os.getcwdu", V3, "os.getcwd"),
    ("os.popen2", V3, "subprocess.Popen"),
    ("os.popen3", V3, "subprocess.Popen"),
    ("string.join", V3, "the method join of a text"),
    ("string.letters", V3, "string.ascii_letters"),
    ("string.lower", V3, "the method lower of a text"),
    ("string.maketrans", V3, "str.maketrans"),
    ("string.replace", V3, "the method replace of a text"),
    ("string.split", V3, "the method split of a text"),
    ("string.strip", V3, "the method strip of a text"),
    ("string.upper", V3, "the method upper of a text"),
    ("sys.maxint", V3, "sys.maxsize"),
    ("sys.setdefaultencoding", V3, "nothing: leave it out"),
    ("types.StringType", V3, "str"),
    ("urllib.quote", V3, "urllib.parse.quote"),
    ("urllib.quote_plus", V3, "urllib.parse.quote_plus"),
    ("urllib.unquote", V3, "urllib.parse.unquote"),
    ("urllib.unquote_plus", V3, "urllib.parse.unquote_plus"),
    ("urllib.urlencode", V3, "urllib.parse.urlencode"),
    ("urllib.urlopen", V3, "urllib.request.urlopen"),
    ("urllib.urlretrieve", V3, "urllib.request.urlretrieve"),
];

/// Packages whose name is not that of the module that they install.
const PACKAGES: &[(&str, &str)] = &[
    ("Crypto", "pycryptodome"),
    ("MySQLdb", "mysqlclient"),
    ("OpenSSL", "pyOpenSSL"),
    ("PIL", "Pillow"),
    ("bs4", "beautifulsoup4"),
    ("dateutil", "python-dateutil"),
    ("docx", "python-docx"),
    ("dotenv", "python-dotenv"),
    ("jwt", "PyJWT"),
    ("ldap", "python-ldap"),
    ("magic", "python-magic"),
    ("memcache", "python-memcached"),
    ("psycopg2", "psycopg2-binary"),
    ("serial", "pyserial"),
    ("sklearn", "scikit-learn"),
    ("yaml", "PyYAML"),
];

/// The entry for a module, by its longest name that has one.
pub(crate) fn find(module: &str) -> Option<&'static Gone> {
    GONE.iter().filter(|gone| is_below(module, gone.module)).max_by_key(|gone| gone.module.len())
}

fn is_below(module: &str, above: &str) -> bool {
    module.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The package to install for a module: a good guess, for most have the module's name.
pub(crate) fn package(module: &str) -> &str {
    let top = module.split('.').next().unwrap_or(module);
    PACKAGES.iter().find(|(name, _)| *name == top).map_or(top, |(_, package)| package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_found_with_what_is_in_it_and_not_by_half_its_name() {
        assert_eq!(find("distutils.util").unwrap().now, Now::Package("setuptools"));
        assert_eq!(find("email.MIMEText").unwrap().now, Now::Renamed("email.mime.text"));
        assert!(find("cgi_extra").is_none() && find("email.mime").is_none());
        assert_eq!((package("yaml"), package("flask.views")), ("PyYAML", "flask"));
    }

    #[test]
    fn no_module_stands_in_the_table_twice() {
        for (index, gone) in GONE.iter().enumerate() {
            assert!(GONE[..index].iter().all(|other| other.module != gone.module), "{}", gone.module);
        }
    }
}
