//! Inputs out of a corpus and a dictionary. The same seed makes the same inputs.

use std::path::Path;

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

/// No input is longer.
const MAX: usize = 8192;

pub(super) struct Generator {
    random: StdRng,
    seeds: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
}

impl Generator {
    /// Out of the files of a folder, and the words of a dictionary as libFuzzer reads it.
    pub(super) fn new(corpus: &Path, dictionary: &Path, seed: u64) -> Self {
        let mut paths: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort_unstable();
        let seeds = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
        let words = std::fs::read_to_string(dictionary).unwrap().lines().map(word).collect();
        Self { random: StdRng::seed_from_u64(seed), seeds, words }
    }

    /// How many inputs come before those that are made.
    pub(super) fn seeds(&self) -> usize {
        self.seeds.len()
    }

    /// The input of that index: the seeds as they are, and then what a few changes make of one.
    pub(super) fn input(&mut self, index: usize) -> Vec<u8> {
        if let Some(seed) = self.seeds.get(index) {
            return seed.clone();
        }
        let mut input = self.seeds.choose(&mut self.random).unwrap().clone();
        for _ in 0..self.random.random_range(1..=6) {
            self.change(&mut input);
        }
        input.truncate(MAX);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let (at, end) = self.range(input.len());
        let part = match self.random.random_range(0..10) {
            // Nothing instead of it, another byte, a word, itself twice.
            0 => Vec::new(),
            1 => vec![self.random.random()],
            2 => vec![self.random.random_range(b' '..=b'~')],
            3..=5 => self.words.choose(&mut self.random).unwrap().clone(),
            6 => input[at..end].repeat(2),
            // A part of another seed, a whole line of it, or the other case.
            7 => {
                let other = self.seeds.choose(&mut self.random).unwrap().clone();
                let (from, to) = self.range(other.len());
                other[from..to].to_vec()
            }
            8 => {
                let other = self.seeds.choose(&mut self.random).unwrap().clone();
                let lines: Vec<&[u8]> = other.split_inclusive(|byte| *byte == b'\n').collect();
                lines.choose(&mut self.random).map(|line| line.to_vec()).unwrap_or_default()
            }
            _ => input[at..end].iter().map(|byte| if byte.is_ascii_alphabetic() { byte ^ 0x20 } else { byte.wrapping_add(1) }).collect(),
        };
        // As often put in between as put in its place.
        let end = if self.random.random() { at } else { end };
        input.splice(at..end, part);
    }

    /// A part of something so long, mostly a short one.
    fn range(&mut self, length: usize) -> (usize, usize) {
        let at = self.random.random_range(0..=length);
        let longest = if self.random.random_range(0..8) == 0 { length } else { 8 };
        (at, self.random.random_range(at..=length.min(at + longest)))
    }
}

/// The word of a dictionary's line.
fn word(line: &str) -> Vec<u8> {
    let quoted = line.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_else(|| panic!("{line} is no quoted word"));
    let mut word = Vec::new();
    let mut rest = quoted.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'\\', [b'x', digits @ ..]) => {
                word.push(u8::from_str_radix(std::str::from_utf8(&digits[..2]).unwrap(), 16).unwrap());
                rest = &digits[2..];
            }
            (b'\\', [escaped, after @ ..]) => {
                word.push(*escaped);
                rest = after;
            }
            _ => word.push(*byte),
        }
    }
    word
}

#[test]
fn words_are_read_as_libfuzzer_reads_them() {
    assert_eq!(word(r#""a\"\\\x0Ab""#), b"a\"\\\nb");
}

#[test]
fn the_same_seed_makes_the_same_inputs() {
    let folder = super::folder("");
    let made = |seed| {
        let mut generator = Generator::new(&folder.join("corpus/headers"), &folder.join("dictionaries/headers.dict"), seed);
        (0..200).map(|index| generator.input(index)).collect::<Vec<_>>()
    };
    assert_eq!(made(1), made(1));
    assert_ne!(made(1), made(2));
}
