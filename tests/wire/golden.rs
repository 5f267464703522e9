//! Golden requests and answers. One file is one scenario, and has a gateway of its own; `scene.rs`
//! says how a file is written, `compare.rs` what it means that an answer is as expected.
//!
//! The files of a dialect lie in `tests/wire/<dialect>/`, beside `gatepost.toml`, with which each
//! gateway starts. `{folder}` in it is that folder, `{upstream}` a server that answers everything.
//! The dialect's module lists the files: `golden! { "<dialect>": a_file, another_file }`.
//!
//! | directive | does |
//! |---|---|
//! | `# config KEY = VALUE` | changes the configuration; before the first step |
//! | `# without KEY` | leaves something out of the configuration; before the first step |
//! | `# user NAME SCOPE...` | adds a user, who has no e-mail address; `ada` is there and has one |
//! | `# advance 5s` | lets time pass |
//! | `# approve {user_code}`, `# deny {user_code}` | Ada enters the code and decides; `as NAME`: somebody else; `in TENANT`: about a login there, which is otherwise to the first tenant of theirs |
//! | `# authorize REQUEST` | Ada lets in the app that asked for a code to be typed: `{code}`; `as NAME`: somebody else |
//! | `# refuse REQUEST` | and not; `as NAME`: somebody else |
//! | `# authorize PATH?QUERY` | Ada says yes to what a browser brought there: `{code}`; `as NAME`: somebody else |
//! | `# refuse PATH?QUERY` | she says no; `as NAME`: somebody else |
//! | `# lands at ADDRESS` | where the browser went after either of the two; its new placeholders are seen then |
//! | `# personal SCOPE...` | Ada makes a personal token: `{personal}`; `as NAME`: somebody else |
//! | `# basic ID SECRET` | what HTTP Basic makes of the two, as they are written: `{basic}` |
//! | `# revoke` | Ada takes the newest of her applications back; `as NAME`: somebody else |
//! | `# store away`, `# store back` | the store stops answering, and answers again |

mod compare;
mod scene;

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use data_encoding::BASE64;
use gatepost::{clock::Manual, engine::Decision};
use http::Request;
use http_body_util::Full;
use toml::{Table, Value};

use self::{
    compare::Seen,
    scene::{Exchange, Scene},
};
use crate::support::{
    gateway::{Gateway, PASSWORD, USER, root},
    http::Reply,
    person::Person,
    records::START,
    redirect,
    upstream::Upstream,
    watched::Watched,
};

/// A test for each of these files of a folder, and one that none was forgotten.
macro_rules! golden {
    ($folder:literal: $($file:ident),+ $(,)?) => {
        mod golden {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $file() {
                    $crate::wire::golden::play($folder, stringify!($file)).await;
                }
            )+

            #[test]
            fn every_file_of_the_folder_is_played() {
                assert_eq!($crate::wire::golden::files($folder), [$(stringify!($file)),+], "the list is in alphabetical order");
            }
        }
    };
}
pub(crate) use golden;

fn folder(name: &str) -> PathBuf {
    root().join("tests/wire").join(name)
}

