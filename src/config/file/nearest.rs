//! "Did you mean": what a mistyped word was probably meant to be.

/// What to write instead of a word that is none of these, of which there is at least one.
pub(crate) fn instead<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(word, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("there is `{}`", known.join("`, `")),
    }
}

/// The word that was probably meant; `None` where none is near.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // One slip in three letters; more is another word.
    let slips = (word.chars().count() / 3).max(1);
    known.into_iter().map(|known| (distance(word, known), known)).filter(|(distance, _)| *distance <= slips).min().map(|(_, known)| known)
}

/// How many letters have to be put in, taken out, changed, or swapped with their neighbours to make
/// one word the other (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let changed = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognized_and_another_word_is_not() {
        let known = ["upstream", "path", "prefix", "host"];
        for (word, meant) in [("upstraem", "upstream"), ("pat", "path"), ("hsot", "host"), ("hosts", "host"), ("Prefix", "prefix")] {
            assert_eq!(instead(word, known), format!("did you mean `{meant}`?"));
        }
        for word in ["timeout", "x", ""] {
            assert_eq!(instead(word, known), "there is `upstream`, `path`, `prefix`, `host`");
        }
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn the_distance_counts_slips() {
        let cases = [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("zoë", "zoe", 1), ("model", "modle", 1), ("abc", "bca", 2)];
        for (from, to, expected) in cases {
            assert_eq!((distance(from, to), distance(to, from)), (expected, expected), "{from} {to}");
        }
    }
}
