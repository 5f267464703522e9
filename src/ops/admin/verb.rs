//! The table's types.

use std::pin::Pin;

use super::{Admin, AdminAnswer, AdminError, Arguments};

/// A kind of thing that there is to look after, and all that can be done to it.
#[derive(Clone, Copy, Debug)]
pub struct Noun {
    /// Its name.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// What can be done.
    pub verbs: &'static [Verb],
}

/// Something that can be done.
#[derive(Clone, Copy, Debug)]
pub struct Verb {
    /// Its name.
    pub verb: &'static str,
    /// One sentence or more, the first of which stands by itself.
    pub about: &'static str,
    /// What it takes.
    pub arguments: &'static [Argument],
    /// How its answer reads.
    pub says: Says,
    /// Does it.
    pub(super) run: Run,
}

/// What a verb does.
pub(super) type Run = for<'a> fn(&'a Admin, Arguments) -> Pin<Box<dyn Future<Output = Result<AdminAnswer, AdminError>> + Send + 'a>>;

/// One argument. On the wire it is a text.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// Its name. The command line writes `-` for `_`.
    pub name: &'static str,
    /// How it is written on the command line.
    pub form: Form,
    /// What stands for it in the help.
    pub value: &'static str,
    /// One sentence.
    pub about: &'static str,
}

/// How an argument is written on the command line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// By its place; required.
    Positional,
    /// `--name VALUE`, which must be there.
    Required,
    /// `--name VALUE`, which may be left out.
    Optional,
    /// `--name`, which says yes by being there; "true" or "false" on the wire.
    Flag,
    /// Asked for; required.
    Secret {
        /// The flag that has it read from standard input instead.
        from_stdin: &'static str,
    },
}

/// How an answer reads. Names in braces, and columns, are fields of the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Says {
    /// These words.
    Words(&'static str),
    /// These words, and then who has heard of it. Where the store is away, it is tried until it is done.
    TakenBack(&'static str),
    /// A line for each field.
    Fields(&'static [&'static str]),
    /// A line for each element, and these words where there is none.
    Table {
        /// From left to right.
        columns: &'static [&'static str],
        /// Where there is nothing to show.
        none: &'static str,
    },
}

/// Who is meant, for every verb that is about one user.
pub const NAME: Argument = Argument { name: "name", form: Form::Positional, value: "NAME", about: "What the user signs in with." };
