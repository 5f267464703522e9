//! Paths as routes, endpoints and resources write them: `{name}` stands for any one segment, and
//! `{name}:word` for any that ends in `:word` (a custom method, as Google's AIP-136 calls it). Such a
//! word ends the path.

/// One segment of a pattern.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Segment<'a> {
    /// Only itself.
    Fixed(&'a str),
    /// Any that has something before the suffix.
    Varies {
        /// What it is called.
        name: &'a str,
        /// `:word`, or nothing.
        suffix: &'a str,
    },
}

impl<'a> Segment<'a> {
    /// Reads a segment of a pattern that was checked.
    pub fn of(text: &'a str) -> Self {
        match text.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((name, suffix)) => Self::Varies { name, suffix },
            None => Self::Fixed(text),
        }
    }

    /// Whether it stands for this segment of a path.
    pub fn holds(self, segment: &str) -> bool {
        match self {
            Self::Fixed(text) => segment == text,
            Self::Varies { suffix, .. } => segment.strip_suffix(suffix).is_some_and(|value| !value.is_empty()),
        }
    }

    /// Whether it varies under this name.
    pub fn is_called(self, wanted: &str) -> bool {
        matches!(self, Self::Varies { name, .. } if name == wanted)
    }
}

/// The segments of a pattern, one after the other.
pub fn segments(pattern: &str) -> impl Iterator<Item = Segment<'_>> {
    pattern.split('/').map(Segment::of)
}

/// What stands in a path where its pattern has `{name}`, as it was sent.
pub fn value<'a>(pattern: &str, path: &'a str, wanted: &str) -> Option<&'a str> {
    segments(pattern).zip(path.split('/')).find_map(|(segment, text)| match segment {
        Segment::Varies { name, suffix } if name == wanted => text.strip_suffix(suffix),
        Segment::Varies { .. } | Segment::Fixed(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_stands_for_itself_or_for_whatever_comes_before_its_suffix() {
        for (pattern, segment, holds) in [
            ("a", "a", true),
            ("a", "b", false),
            ("{x}", "b", true),
            ("{x}", "", false),
            ("{x}:look", "b:look", true),
            ("{x}:look", "b:c:look", true),
            ("{x}:look", ":look", false),
            ("{x}:look", "b:looks", false),
            ("{x}:look", "b", false),
        ] {
            assert_eq!(Segment::of(pattern).holds(segment), holds, "{pattern} {segment}");
        }
    }

    #[test]
    fn a_value_is_found_by_the_name_of_its_segment() {
        let pattern = "/v1/tenants/{tenant}/tokens/{id}:rotate";
        let path = "/v1/tenants/a%20b/tokens/7:x:rotate/below";
        assert_eq!(value(pattern, path, "tenant"), Some("a%20b"));
        assert_eq!(value(pattern, path, "id"), Some("7:x"));
        assert_eq!(value(pattern, path, "tokens"), None);
        assert_eq!(value(pattern, "/v1", "id"), None);
    }
}
