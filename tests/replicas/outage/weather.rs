//! The network of one replica comes and goes while things are taken back.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::{BROKEN, House};
use crate::{
    replicas::{history, token},
    support::http::{bearing, get, post_json},
};

impl House {
    /// Takes a token back at that replica, as often as it takes until somebody can say that it is.
    async fn log_out(&self, replica: usize, access: &str) {
        loop {
            let out = bearing(post_json("/api/v1/auth/logout", &serde_json::json!({})), access);
            let reply = self.gateway(replica).send(out).await;
            match reply.status.as_u16() {
                503 => sleep(Duration::from_millis(5)).await,
                // It was done before, and nobody had heard of it.
                200 | 401 => return,
                status => panic!("{status}: {}", reply.text()),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_holds_in_any_weather() {
    let Some(house) = House::impatient().await else { return };
    let house = std::sync::Arc::new(house);
    let stormy = std::sync::Arc::clone(&house);
    let _storm = AbortOnDropHandle::new(tokio::spawn(async move {
        let proxy = &stormy.replicas.proxies[BROKEN];
        loop {
            sleep(Duration::from_millis(150)).await;
            proxy.reset_all();
            sleep(Duration::from_millis(150)).await;
            proxy.hold_answers();
            sleep(Duration::from_millis(60)).await;
            proxy.release_answers();
            proxy.delay(Duration::from_millis(10));
            sleep(Duration::from_millis(150)).await;
            proxy.cut_after(2000);
            sleep(Duration::from_millis(30)).await;
            proxy.pass();
        }
    }));
    let mut unsaid = 0;
    for round in 0..6 {
        let access = token(house.gateway(0)).await.access;
        let out = house.log_out(round % 2, &access);
        let what = format!("round {round}");
        unsaid += history::check_in_any_weather(&what, &house.addresses(), &house.upstream, &access, out).await;
        assert_eq!(house.gateway(0).send(bearing(get("/models/x"), &access)).await.status, 401);
    }
    assert!(unsaid > 0, "the weather was fine");
}
