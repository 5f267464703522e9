//! What all who use a store are told, and may miss.

use gatepost::store::{Change, Notice, Notices};

use crate::support::{
    records::grant_id,
    stores::{Stand, on_every_store},
};

on_every_store!(a_notice_reaches_all_who_listen);

/// Listens, from a moment on at which nothing is missed any more.
pub(super) async fn listen(on: &Stand) -> Notices {
    let mut notices = on.store.notices();
    let ready = Notice::Grant(grant_id(u64::MAX));
    loop {
        on.store.commit(vec![Change::Tell(ready)]).await.unwrap();
        let heard = tokio::time::timeout(std::time::Duration::from_millis(100), notices.next()).await;
        if heard.is_ok_and(|heard| heard == ready) {
            return notices;
        }
    }
}

/// The next notice that is not of [`listen`].
pub(super) async fn next(notices: &mut Notices) -> Notice {
    loop {
        match notices.next().await {
            Notice::Lost => {}
            Notice::Grant(id) if id == grant_id(u64::MAX) => {}
            notice => return notice,
        }
    }
}

async fn a_notice_reaches_all_who_listen(on: &Stand) {
    let mut both = [listen(on).await, listen(on).await];
    for told in [Notice::Grant(grant_id(1)), Notice::Keys] {
        on.store.commit(vec![Change::Tell(told)]).await.unwrap();
        for notices in &mut both {
            assert_eq!(next(notices).await, told);
        }
    }
}
