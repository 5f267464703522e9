//! Puts the libraries of other languages into the target folder, exactly those that the files beside
//! this one name; once, until these change.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{self, Command},
};

use crate::support::skipped;

const NODE_PINS: [(&str, &str); 2] =
    [("package.json", include_str!("package.json")), ("package-lock.json", include_str!("package-lock.json"))];

/// Libraries of Python in a folder of their own.
pub(super) struct Venv {
    name: &'static str,
    /// The oldest Python that runs them.
    least: (u32, u32),
    pins: &'static str,
}

/// Those that scripts use.
pub(super) const LIBRARIES: Venv = Venv { name: "python", least: (3, 9), pins: include_str!("requirements.txt") };
/// The published client of Fruxon.
pub(super) const FRUXON: Venv = Venv { name: "fruxon", least: (3, 11), pins: include_str!("requirements-fruxon.txt") };

/// Whether there is a Python; `None`, and a note, where there is none.
pub(super) fn bare_python() -> Option<()> {
    version("python3", "Python", LIBRARIES.least).map(drop)
}

/// Python with these libraries; `None`, and a note, where it cannot be had.
pub(super) fn python_of(Venv { name, least, pins }: Venv) -> Option<PathBuf> {
    let version = version("python3", "Python", least)?;
    let folder = installed(name, &format!("{version}\n{pins}"), |folder| {
        // What is inside finds the rest from where it is, so the folder may be renamed.
        run(Command::new("python3").args(["-m", "venv"]).arg(folder), "Python clients: python3 cannot make a venv")?;
        fs::write(folder.join("requirements.txt"), pins).unwrap();
        let mut pip = Command::new(folder.join("bin/python"));
        pip.current_dir(folder).args(["-m", "pip", "install", "--no-deps", "--only-binary=:all:", "--retries=1", "--timeout=20"]);
        run(pip.args(["--no-input", "--disable-pip-version-check", "-r", "requirements.txt"]), "Python clients: pip cannot fetch them")?;
        let check = Command::new(folder.join("bin/python")).args(["-m", "pip", "check"]).output().unwrap();
        assert!(check.status.success(), "the requirements of {name} are not whole: {}", String::from_utf8_lossy(&check.stdout));
        Ok(())
    })?;
    Some(folder.join("bin/python"))
}

/// The folder from which Node finds the libraries; `None`, and a note, where they cannot be had.
pub(super) fn node() -> Option<PathBuf> {
    let version = version("node", "Node", (20, 0))?;
    installed("node", &format!("{version}\n{}", NODE_PINS.map(|(_, text)| text).concat()), |folder| {
        for (name, text) in NODE_PINS {
            fs::write(folder.join(name), text).unwrap();
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=20000", "--prefix"]);
        run(npm.arg(folder), "Node clients: npm cannot fetch them")
    })
}

/// What a program says its version is, where it is no older than this.
fn version(program: &str, name: &str, least: (u32, u32)) -> Option<String> {
    let output = Command::new(program).arg("--version").output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let mut numbers = said.trim_start_matches(|c: char| !c.is_ascii_digit()).split('.').map_while(|part| part.parse().ok());
    if numbers.next().zip(numbers.next()).is_none_or(|found| found < least) {
        skipped(&format!("{name} clients: {name} {}.{} or later is missing", least.0, least.1));
        return None;
    }
    Some(said)
}

/// The folder of that name once it holds what `pins` say; `install` answers why it cannot be filled.
fn installed(name: &str, pins: &str, install: impl FnOnce(&Path) -> Result<(), String>) -> Option<PathBuf> {
    let clients = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
    let (folder, done, failed) = (clients.join(name), clients.join(name).join("installed"), clients.join(format!("{name}.failed")));
    fs::create_dir_all(&clients).unwrap();
    // Tests of other processes wait for the first.
    let lock = File::create(clients.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    if fs::read_to_string(&done).is_ok_and(|of| of == pins) {
        return Some(folder);
    }
    // One try a run: without a network each takes its time.
    let this_run = env::var("NEXTEST_RUN_ID").unwrap_or_else(|_none| process::id().to_string());
    let before = fs::read_to_string(&failed).unwrap_or_default();
    if let Some(why) = before.strip_prefix(&this_run) {
        skipped(why);
        return None;
    }
    let fresh = tempfile::tempdir_in(&clients).unwrap();
    if let Err(why) = install(fresh.path()) {
        fs::write(failed, this_run + &why).unwrap();
        skipped(&why);
        return None;
    }
    fs::write(fresh.path().join("installed"), pins).unwrap();
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::rename(fresh.keep(), &folder).unwrap();
    Some(folder)
}

/// Runs a command; its failure in these words.
fn run(command: &mut Command, otherwise: &str) -> Result<(), String> {
    let why = match command.output() {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    println!("{why}");
    Err(otherwise.to_owned())
}
