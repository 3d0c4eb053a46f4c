//! Whether a user may read, write, execute or enter: permission bits and POSIX access control lists (acl(5)).
//!
//! The kernel itself can only be asked about the current user, and the one that matters is usually another.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::User;

/// As in a permission triplet.
pub(super) const READ: u32 = 4;
/// As in a permission triplet.
pub(super) const WRITE: u32 = 2;
/// As in a permission triplet; for a directory, the right to go through it.
pub(super) const EXECUTE: u32 = 1;

/// The permissions of a file or directory.
pub(super) struct Access {
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    is_directory: bool,
    acl: Vec<Entry>,
}

/// One entry of an access control list, as the kernel hands it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    tag: u16,
    permissions: u32,
    id: u32,
}

const USER_OBJECT: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJECT: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// By which part of the permissions a user is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Owner,
    Group,
    Other,
    /// By an entry of the list: chmod would not reach it.
    List,
}

impl Access {
    pub(super) fn of(path: &Path, facts: &Metadata) -> Self {
        Self {
            mode: facts.mode() & 0o7777,
            uid: facts.uid(),
            gid: facts.gid(),
            is_directory: facts.is_dir(),
            acl: list(path),
        }
    }

    /// Which of the wanted bits the user lacks.
    pub(super) fn lacks(&self, user: &User, wanted: u32) -> u32 {
        if user.is_root() {
            // Root may execute a file that anybody may execute, and do everything else (capabilities(7)).
            let executable = self.is_directory || self.mode & 0o111 != 0;
            return if executable { 0 } else { wanted & EXECUTE };
        }
        wanted & !self.granted(user).1
    }

    /// The class of the user and what it grants.
    pub(super) fn granted(&self, user: &User) -> (Class, u32) {
        if user.uid == self.uid {
            return (Class::Owner, self.mode >> 6 & 7);
        }
        if self.acl.is_empty() {
            return if user.groups.contains(&self.gid) {
                (Class::Group, self.mode >> 3 & 7)
            } else {
                (Class::Other, self.mode & 7)
            };
        }
        // acl(5), "Access check algorithm".
        let mask = self.acl.iter().find(|entry| entry.tag == MASK).map_or(7, |entry| entry.permissions);
        if let Some(entry) = self.acl.iter().find(|entry| entry.tag == USER && entry.id == user.uid) {
            return (Class::List, entry.permissions & mask);
        }
        let mut groups = self.acl.iter().filter(|entry| match entry.tag {
            GROUP_OBJECT => user.groups.contains(&self.gid),
            GROUP => user.groups.contains(&entry.id),
            _ => false,
        });
        if let Some(first) = groups.next() {
            let all = groups.fold(first.permissions, |all, entry| all | entry.permissions);
            return (Class::List, all & mask);
        }
        let other = self.acl.iter().find(|entry| entry.tag == OTHER);
        (Class::Other, other.map_or(self.mode & 7, |entry| entry.permissions))
    }
}

/// The access control list of a file; empty where it has none beyond its mode.
fn list(path: &Path) -> Vec<Entry> {
    // 8 bytes an entry: more than a file system keeps.
    let mut buffer = [0_u8; 8192];
    match rustix::fs::getxattr(path, "system.posix_acl_access", &mut buffer) {
        Ok(length) => entries(&buffer[..length]),
        Err(_) => Vec::new(),
    }
}

/// The form of the attribute: a version, then tag, permissions and id of each entry, all little-endian.
fn entries(bytes: &[u8]) -> Vec<Entry> {
    let Some(rest) = bytes.strip_prefix(&2_u32.to_le_bytes()) else { return Vec::new() };
    let entry = |bytes: &[u8]| {
        let half = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let id = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        Entry { tag: half(0), permissions: u32::from(half(2)), id }
    };
    let all: Vec<Entry> = rest.chunks_exact(8).map(entry).collect();
    if all.iter().all(|entry| matches!(entry.tag, USER_OBJECT | GROUP_OBJECT | OTHER)) { Vec::new() } else { all }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(uid: u32, groups: &[u32]) -> User {
        User { name: uid.to_string(), uid, gid: groups[0], groups: groups.to_vec() }
    }

    fn access(mode: u32, acl: &[(u16, u32, u32)]) -> Access {
        let acl = acl.iter().map(|&(tag, permissions, id)| Entry { tag, permissions, id }).collect();
        Access { mode, uid: 10, gid: 20, is_directory: false, acl }
    }

    #[test]
    fn the_first_class_that_fits_decides_even_if_a_later_one_grants_more() {
        let file = access(0o057, &[]);
        assert_eq!(file.lacks(&user(10, &[20]), READ | EXECUTE), READ | EXECUTE);
        assert_eq!(file.lacks(&user(11, &[1, 20]), READ | WRITE | EXECUTE), WRITE);
        assert_eq!(file.lacks(&user(11, &[1]), READ | WRITE | EXECUTE), 0);
    }

    #[test]
    fn root_lacks_only_an_execute_bit_that_nobody_has() {
        assert_eq!(access(0o000, &[]).lacks(&user(0, &[0]), READ | EXECUTE), EXECUTE);
        assert_eq!(access(0o001, &[]).lacks(&user(0, &[0]), READ | EXECUTE), 0);
    }

    #[test]
    fn an_entry_for_the_user_goes_before_groups_and_is_masked() {
        let list =
            [(USER_OBJECT, 7, 0), (USER, 5, 33), (GROUP_OBJECT, 0, 0), (GROUP, 6, 40), (MASK, 4, 0), (OTHER, 1, 0)];
        let file = access(0o741, &list);
        assert_eq!(file.granted(&user(33, &[40])), (Class::List, 4));
        assert_eq!(file.granted(&user(34, &[40, 20])), (Class::List, 4));
        assert_eq!(file.granted(&user(34, &[20])), (Class::List, 0));
        assert_eq!(file.granted(&user(34, &[1])), (Class::Other, 1));
        assert_eq!(file.granted(&user(10, &[40])), (Class::Owner, 7));
    }

    #[test]
    fn a_list_is_read_in_the_form_of_the_kernel() {
        let mut bytes = 2_u32.to_le_bytes().to_vec();
        for (tag, permissions, id) in [(USER_OBJECT, 7_u16, u32::MAX), (USER, 5, 33), (OTHER, 0, u32::MAX)] {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(permissions.to_le_bytes());
            bytes.extend(id.to_le_bytes());
        }
        assert_eq!(entries(&bytes)[1], Entry { tag: USER, permissions: 5, id: 33 });
        assert_eq!(entries(&bytes).len(), 3);
        assert!(entries(b"\x03\0\0\0").is_empty() && entries(b"").is_empty());
    }
}
