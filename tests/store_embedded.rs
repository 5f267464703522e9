//! What the embedded store promises besides the contract: about its file, and about being closed
//! and opened.

mod file;
mod reopening;