/// The names of a folder's files, in alphabetical order.
pub(crate) fn files(folder_name: &str) -> Vec<String> {
    let paths = fs::read_dir(folder(folder_name)).unwrap().map(|entry| entry.unwrap().path());
    let http = paths.filter(|path| path.extension().is_some_and(|extension| extension == "http"));
    let mut names: Vec<String> = http.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Plays one file.
pub(crate) async fn play(folder_name: &str, file: &str) {
    let path = folder(folder_name).join(format!("{file}.http"));
    let scene = Scene::read(&fs::read_to_string(&path).unwrap()).unwrap_or_else(|mistake| panic!("{}: {mistake}", path.display()));
    let mut stage = Stage::set(folder_name, &scene).await;
    for step in &scene.steps {
        let at = format!("{}:{}: {}", path.display(), step.line, step.title);
        for directive in &step.directives {
            stage.direct(directive, &at).await;
        }
        if let Some(exchange) = &step.exchange {
            for time in 1..=step.times {
                let reply = stage.send(exchange, &at).await;
                if let Err(difference) = stage.seen.compare(&exchange.answer, &reply) {
                    let expected = stage.seen.filled(&exchange.answer.to_string());
                    panic!("{at} (time {time} of {}): {difference}\n--- expected\n{expected}\n--- got\n{}", step.times, shown(&reply));
                }
            }
        }
    }
    stage.gateway.end().await;
}

/// A gateway, and what has been seen of it.
struct Stage {
    gateway: Gateway,
    store: Arc<Watched>,
    seen: Seen,
    /// Where the browser went.
    location: String,
}

impl Stage {
    async fn set(folder_name: &str, scene: &Scene) -> Self {
        let config = config(folder_name, scene).await;
        let time = Manual::starting_at(START);
        let store = Arc::new(Watched::new(time.clock()));
        let gateway = Gateway::over(&config, Arc::clone(&store) as _, time).await;
        Self { gateway, store, seen: Seen::default(), location: String::new() }
    }

    async fn direct(&mut self, directive: &str, at: &str) {
        let directive = self.seen.filled(directive);
        let words: Vec<&str> = directive.split_whitespace().collect();
        match words.as_slice() {
            ["config" | "without", ..] => {}
            ["user", name, scopes @ ..] => self.gateway.add_user(name, &scopes.join(" ")).await,
            ["advance", span] => self.gateway.time.advance(parse_span(span).unwrap_or_else(|| panic!("{at}: {span} is no time"))),
            [decision @ ("approve" | "deny"), code, who @ ..] => {
                let (who, tenant) = match who {
                    [who @ .., "in", tenant] => (who, Some(*tenant)),
                    who => (who, None),
                };
                let meant = if *decision == "approve" { Decision::Approve } else { Decision::Deny };
                if self.gateway.decide_login(code, name_of(who, at), tenant, meant).await.is_some() {
                    return;
                }
                let reply = self.person(who, at).await.decide(code, decision).await;
                assert_eq!(reply.status, 200, "{at}: {}", reply.text());
            }
            ["authorize", target, who @ ..] if target.starts_with('/') => {
                self.location = redirect::decide(&self.gateway, target, name_of(who, at), Decision::Approve).await;
                let code = redirect::code_of(&self.location).unwrap_or_else(|| panic!("{at}: {}", self.location));
                self.seen.remember("code", &code);
            }
            ["refuse", target, who @ ..] if target.starts_with('/') => {
                self.location = redirect::decide(&self.gateway, target, name_of(who, at), Decision::Deny).await;
            }
            ["lands", "at", expected] => {
                assert!(self.seen.text(expected, &self.location), "{at}: the browser went to {}", self.location);
            }
            ["authorize", request, who @ ..] => {
                let code = self.person(who, at).await.authorize(request).await;
                self.seen.codes(&code);
            }
            ["refuse", request, who @ ..] => {
                let reply = self.person(who, at).await.decide_app(request, "deny").await;
                assert_eq!(reply.status, 200, "{at}: {}", reply.text());
            }
            ["revoke", who @ ..] => {
                let reply = self.person(who, at).await.revoke_first().await;
                assert_eq!(reply.status, 303, "{at}: {}", reply.text());
            }
            ["personal", words @ ..] => {
                let (scopes, who) = words.split_at(words.iter().position(|word| *word == "as").unwrap_or(words.len()));
                let token = self.gateway.personal_token(name_of(who, at), &scopes.join(" ")).await;
                self.seen.remember("personal", &token);
            }
            ["basic", id, secret] => {
                self.seen.remember("basic", &BASE64.encode(format!("{id}:{secret}").as_bytes()));
            }
            ["store", word @ ("away" | "back")] => self.store.be_away(*word == "away"),
            _ => panic!("{at}: nobody knows the directive \"{directive}\""),
        }
    }

    /// Ada, or whom `as NAME` names, signed in.
    async fn person(&self, who: &[&str], at: &str) -> Person {
        let name = name_of(who, at);
        let person = Person::at(&self.gateway);
        let reply = person.sign_in(name, PASSWORD).await;
        assert_eq!(reply.status, 303, "{at}: {}", reply.text());
        person
    }

    async fn send(&self, exchange: &Exchange, at: &str) -> Reply {
        let mut request = Request::builder().method(exchange.method.as_str()).uri(self.seen.filled(&exchange.path));
        for (name, value) in &exchange.headers {
            request = request.header(name, self.seen.filled(value));
        }
        let body = Bytes::from(self.seen.filled(&exchange.body));
        let request = request.body(Full::new(body)).unwrap_or_else(|error| panic!("{at}: {error}"));
        assert!(!request.uri().to_string().contains('{'), "{at}: nothing was seen yet for {}", request.uri());
        self.gateway.send(request).await
    }
}

fn name_of<'a>(who: &[&'a str], at: &str) -> &'a str {
    match who {
        [] => USER,
        ["as", name] => name,
        _ => panic!("{at}: write `as NAME`"),
    }
}

