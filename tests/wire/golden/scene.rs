//! How a file is written.
//!
//! ```text
//! // A remark.
//! # a directive, for before the first step
//!
//! ### A step: what happens, as a sentence
//! # directives that come before its request
//! POST /a/path
//! Content-Type: application/x-www-form-urlencoded
//!
//! a=b
//! &c={seen_before}
//!
//! HTTP/1.1 200 OK
//! Cache-Control: no-store
//!
//! {"to_be_seen": "{seen_from_now_on}"}
//!
//! ### A step that comes 20 times (20 times)
//! ```
//!
//! A form may have its fields on lines of their own. A step may be without a request.

use std::fmt;

/// A file.
pub(super) struct Scene {
    pub(super) steps: Vec<Step>,
}

/// One step; the first has no title and stands for what comes before the first titled one.
pub(super) struct Step {
    pub(super) line: usize,
    pub(super) title: String,
    pub(super) times: usize,
    pub(super) directives: Vec<String>,
    pub(super) exchange: Option<Exchange>,
}

/// A request and its answer.
pub(super) struct Exchange {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    pub(super) answer: Expected,
}

/// An answer as it should be: the status, the named header fields and the whole body.
pub(super) struct Expected {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Scene {
    /// Reads a file.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut steps: Vec<(usize, String, Vec<&str>)> = vec![(1, String::new(), Vec::new())];
        for (index, line) in text.lines().enumerate() {
            if let Some(title) = line.strip_prefix("###") {
                steps.push((index + 1, title.trim().to_owned(), Vec::new()));
            } else if let Some((_, _, lines)) = steps.last_mut()
                && !line.starts_with("//")
            {
                lines.push(line.trim_end());
            }
        }
        let read = |(line, title, lines): (usize, String, Vec<&str>)| {
            Step::read(line, &title, &lines).map_err(|mistake| format!("line {line}: {title}: {mistake}"))
        };
        Ok(Self { steps: steps.into_iter().map(read).collect::<Result<_, _>>()? })
    }
}

impl Step {
    fn read(line: usize, title: &str, lines: &[&str]) -> Result<Self, String> {
        let mut lines = lines.iter().copied().skip_while(|line| line.is_empty()).peekable();
        let mut directives = Vec::new();
        while let Some(directive) = lines.next_if(|line| line.starts_with('#') || line.is_empty()) {
            directives.extend(directive.strip_prefix('#').map(|words| words.trim().to_owned()));
        }
        let exchange = match lines.next() {
            Some(request) => Some(Exchange::read(request, lines)?),
            None => None,
        };
        let times = match title.strip_suffix(" times)").and_then(|title| title.rsplit_once('(')) {
            Some((_, times)) => times.parse().map_err(|error| format!("{times}: {error}"))?,
            None => 1,
        };
        Ok(Self { line, title: title.to_owned(), times, directives, exchange })
    }
}

impl Exchange {
    fn read<'a>(request: &str, mut lines: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let (method, path) = request.split_once(' ').ok_or("the request needs a method and a path")?;
        let (mut headers, mut body, mut status) = (Vec::new(), Vec::new(), None);
        let mut in_body = false;
        for line in lines.by_ref() {
            if let Some(line) = line.strip_prefix("HTTP/1.1 ") {
                status = line.split(' ').next();
                break;
            }
            in_body |= line.is_empty();
            if in_body { body.push(line) } else { headers.push(header(line)?) }
        }
        let status = status.ok_or("there is no answer")?;
        let status = status.parse().map_err(|error| format!("{status}: {error}"))?;
        let mut answer = Expected { status, headers: Vec::new(), body: String::new() };
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            answer.headers.push(header(line)?);
        }
        answer.body = lines.collect::<Vec<_>>().join("\n").trim().to_owned();
        let is_form = headers.iter().any(|(_, value)| value == "application/x-www-form-urlencoded");
        let body = body.join(if is_form { "" } else { "\n" }).trim().to_owned();
        Ok(Self { method: method.to_owned(), path: path.to_owned(), headers, body, answer })
    }
}

fn header(line: &str) -> Result<(String, String), String> {
    let (name, value) = line.split_once(": ").ok_or_else(|| format!("\"{line}\" is no header field"))?;
    Ok((name.to_owned(), value.to_owned()))
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "HTTP/1.1 {}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        write!(f, "\n{}", self.body)
    }
}

#[test]
fn a_file_is_read_as_it_is_written() {
    let scene = Scene::read(
        "// A remark.\n# config a = 1\n\n### Ask (2 times)\n# advance 5s\nPOST /a\nX-A: b\n\na=b\n\nHTTP/1.1 200 OK\nX-C: d\n\n{\"e\":\n  1}\n\n### Rest\n",
    )
    .unwrap();
    let [before, ask, rest] = scene.steps.as_slice() else { panic!("{}", scene.steps.len()) };
    assert_eq!(before.directives, ["config a = 1"]);
    assert!(before.exchange.is_none() && rest.exchange.is_none());
    assert_eq!((ask.line, ask.times, ask.directives.as_slice()), (4, 2, ["advance 5s".to_owned()].as_slice()));
    let exchange = ask.exchange.as_ref().unwrap();
    assert_eq!((exchange.method.as_str(), exchange.path.as_str(), exchange.body.as_str()), ("POST", "/a", "a=b"));
    assert_eq!(exchange.answer.to_string(), "HTTP/1.1 200\nX-C: d\n\n{\"e\":\n  1}");
}

#[test]
fn a_file_that_was_written_wrong_is_refused() {
    for wrong in ["### x\nPOST\n", "### x\nGET /\n", "### x\nGET /\nno header\n\nHTTP/1.1 200\n", "### x\nGET /\n\nHTTP/1.1 abc\n"] {
        assert!(Scene::read(wrong).is_err(), "{wrong}");
    }
}
