//! What was seen where, the secrets that were used, and what may be where.

use super::search::Text;

/// Secrets by name, and the places that may hold them. Every other place that holds one is a leak;
/// a place that does not hold what it may says that the table or the search is wrong.
pub(super) type Table = [(&'static str, &'static [&'static str])];

#[derive(Default)]
pub(super) struct Evidence {
    pieces: Vec<(String, Vec<u8>)>,
    secrets: Vec<(&'static str, String)>,
}

impl Evidence {
    /// These bytes were seen there.
    pub(super) fn saw(&mut self, place: &str, bytes: impl AsRef<[u8]>) {
        match self.pieces.iter_mut().find(|(known, _)| known == place) {
            Some((_, all)) => all.extend_from_slice(&[b"\n", bytes.as_ref()].concat()),
            None => self.pieces.push((place.to_owned(), bytes.as_ref().to_vec())),
        }
    }

    /// This was a secret. There may be several of a name.
    pub(super) fn secret(&mut self, name: &'static str, value: &str) {
        if !self.secrets.iter().any(|(_, known)| known == value) {
            self.secrets.push((name, value.to_owned()));
        }
    }

    /// All that was seen at a place.
    pub(super) fn at(&self, place: &str) -> &[u8] {
        self.pieces.iter().find(|(known, _)| known == place).map_or(&[], |(_, bytes)| bytes)
    }

    /// A path with `*` for what is secret in it, and for ids: what is seen there has one place.
    pub(super) fn masked(&self, path: &str) -> String {
        let is_id = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let segment = |segment: &str| {
            let (name, word) = segment.split_at(segment.find(':').unwrap_or(segment.len()));
            let is_hidden = is_id(name) || self.secrets.iter().any(|(_, secret)| secret == name);
            if is_hidden { format!("*{word}") } else { segment.to_owned() }
        };
        path.split('/').map(segment).collect::<Vec<_>>().join("/")
    }

    /// What is wrong, a line each.
    pub(super) fn wrong(&self, table: &Table) -> Vec<String> {
        let texts: Vec<(&String, Text)> = self.pieces.iter().map(|(place, bytes)| (place, Text::of(bytes))).collect();
        let mut wrong = Vec::new();
        let mut unseen: Vec<(&str, &str)> = table.iter().flat_map(|(name, places)| places.iter().map(|place| (*name, *place))).collect();
        for (name, value) in &self.secrets {
            let Some((_, places)) = table.iter().find(|(known, _)| known == name) else {
                wrong.push(format!("the table does not know the {name}"));
                continue;
            };
            for (place, text) in &texts {
                let Some(how) = text.holds(value) else { continue };
                unseen.retain(|seen| *seen != (name, place.as_str()));
                if !places.contains(&place.as_str()) {
                    wrong.push(format!("the {name} is in {place}, {how}"));
                }
            }
        }
        wrong.extend(unseen.iter().map(|(name, place)| format!("the {name} was not found in {place}, where it may be")));
        let unused = table.iter().filter(|(name, _)| !self.secrets.iter().any(|(used, _)| used == name));
        wrong.extend(unused.map(|(name, _)| format!("there was no {name}")));
        wrong.sort_unstable();
        wrong.dedup();
        wrong
    }
}

#[test]
fn a_planted_leak_is_told_with_its_name_and_place() {
    const TABLE: &Table = &[("key", &["upstream"]), ("password", &[])];
    let mut evidence = Evidence::default();
    evidence.secret("key", "sk-of-the-upstream-0123");
    evidence.secret("password", "correct horse battery");
    evidence.saw("upstream", "x-api-key: sk-of-the-upstream-0123");
    evidence.saw("log", "{}");
    assert!(evidence.wrong(TABLE).is_empty());

    evidence.saw("log", format!("{{\"form\":\"{}\"}}", data_encoding::HEXUPPER.encode(b"password=correct horse battery")));
    assert_eq!(evidence.wrong(TABLE), ["the password is in log, in hexadecimal"]);
    evidence.secret("visit", "0123456789abcdef");
    assert!(evidence.wrong(TABLE).contains(&"the table does not know the visit".to_owned()));
    assert!(evidence.wrong(&[("key", &["upstream", "store"])]).contains(&"the key was not found in store, where it may be".to_owned()));
}
