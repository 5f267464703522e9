//! axe-core, which finds what keeps people with a screen reader, a keyboard or weak eyes out. It is
//! fetched from the npm registry once, into the target folder.

use std::{fs, path::Path, process::Command, sync::Mutex};

use super::skipped;

const VERSION: &str = "4.14.1";
/// Of the file, so that it is the one that was looked at.
const SHA256: &str = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c";

/// The script; `None`, and a note, where it cannot be had.
pub(crate) fn axe() -> Option<String> {
    // Tests of one process fetch it once.
    static FETCHING: Mutex<()> = Mutex::new(());
    let _one = FETCHING.lock().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("axe-core-{VERSION}"));
    let file = folder.join("node_modules/axe-core/axe.min.js");
    if !file.exists() {
        fs::create_dir_all(&folder).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--fetch-retries=1", "--fetch-timeout=20000"]);
        npm.arg("--prefix").arg(&folder).arg(format!("axe-core@{VERSION}"));
        match npm.output() {
            Ok(output) if output.status.success() => {}
            Ok(_) => {
                skipped("axe-core: npm cannot fetch it");
                return None;
            }
            Err(_) => {
                skipped("axe-core: npm is missing");
                return None;
            }
        }
    }
    let script = fs::read_to_string(&file).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, script.as_bytes());
    assert_eq!(data_encoding::HEXLOWER.encode(digest.as_ref()), SHA256, "{} is another file", file.display());
    Some(script)
}
