//! What depends on how long Redis has been running, and on which one it is.

use std::time::Duration;

use gatepost::{
    oauth::step::TakesBack,
    store::{Change, Expect, News, Position},
};

use crate::support::{
    records::{grant_id, put_user},
    redis::{Server, realm},
    stores::Stand,
};

/// So many keys do not fit into one page of a dump.
const MANY: u64 = 2000;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_heard_of_the_last_entry_misses_nothing_however_long_ago_that_was() {
    let Some(server) = Server::shared() else { return };
    let realm = realm(server.place());
    let feed = format!("gatepost:{{{}}}:feed", realm.realm);
    for n in ["1", "2"] {
        server.command::<String>(&["XADD", &feed, &format!("{n}-0"), "id", &n.repeat(16), "entry", "long ago", "time", "1"]);
    }
    let [first, last] = [(1, b'1'), (2, b'2')].map(|(sequence, digit)| Position { sequence, id: [digit; 16] });
    let on = Stand::over(realm).await;
    on.store.commit(vec![Change::TakeBack(TakesBack::Grant(grant_id(1)))]).await.unwrap();
    let replicas = on.store.replicas().unwrap();
    let news = replicas.renew(last, Duration::ZERO).await.unwrap().news;
    let News::Since { entries, .. } = news else { panic!("{news:?}") };
    assert_eq!(entries.iter().map(|entry| entry.takes_back).collect::<Vec<_>>(), [Some(TakesBack::Grant(grant_id(1)))]);
    // The one before has been followed by another for long enough.
    assert!(matches!(replicas.renew(first, Duration::ZERO).await.unwrap().news, News::Gap(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_does_not_go_on_where_redis_was_started_again() {
    let Some(server) = Server::start(&[]) else { return };
    let on = Stand::over(realm(server.place())).await;
    for hundred in 0..MANY / 100 {
        let users = (100 * hundred..100 * (hundred + 1)).map(|n| put_user(n, n, Expect::Absent));
        on.store.commit(users.collect()).await.unwrap();
    }
    let page = on.store.dump(None).await.unwrap();
    assert!(page.next.is_some());
    on.store.dump(page.next.clone()).await.unwrap();
    server.restart();
    let refused = loop {
        match on.store.dump(page.next.clone()).await {
            Ok(_) => panic!("it went on"),
            Err(refused) if refused.reason.contains("begin again") => break refused,
            Err(_not_yet_connected) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    assert!(refused.reason.contains("started again"), "{refused}");
    on.store.dump(None).await.unwrap();
}
