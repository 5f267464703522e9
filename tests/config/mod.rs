//! The configuration: what a file means, and what is said about a wrong one.

mod examples;
mod meaning;
mod mistakes;
mod never;
mod redis;
mod serika;
mod support;
