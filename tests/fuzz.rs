//! What must hold for any input: the bodies of `cargo fuzz`'s targets, fed from a generator with a
//! seed. `GATEPOST_FUZZ_SEED` chooses another one.

mod generator;
mod report;

#[allow(unreachable_pub)]
#[path = "../fuzz/bodies/lib.rs"]
mod bodies;

use std::{collections::BTreeSet, fs, path::PathBuf};

use generator::Generator;
use report::Report;

use crate::support::gateway::root;

/// Runs a body on what lies in its corpus, and then on so many inputs made of that.
fn run(target: &'static str, body: fn(&[u8]), inputs: usize) {
    let seed = std::env::var("GATEPOST_FUZZ_SEED").map_or(1, |seed| seed.parse().expect("GATEPOST_FUZZ_SEED is a number"));
    let inputs = if std::env::var_os("GATEPOST_TEST_ALL").is_some() { inputs * 30 } else { inputs };
    let mut generator = Generator::new(&folder("corpus").join(target), &folder("dictionaries").join(format!("{target}.dict")), seed);
    for index in 0..generator.seeds() + inputs {
        let input = generator.input(index);
        let report = Report { target, seed, input: &input };
        body(&input);
        drop(report);
    }
}

/// A test for each body: its name, and how many inputs take about a second.
macro_rules! targets {
    ($($target:ident: $inputs:expr),+ $(,)?) => {
        const TARGETS: &[&str] = &[$(stringify!($target)),+];
        $(
            #[test]
            fn $target() {
                run(stringify!($target), bodies::$target::body, $inputs);
            }
        )+
    };
}

targets! {
    configuration: 1000,
    credentials: 2000,
    dialects: 3000,
    headers: 15_000,
    records: 15_000,
    targets: 20_000,
    values: 15_000,
}

fn folder(name: &str) -> PathBuf {
    root().join("fuzz").join(name)
}

/// The files of a folder, without what their names end with.
fn files(name: &str, end: &str) -> BTreeSet<String> {
    let names = fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| name.strip_suffix(end).map(str::to_owned)).collect()
}

#[test]
fn every_body_has_a_target_a_corpus_a_dictionary_and_a_test() {
    let tested: BTreeSet<String> = TARGETS.iter().map(|name| (*name).to_owned()).collect();
    let mut bodies = files("bodies", ".rs");
    for other in ["lib", "message", "world"] {
        assert!(bodies.remove(other), "{other} is no body");
    }
    assert_eq!(bodies, tested);
    for (folder, end) in [("targets", ".rs"), ("corpus", ""), ("dictionaries", ".dict")] {
        assert_eq!(files(folder, end), tested, "{folder}");
    }
    let manifest: toml::Table = fs::read_to_string(folder("Cargo.toml")).unwrap().parse().unwrap();
    let built = manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap().to_owned());
    assert_eq!(built.collect::<BTreeSet<_>>(), tested);
    for target in &tested {
        assert!(!files(&format!("corpus/{target}"), "").is_empty(), "{target} has no seeds");
        let text = fs::read_to_string(folder("targets").join(format!("{target}.rs"))).unwrap();
        assert!(text.contains(&format!("bodies::{target}::body(data)")), "{target} runs another body");
    }
}
