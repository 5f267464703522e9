//! The form of an app: what was typed, what is wrong with it, and what is right.

use maud::{Markup, Render, html};

use crate::{
    dialects::Apps,
    engine::MAX_OWN_CLIENTS,
    message::Fields,
    oauth::{
        claim::{BadClaim, Claim, MAX_CHARS},
        client::Client,
        redirect::{BadRedirectUri, MAX_BYTES, RedirectUri},
        scope::Scopes,
    },
    web::{
        Desk, Problem, consent,
        csrf::{self, Purpose},
    },
};

/// So many redirect URIs an app may have.
const MAX_URIS: usize = 20;
/// The longest description, in Unicode scalar values.
const MAX_DESCRIPTION: usize = 300;

/// What was typed.
#[derive(Default)]
pub(super) struct Draft {
    name: String,
    description: String,
    redirect_uris: String,
    chosen: Scopes,
    pub(super) public: bool,
    flaws: Flaws,
}

/// What is wrong with it, field by field.
#[derive(Default)]
struct Flaws {
    too_many: bool,
    name: Option<BadClaim>,
    description: bool,
    redirect_uris: Option<BadUris>,
    scopes: bool,
}

enum BadUris {
    None,
    TooMany,
    /// These, each with the number of its line.
    At(Vec<(usize, BadRedirectUri)>),
}

/// What is right.
pub(super) struct Checked {
    pub(super) name: Claim,
    pub(super) description: Option<String>,
    pub(super) redirect_uris: Vec<RedirectUri>,
    pub(super) scopes: Scopes,
}

impl Draft {
    /// An app as it is.
    pub(super) fn of(client: &Client) -> Self {
        let uris: Vec<&str> = client.redirect_uris.iter().map(RedirectUri::as_str).collect();
        Self {
            name: client.name.clone(),
            description: client.description.clone().unwrap_or_default(),
            redirect_uris: uris.join("\n"),
            chosen: client.scopes.clone(),
            public: client.is_public(),
            flaws: Flaws::default(),
        }
    }

    /// What a form says.
    pub(super) fn read(fields: &Fields, offered: &Scopes) -> Result<Self, Problem> {
        let text = |name| Ok::<_, Problem>(fields.text(name)?.unwrap_or_default().to_owned());
        let mut chosen = Vec::new();
        for scope in offered.iter() {
            if fields.text(&field_of(scope))?.is_some() {
                chosen.push(scope.to_owned());
            }
        }
        Ok(Self {
            name: text("name")?,
            description: text("description")?,
            redirect_uris: text("redirect_uris")?,
            chosen: chosen.into_iter().collect(),
            public: fields.text("public")?.is_some(),
            flaws: Flaws::default(),
        })
    }

    /// What can be made of it; `None`, and the flaws noted, where something is wrong.
    pub(super) fn check(&mut self) -> Option<Checked> {
        let name = Claim::exact(&self.name).map_err(|bad| self.flaws.name = Some(bad)).ok();
        let description = match Claim::exact_up_to(&self.description, MAX_DESCRIPTION) {
            Ok(description) => Some(Some(description.to_string())),
            Err(BadClaim::Empty) => Some(None),
            Err(BadClaim::TooLong(_) | BadClaim::Misleading) => None,
        };
        self.flaws.description = description.is_none();
        let redirect_uris = uris(&self.redirect_uris).map_err(|bad| self.flaws.redirect_uris = Some(bad)).ok();
        self.flaws.scopes = self.chosen.is_empty();
        let scopes = (!self.flaws.scopes).then(|| self.chosen.clone());
        Some(Checked { name: name?, description: description?, redirect_uris: redirect_uris?, scopes: scopes? })
    }

    /// Notes that there is no room for it.
    pub(super) const fn is_one_too_many(&mut self) {
        self.flaws.too_many = true;
    }

