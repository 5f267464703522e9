//! Polls that wait, polls that come too often, and guessing at codes.

mod guesses;
mod holds;
mod pace;
