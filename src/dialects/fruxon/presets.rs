//! Presets: what a login asks for, by one word.

use crate::{config::Section, oauth::scope::Scopes};

/// All of them, from the least to the most.
pub(super) const PRESETS: [&str; 5] = ["observer", "operator", "developer", "maintainer", "admin"];

/// Which scopes each preset stands for.
#[derive(Debug)]
pub(super) struct Presets([(&'static str, Scopes); PRESETS.len()]);

impl Presets {
    /// `[dialects.fruxon.presets]`. A preset that is not there has its place on the ladder.
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let declared = section.declared_scopes();
        let presets = section
            .table("presets", |section| PRESETS.map(|name| (name, section.scopes(name).unwrap_or_else(|| default(name, &declared)))));
        let presets = Self(presets);
        if presets.scopes().is_empty() {
            let remedy = "declare scopes under [scopes], or name some of them here";
            section.problem("presets", "no preset stands for any scope, so nobody could log in", remedy);
        }
        presets
    }

    /// What a preset stands for, and its name; `None` where it is none.
    pub(super) fn find(&self, name: &str) -> Option<(&'static str, &Scopes)> {
        self.0.iter().find(|(known, _)| *known == name).map(|(known, scopes)| (*known, scopes))
    }

    /// What all of them stand for together.
    pub(super) fn scopes(&self) -> Scopes {
        self.0.iter().flat_map(|(_, scopes)| scopes.iter().map(str::to_owned)).collect()
    }
}

fn default(preset: &str, declared: &Scopes) -> Scopes {
    let rank = |preset| PRESETS.iter().position(|known| *known == preset);
    declared.iter().filter(|scope| rank(lowest(scope)) <= rank(preset)).map(str::to_owned).collect()
}

/// The lowest preset that has a scope. One without an action is for use.
fn lowest(scope: &str) -> &'static str {
    match scope.rsplit_once(':').map(|(_, action)| action) {
        Some("read") => "observer",
        Some("execute") | None => "operator",
        Some("write") => "developer",
        Some("deploy") => "maintainer",
        Some(_) => "admin",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_preset_has_what_those_before_it_have_and_an_action_more() {
        let declared = Scopes::parse("agents:read agents:write agents:execute agents:deploy agents:bill inference a:b:read").unwrap();
        let mut expected = String::new();
        for (preset, adds) in [
            ("observer", "a:b:read agents:read"),
            ("operator", "agents:execute inference"),
            ("developer", "agents:write"),
            ("maintainer", "agents:deploy"),
            ("admin", "agents:bill"),
        ] {
            expected = format!("{expected} {adds}");
            assert_eq!(default(preset, &declared), Scopes::parse(&expected).unwrap(), "{preset}");
        }
    }
}