/// The folder's configuration with the scene's changes.
async fn config(folder_name: &str, scene: &Scene) -> String {
    let folder = folder(folder_name);
    let text = fs::read_to_string(folder.join("gatepost.toml")).unwrap();
    let mut left_out = Vec::new();
    let mut changes = Vec::new();
    for directive in scene.steps.iter().flat_map(|step| &step.directives) {
        if let Some(change) = directive.strip_prefix("config ") {
            changes.push(change.to_owned());
        } else if let Some(key) = directive.strip_prefix("without ") {
            left_out.push(key.to_owned());
        }
    }
    let everything = format!("{text}{}", changes.concat());
    let upstream = if everything.contains("{upstream}") { format!("http://{}", Upstream::start().await.address) } else { String::new() };
    let filled = |text: &str| text.replace("{folder}", folder.to_str().unwrap()).replace("{upstream}", &upstream);
    let mut config: Table = filled(&text).parse().unwrap();
    for key in left_out {
        let (parents, last) = key.rsplit_once('.').unwrap_or(("", &key));
        let parent =
            parents.split('.').filter(|part| !part.is_empty()).fold(&mut config, |table, part| table[part].as_table_mut().unwrap());
        assert!(parent.remove(last).is_some(), "{key} is not in the configuration");
    }
    for change in changes {
        merge(&mut config, filled(&change).parse().unwrap());
    }
    config.to_string()
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(into)), Value::Table(from)) => merge(into, from),
            (_, value) => drop(into.insert(key, value)),
        }
    }
}

fn parse_span(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let number: u64 = number.parse().ok()?;
    Some(match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number * 60),
        "h" => Duration::from_secs(number * 3600),
        "d" => Duration::from_secs(number * 86_400),
        _ => return None,
    })
}

fn shown(reply: &Reply) -> String {
    let mut text = format!("HTTP/1.1 {}\n", reply.status);
    for (name, value) in &reply.headers {
        text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    }
    let body = match serde_json::from_slice::<serde_json::Value>(&reply.body) {
        Ok(json) => serde_json::to_string_pretty(&json).unwrap(),
        Err(_no_json) => String::from_utf8_lossy(&reply.body).into_owned(),
    };
    format!("{text}\n{body}")
}

#[test]
fn every_folder_of_files_has_a_module_that_plays_them() {
    for entry in fs::read_dir(folder("")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !files(name).is_empty() {
            let module = fs::read_to_string(path.with_extension("rs")).unwrap();
            assert!(module.contains(&format!("golden! {{\n    \"{name}\":")), "{name}.rs plays nothing");
        }
    }
}
