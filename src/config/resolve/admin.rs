//! `[admin]`: the operator's way in.

use std::{
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use crate::config::Section;

/// In the embedded store's folder, unless the file says otherwise.
const SOCKET: &str = "admin.sock";
/// The longest path that a socket can have: `sun_path` of unix(7), without the byte that ends it.
const LONGEST: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

pub(super) fn socket(section: &mut Section<'_>, folder: Option<&Path>) -> Option<PathBuf> {
    let path = section.path_or_false("socket").unwrap_or_else(|| folder.map(|folder| folder.join(SOCKET)))?;
    let length = path.as_os_str().as_bytes().len();
    if length > LONGEST {
        section.problem(
            "socket",
            format!("the path of the admin socket has {length} bytes, and a socket's can have {LONGEST}"),
            "write a shorter one, like \"/run/gatepost/admin.sock\", or false for none",
        );
    }
    Some(path)
}
