//! Whether a web server would take the file for a CGI script: its directory and its suffix.
//!
//! What Apache's and lighttpd's own configuration on this machine says counts, if there is any; else the custom: a
//! directory named cgi-bin, or the suffix .cgi.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::Options;
use crate::mend::quoted;
use crate::{Finding, Mend, Place, Problem};

/// What is served as CGI.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Directories in which every executable file is a script.
    pub directories: Vec<PathBuf>,
    /// Suffixes with their dot that make a file a script.
    pub suffixes: Vec<String>,
    /// Where that is written; empty: it is the custom, or what the operator has said.
    pub sources: Vec<PathBuf>,
}

/// Limits what is read of a configuration: more files than this are no configuration of one server.
const MOST_FILES: usize = 500;

const CONFIGURATIONS: [&str; 10] = [
    "/etc/apache2/apache2.conf",
    "/etc/apache2/conf-enabled",
    "/etc/apache2/mods-enabled",
    "/etc/apache2/sites-enabled",
    "/etc/httpd/conf/httpd.conf",
    "/etc/httpd/conf.d",
    "/etc/lighttpd/lighttpd.conf",
    "/etc/lighttpd/conf-enabled",
    "/usr/local/etc/apache24/httpd.conf",
    "/usr/local/etc/lighttpd/lighttpd.conf",
];

impl Served {
    /// What the web servers on this machine are configured for.
    pub fn configured() -> Self {
        let mut served = Self::default();
        for file in CONFIGURATIONS.iter().flat_map(|place| files(Path::new(place))).take(MOST_FILES) {
            if let Ok(text) = std::fs::read_to_string(&file) {
                let before = (served.directories.len(), served.suffixes.len());
                served.read(&text);
                if before != (served.directories.len(), served.suffixes.len()) {
                    served.sources.push(file);
                }
            }
        }
        served
    }

    /// Collects from one file: ScriptAlias and AddHandler of Apache, cgi.assign of lighttpd.
    fn read(&mut self, text: &str) {
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches('"')).collect();
            match words.as_slice() {
                [directive, _, folder] if directive.eq_ignore_ascii_case("ScriptAlias") => {
                    self.directories.push(PathBuf::from(folder));
                }
                [directive, "cgi-script", suffixes @ ..] if directive.eq_ignore_ascii_case("AddHandler") => {
                    let dotted = |suffix: &&str| format!(".{}", suffix.trim_start_matches('.'));
                    self.suffixes.extend(suffixes.iter().map(dotted));
                }
                _ => {}
            }
        }
        let mut rest = text;
        while let Some((_, assigned)) = rest.split_once("cgi.assign") {
            let body = assigned.split_once('(').map_or("", |(_, body)| body);
            let (body, after) = body.split_once(')').unwrap_or((body, ""));
            for pair in body.lines().map(|line| line.split('#').next().unwrap_or_default()).flat_map(|l| l.split(',')) {
                let suffix = pair.split("=>").next().unwrap_or_default().trim().trim_matches('"');
                // The empty suffix fits everything; where it counts stands in a condition that is not read here.
                if suffix.starts_with('.') {
                    self.suffixes.push(suffix.to_owned());
                }
            }
            rest = after;
        }
    }

    fn holds(&self, path: &Path) -> bool {
        self.directories.iter().any(|folder| path.starts_with(folder)) || self.has_suffix(path)
    }

    fn has_suffix(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.suffixes.iter().any(|suffix| name.ends_with(suffix.as_str()))
    }
}

fn files(place: &Path) -> Vec<PathBuf> {
    if place.is_file() {
        return vec![place.to_owned()];
    }
    let mut files: Vec<PathBuf> = std::fs::read_dir(place).into_iter().flatten().flatten().map(|e| e.path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    files
}

/// Whether the file would be served.
pub(super) fn examine(path: &Path, options: &Options, findings: &mut Vec<Finding>) {
    let Some(served) = &options.served else { return };
    if served.holds(path) {
        return;
    }
    let by_custom = served.directories.is_empty() && served.suffixes.is_empty();
    let is_custom = |folder: &Path| folder.file_name().is_some_and(|name| name == "cgi-bin" || name == "cgi");
    if by_custom && (path.ancestors().skip(1).any(is_custom) || path.extension() == Some(OsStr::new("cgi"))) {
        return;
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    let what = if by_custom {
        "the script is in no directory named cgi-bin, and its name does not end with .cgi".to_owned()
    } else {
        let directories = served.directories.iter().map(|folder| folder.display().to_string());
        let all: Vec<String> = directories.chain(served.suffixes.iter().map(|suffix| format!("*{suffix}"))).collect();
        format!("the script is not among what is served as CGI ({})", all.join(", "))
    };
    let suffix = path.extension().map_or_else(String::new, |suffix| format!(".{}", suffix.to_string_lossy()));
    let handler = if suffix.is_empty() { ".cgi".to_owned() } else { suffix };
    let quoted_folder = quoted(folder);
    findings.push(Finding::warning(
        Problem::NotServedAsCgi,
        Place::File(path.to_owned()),
        what,
        "a web server starts only what its configuration calls a CGI script; anything else it sends as it is, source and \
         passwords included, or refuses",
        Mend::Command(format!(
            "millau serve cgi:{quoted_folder}   # Apache: ScriptAlias /cgi-bin/ \"{folder}/\"   or, in <Directory \"{folder}\">: \
             Options +ExecCGI and AddHandler cgi-script {handler}   # lighttpd: cgi.assign = ( \"{handler}\" => \"\" )",
            folder = folder.display()
        )),
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_of_apache_and_of_lighttpd_is_read() {
        let mut served = Served::default();
        served.read(
            "# ScriptAlias /no/ /no/\n  ScriptAlias /cgi-bin/ \"/usr/lib/cgi-bin/\"\nAddHandler cgi-script .cgi py\n\
             Options +ExecCGI\n",
        );
        served.read("server.modules += ( \"mod_cgi\" )\ncgi.assign = (\n  \".pl\" => \"/usr/bin/perl\", # x\n  \".sh\"  => \"\",\n)\n\
                     $HTTP[\"url\"] =~ \"^/cgi-bin/\" { cgi.assign = ( \"\" => \"\" ) }\n");
        assert_eq!(served.directories, [Path::new("/usr/lib/cgi-bin/")]);
        assert_eq!(served.suffixes, [".cgi", ".py", ".pl", ".sh"]);
        assert!(served.holds(Path::new("/usr/lib/cgi-bin/x/y")) && served.holds(Path::new("/srv/a.py")));
        assert!(!served.holds(Path::new("/srv/a.rb")) && !served.holds(Path::new("/usr/lib/cgi-bin2/x")));
    }

    fn told(path: &str, served: Served) -> Option<String> {
        let options = Options { served: Some(served), ..Options::default() };
        let mut findings = Vec::new();
        examine(Path::new(path), &options, &mut findings);
        findings.pop().map(|finding| finding.what)
    }

    #[test]
    fn without_a_configuration_custom_decides() {
        assert_eq!(told("/usr/lib/cgi-bin/hello.py", Served::default()), None);
        assert_eq!(told("/srv/www/hello.cgi", Served::default()), None);
        assert!(told("/srv/www/hello.py", Served::default()).unwrap().contains("no directory named cgi-bin"));
    }

    #[test]
    fn with_a_configuration_custom_does_not_count() {
        let served = Served { suffixes: vec![".py".into()], ..Served::default() };
        assert_eq!(told("/srv/www/hello.py", served.clone()), None);
        assert!(told("/srv/www/hello.cgi", served).unwrap().contains("(*.py)"));
    }
}
