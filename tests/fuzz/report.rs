//! What is told when a body panics.

pub(super) struct Report<'a> {
    pub(super) target: &'a str,
    pub(super) seed: u64,
    pub(super) input: &'a [u8],
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let file = std::env::temp_dir().join(format!("gatepost-fuzz-{}-{}", self.target, self.seed));
            let kept = std::fs::write(&file, self.input);
            println!("GATEPOST_FUZZ_SEED={} found this input for {}:\n{}", self.seed, self.target, self.input.escape_ascii());
            if kept.is_ok() {
                println!("try it again: cargo fuzz run {} {}", self.target, file.display());
            }
        }
    }
}
