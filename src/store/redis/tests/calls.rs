//! Many calls at once, most of which are given up.

use std::{num::NonZeroUsize, sync::Arc};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::task::{JoinSet, yield_now};

use super::{echo, link, redis, server::Server};
use crate::config::store::{Redis, Servers};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_meets_another_question_however_calls_are_given_up() {
    let rounds = if std::env::var_os("GATEPOST_TEST_ALL").is_some() { 3200 } else { 150 };
    let server = Server::start(&[]);
    let link =
        Arc::new(link(Redis { most_waiting: NonZeroUsize::new(1024).unwrap(), ..redis(Servers::One(server.host())) }).await.unwrap());
    let mut callers = JoinSet::new();
    for caller in 0..32 {
        let link = Arc::clone(&link);
        callers.spawn(async move {
            let mut random = StdRng::seed_from_u64(caller);
            let mut given_up = 0;
            while given_up < rounds {
                let number = random.random();
                // What is under way is bounded, also where nobody waits for it: some are refused.
                let answer = tokio::select! {
                    biased;
                    answer = echo(&link, number) => Some(answer),
                    () = turns(random.random_range(0..30)) => None,
                };
                match answer {
                    Some(Ok(answer)) => assert_eq!(answer, number),
                    Some(Err(full)) => {
                        assert!(full.reason.contains("under way already"), "{full}");
                        turns(1).await;
                    }
                    None => given_up += 1,
                }
            }
        });
    }
    callers.join_all().await;
    assert_eq!(echo(&link, 7).await.unwrap(), 7);
    assert!(server.says(&["INFO", "stats"]).contains("total_connections_received:2\r\n"), "the link and redis-cli connected once each");
}

/// Lets others go first so often.
async fn turns(times: u32) {
    for _ in 0..times {
        yield_now().await;
    }
}
