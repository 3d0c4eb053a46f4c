//! What a whole configuration must know of the machine: who serves, and where Apache's modules are.

use std::path::Path;

/// Facts about this machine that stand in a whole configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// As whom the front server serves; `None`: as whoever starts it, who is not root.
    pub user: Option<String>,
    /// The directory of Apache's modules.
    pub apache_modules: String,
    /// nginx's table of media types, if there is one.
    pub nginx_types: Option<String>,
}

impl Surroundings {
    /// Those of this machine.
    pub fn here() -> Self {
        let is_there = |path: &&str| Path::new(path).exists();
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let exists = |user: &&str| users.lines().any(|line| line.split(':').next() == Some(user));
        let user = || ["www-data", "nginx", "apache", "http", "nobody"].into_iter().find(exists).unwrap_or("nobody");
        let modules = ["/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules"];
        Self {
            user: rustix::process::geteuid().is_root().then(|| user().to_owned()),
            apache_modules: modules.into_iter().find(is_there).unwrap_or("modules").to_owned(),
            nginx_types: Some("/etc/nginx/mime.types").filter(is_there).map(str::to_owned),
        }
    }
}
