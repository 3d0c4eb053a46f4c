//! The user that the web server runs scripts as.

use std::io;
use std::process::{Command, Stdio};

/// A user with all groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name, or the number where there is none.
    pub name: String,
    /// The user id.
    pub uid: u32,
    /// The primary group.
    pub gid: u32,
    /// All groups, the primary one included.
    pub groups: Vec<u32>,
}

impl User {
    /// The user that this process runs as, with the rights that it has now.
    pub fn current() -> Self {
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let mut groups: Vec<u32> =
            rustix::process::getgroups().unwrap_or_default().iter().map(|group| group.as_raw()).collect();
        if !groups.contains(&gid) {
            groups.push(gid);
        }
        Self { name: name_of(uid), uid, gid, groups }
    }

    /// A user by name or number, as the system's databases know it (id(1) asks all of them).
    ///
    /// # Errors
    /// There is no such user.
    pub fn named(name: &str) -> io::Result<Self> {
        let ask = |option: &str| -> io::Result<Vec<u32>> {
            let output = Command::new("id").args([option, "--", name]).stdin(Stdio::null()).output()?;
            let text = String::from_utf8_lossy(&output.stdout);
            let numbers: Option<Vec<u32>> = text.split_whitespace().map(|word| word.parse().ok()).collect();
            numbers.filter(|numbers| output.status.success() && !numbers.is_empty()).ok_or_else(|| {
                io::Error::new(io::ErrorKind::NotFound, format!("there is no user '{name}' on this machine"))
            })
        };
        let (uid, groups) = (ask("-u")?[0], ask("-G")?);
        let name = if name.bytes().all(|byte| byte.is_ascii_digit()) { name_of(uid) } else { name.to_owned() };
        Ok(Self { name, uid, gid: groups[0], groups })
    }

    /// Root passes every check of permission but one: a file that nobody may execute.
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// Whether this process may run something as this user: it is this user, or root.
    pub fn can_be_taken_on(&self) -> bool {
        let uid = rustix::process::geteuid();
        uid.is_root() || uid.as_raw() == self.uid
    }
}

/// The name of a user in the local database; the number where there is none.
pub(crate) fn name_of(uid: u32) -> String {
    first_field("/etc/passwd", uid).unwrap_or_else(|| uid.to_string())
}

/// The name of a group, likewise.
pub(crate) fn group_name_of(gid: u32) -> String {
    first_field("/etc/group", gid).unwrap_or_else(|| gid.to_string())
}

/// passwd(5) and group(5) both have the name first and the number third.
fn first_field(file: &str, number: u32) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let wanted = number.to_string();
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1) == Some(wanted.as_str())).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name_and_by_number() {
        let root = User::named("root").unwrap();
        assert_eq!((root.uid, root.name.as_str(), root.is_root()), (0, "root", true));
        assert_eq!(User::named("0").unwrap().name, "root");
        let missing = User::named("no-such-user-here").unwrap_err().to_string();
        assert!(missing.contains("no user 'no-such-user-here'"), "{missing}");
        User::named("--help").unwrap_err();
    }

    #[test]
    fn the_current_user_is_in_its_primary_group() {
        let user = User::current();
        assert!(user.groups.contains(&user.gid));
        assert!(user.can_be_taken_on());
    }
}
