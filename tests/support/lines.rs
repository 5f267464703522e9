//! What a process writes.

use std::io::{BufRead, BufReader, Read};

use tokio::sync::mpsc;

use crate::proxy::raw::soon;

/// Line by line as it comes, and all of it so far.
pub(crate) struct Lines {
    coming: mpsc::UnboundedReceiver<String>,
    pub(crate) all: String,
}

impl Lines {
    pub(crate) fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, coming) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines() {
                if sender.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { coming, all: String::new() }
    }

    pub(crate) async fn next(&mut self) -> Option<String> {
        let line = soon(self.coming.recv()).await?;
        self.all += &line;
        self.all += "\n";
        Some(line)
    }

    pub(crate) async fn with(&mut self, words: &str) -> String {
        loop {
            let Some(line) = self.next().await else { panic!("no {words:?} in {}", self.all) };
            if line.contains(words) {
                return line;
            }
        }
    }
}