    /// The form, for a new app or for the one with this id.
    pub(super) fn form(&self, desk: &Desk, apps: &Apps, action: &str, purpose: Purpose<'_>, id: Option<&str>) -> Markup {
        let (words, flaws) = (&desk.words().apps, &self.flaws);
        let button = if id.is_some() { &words.save } else { &words.create };
        // The first that is wrong, where the keyboard goes.
        let wrong = [flaws.name.is_some(), flaws.description, flaws.redirect_uris.is_some(), flaws.scopes];
        let first = wrong.iter().position(|wrong| *wrong);
        html! {
            @if flaws.too_many { p class="error" role="alert" { (words.too_many.fill(&[("most", &MAX_OWN_CLIENTS)])) } }
            form method="post" action=(action) {
                (csrf::field(desk, purpose))
                input type="hidden" name="dialect" value=(apps.spelling.dialect);
                @if let Some(id) = id { input type="hidden" name="client" value=(id); }

                label for="name" { (words.name) }
                p class="note" id="name-note" { (words.name_note.fill(&[("place", &desk.pages.name)])) }
                (error("name", flaws.name.map(|bad| match bad {
                    BadClaim::Empty => words.name_empty.render(),
                    BadClaim::TooLong(_) => words.name_long.fill(&[("most", &MAX_CHARS)]),
                    BadClaim::Misleading => words.name_odd.render(),
                })))
                input id="name" name="name" value=(self.name) autocomplete="off" required
                    aria-describedby=(described("name", wrong[0])) aria-invalid=[wrong[0].then_some("true")] autofocus[first == Some(0)];

                label for="description" { (words.description) }
                p class="note" id="description-note" { (words.description_note) }
                (error("description", flaws.description.then(|| words.description_odd.fill(&[("most", &MAX_DESCRIPTION)]))))
                input id="description" name="description" value=(self.description) autocomplete="off"
                    aria-describedby=(described("description", wrong[1])) aria-invalid=[wrong[1].then_some("true")] autofocus[first == Some(1)];

                label for="redirect_uris" { (words.redirect_uris) }
                p class="note" id="redirect_uris-note" { (words.redirect_uris_note.fill(&[("most", &MAX_URIS)])) }
                (error("redirect_uris", flaws.redirect_uris.as_ref().map(|bad| bad.words(desk))))
                textarea id="redirect_uris" name="redirect_uris" rows="3" autocomplete="off" autocapitalize="none" spellcheck="false" required
                    aria-describedby=(described("redirect_uris", wrong[2])) aria-invalid=[wrong[2].then_some("true")]
                    autofocus[first == Some(2)] { "\n" (self.redirect_uris) }

                fieldset aria-describedby=[wrong[3].then_some("scopes-error")] {
                    legend { (words.scopes) }
                    (error("scopes", wrong[3].then(|| words.scopes_missing.render())))
                    @for (nth, scope) in apps.scopes.iter().enumerate() {
                        label class="choice" {
                            input type="checkbox" name=(field_of(scope)) value="on" checked[self.chosen.iter().any(|chosen| chosen == scope)]
                                autofocus[first == Some(3) && nth == 0];
                            span { (consent::scope_words(desk, scope)) }
                        }
                    }
                }
                @if id.is_none() && apps.may_be_public {
                    fieldset {
                        legend { (words.kind) }
                        label class="choice" {
                            input type="checkbox" name="public" value="on" checked[self.public];
                            span { (words.is_public) }
                        }
                    }
                }
                button class="submit" { (button) }
            }
        }
    }
}

impl BadUris {
    fn words(&self, desk: &Desk) -> Markup {
        let words = &desk.words().apps;
        let why = |bad| match bad {
            BadRedirectUri::NoUri => words.uri_malformed.render(),
            BadRedirectUri::TooLong => words.uri_long.fill(&[("most", &MAX_BYTES)]),
            BadRedirectUri::Fragment => words.uri_fragment.render(),
            BadRedirectUri::Wildcard => words.uri_wildcard.render(),
            BadRedirectUri::UserInfo => words.uri_user_info.render(),
            BadRedirectUri::Answer => words.uri_answer.render(),
            BadRedirectUri::Plain => words.uri_plain.render(),
            BadRedirectUri::Scheme => words.uri_scheme.render(),
        };
        match self {
            Self::None => words.no_uri.render(),
            Self::TooMany => words.too_many_uris.fill(&[("most", &MAX_URIS)]),
            Self::At(lines) => html! {
                @for (nth, (line, bad)) in lines.iter().enumerate() {
                    @if nth > 0 { br; }
                    (words.uri_at.fill(&[("line", line), ("why", &why(*bad))]))
                }
            },
        }
    }
}

/// The redirect URIs, one a line. The same twice is one.
fn uris(text: &str) -> Result<Vec<RedirectUri>, BadUris> {
    let lines = || text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    match lines().count() {
        0 => return Err(BadUris::None),
        count if count > MAX_URIS => return Err(BadUris::TooMany),
        _ => {}
    }
    let (mut uris, mut bad) = (Vec::new(), Vec::new());
    for (index, line) in lines() {
        match RedirectUri::parse(line) {
            Ok(uri) if uris.contains(&uri) => {}
            Ok(uri) => uris.push(uri),
            Err(why) => bad.push((index + 1, why)),
        }
    }
    if bad.is_empty() { Ok(uris) } else { Err(BadUris::At(bad)) }
}

/// The field of a scope's box.
fn field_of(scope: &str) -> String {
    format!("scope.{scope}")
}

fn error(field: &str, words: Option<Markup>) -> Markup {
    html! { @if let Some(words) = words { p class="error" id={ (field) "-error" } role="alert" { (words) } } }
}

fn described(field: &str, wrong: bool) -> String {
    if wrong { format!("{field}-error {field}-note") } else { format!("{field}-note") }
}
