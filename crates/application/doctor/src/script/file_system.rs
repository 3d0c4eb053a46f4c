//! What the file system and SELinux say about executing a file.

use std::path::{Path, PathBuf};

use rustix::fs::StatVfsMountFlags;

use crate::mend::quoted;
use crate::{Finding, Mend, Place, Problem};

/// A mount that allows no execution.
pub(super) fn mount(path: &Path, findings: &mut Vec<Finding>) {
    let Ok(facts) = rustix::fs::statvfs(path) else { return };
    if !facts.f_flag.contains(StatVfsMountFlags::NOEXEC) {
        return;
    }
    let point = mount_point(path);
    findings.push(Finding::error(
        Problem::NoexecMount,
        Place::File(path.to_owned()),
        format!("the file system at {} is mounted noexec", point.display()),
        "the kernel starts nothing from there, whatever the permissions of the file are ('Permission denied')",
        Mend::Command(format!(
            "mount -o remount,exec {}   # and take noexec out of its line in /etc/fstab; or move the script elsewhere",
            quoted(&point)
        )),
    ));
}

/// The mount point that a path lies below (proc_pid_mountinfo(5)).
fn mount_point(path: &Path) -> PathBuf {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = table.lines().filter_map(|line| line.split(' ').nth(4)).map(unescaped);
    points
        .filter(|point| path.starts_with(point))
        .max_by_key(|point| point.as_os_str().len())
        .unwrap_or_else(|| PathBuf::from("/"))
}

/// Blanks and backslashes are written in octal there.
fn unescaped(field: &str) -> PathBuf {
    let field = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(field.to_owned(), |text, (escape, character)| text.replace(escape, character));
    field.into()
}

/// Whether SELinux is in force on this machine.
pub(super) fn selinux_enforces() -> bool {
    std::fs::read_to_string("/sys/fs/selinux/enforce").is_ok_and(|text| text.trim() == "1")
}

/// A label with which SELinux keeps the web server from executing the file.
pub(super) fn label(path: &Path, findings: &mut Vec<Finding>) {
    let mut buffer = [0_u8; 512];
    let Ok(length) = rustix::fs::getxattr(path, "security.selinux", &mut buffer) else { return };
    let label = String::from_utf8_lossy(&buffer[..length]);
    let label = label.trim_end_matches('\0');
    let kind = label.split(':').nth(2).unwrap_or_default();
    if is_for_scripts(kind) {
        return;
    }
    findings.push(Finding::error(
        Problem::SecurityLabel,
        Place::File(path.to_owned()),
        format!("the SELinux label is '{label}'"),
        "SELinux is in force here and lets the web server execute only what is labelled for it, as \
         httpd_sys_script_exec_t is (httpd_selinux(8)); 'ausearch -m avc -c httpd' shows the refusals",
        Mend::Command(format!(
            "chcon -t httpd_sys_script_exec_t {path}   # for good: semanage fcontext -a -t httpd_sys_script_exec_t {path} && \
             restorecon -v {path}",
            path = quoted(path)
        )),
    ));
}

fn is_for_scripts(kind: &str) -> bool {
    kind.starts_with("httpd_") && kind.ends_with("_exec_t") || matches!(kind, "bin_t" | "unconfined_exec_t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_the_policy_for_web_servers_pass() {
        for kind in
            ["httpd_sys_script_exec_t", "httpd_unconfined_script_exec_t", "httpd_awstats_script_exec_t", "bin_t"]
        {
            assert!(is_for_scripts(kind), "{kind}");
        }
        for kind in ["user_home_t", "httpd_sys_content_t", "default_t", ""] {
            assert!(!is_for_scripts(kind), "{kind}");
        }
    }

    #[test]
    fn a_path_is_on_the_nearest_mount() {
        assert_eq!(mount_point(Path::new("/proc/self/stat")), Path::new("/proc"));
        assert_eq!(unescaped(r"/mnt/a\040b\134c"), Path::new(r"/mnt/a b\c"));
    }

    #[test]
    fn a_file_on_a_mount_without_execution_is_named() {
        // Linux mounts these two noexec everywhere.
        let Some(path) = ["/proc/version", "/sys/kernel/uevent_seqnum"].iter().map(Path::new).find(|path| {
            rustix::fs::statvfs(*path).is_ok_and(|facts| facts.f_flag.contains(StatVfsMountFlags::NOEXEC))
        }) else {
            return;
        };
        let mut findings = Vec::new();
        mount(path, &mut findings);
        assert_eq!(findings[0].problem, Problem::NoexecMount);
        assert!(findings[0].mend.command().starts_with("mount -o remount,exec /"));
    }
}
