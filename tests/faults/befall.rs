//! How faults happen, each from its beginning to its end.

use std::time::Duration;

use rustix::process::Signal;
use tokio::{
    task::block_in_place,
    time::{sleep, timeout},
};

use super::{
    fault::{Chance, Fault},
    setup::GATEWAYS,
    skew::{FAST, SLOW, skewed},
    stand::Stand,
    topology::SENTINEL_FAILOVER,
};
use crate::support::redis::{Server, until};

/// Longer than a fail-over takes.
const PATIENCE: Duration = Duration::from_secs(60);

impl Stand {
    /// Has it happen, and answers at its end which gateways it befell.
    pub(crate) async fn befall(&self, fault: Fault, chance: &Chance) -> Vec<usize> {
        let one = chance.gateway;
        let (gateway, links) = (&self.gateways[one], &self.links[one]);
        let all = || (0..GATEWAYS).collect();
        match fault {
            Fault::GatewayStops => {
                gateway.tell(Signal::STOP);
                sleep(chance.span(1.0, 6.0)).await;
                gateway.tell(Signal::CONT);
                vec![one]
            }
            Fault::GatewayDies => {
                gateway.kill().await;
                sleep(chance.span(0.2, 3.0)).await;
                gateway.start().await;
                vec![one]
            }
            Fault::BlackHole => {
                links.all().for_each(|link| link.black_hole());
                sleep(chance.span(1.0, 6.0)).await;
                links.all().for_each(|link| link.pass());
                vec![one]
            }
            Fault::HeldAnswers => {
                links.all().for_each(|link| link.hold_answers());
                sleep(chance.span(1.0, 6.0)).await;
                links.all().for_each(|link| link.release_answers());
                vec![one]
            }
            Fault::Resets => {
                for length in chance.lengths {
                    links.all().for_each(|link| link.reset_all());
                    sleep(Duration::from_secs_f64(0.05 + length * 0.4)).await;
                }
                vec![one]
            }
            Fault::SlowLink => {
                self.slow_down(chance).await;
                vec![one]
            }
            Fault::Deaf => {
                for length in chance.lengths {
                    let server = &self.servers.redis()[block_in_place(|| self.servers.primary())];
                    block_in_place(|| until("they are cut", || server.try_command::<u32>(&["CLIENT", "KILL", "TYPE", "pubsub"]).is_ok()));
                    sleep(Duration::from_secs_f64(0.05 + length * 0.4)).await;
                }
                // What was taken back is looked for several times a second.
                Vec::new()
            }
            Fault::RedisStops => {
                let server = self.primary();
                server.stop();
                sleep(chance.span(0.3, 4.0)).await;
                server.go_on();
                all()
            }
            Fault::RedisDies | Fault::RedisForgets => {
                let server = self.primary();
                server.kill();
                sleep(chance.span(0.2, 2.0)).await;
                if fault == Fault::RedisDies {
                    block_in_place(|| server.restart());
                } else {
                    self.ledger.loses();
                    block_in_place(|| server.restart_empty());
                    self.populate().await;
                }
                all()
            }
            Fault::ClockSkew => self.skew_clocks(chance).await,
            Fault::FailOver => {
                let order = if self.servers.has_sentinels() { SENTINEL_FAILOVER } else { &["CLUSTER", "FAILOVER"] };
                self.fail_over(order, chance).await;
                all()
            }
            Fault::TakeOver => {
                self.fail_over(&["CLUSTER", "FAILOVER", "TAKEOVER"], chance).await;
                all()
            }
            Fault::PrimaryDies => {
                let server = self.primary();
                server.kill();
                let _next = self.primary();
                sleep(chance.span(0.5, 3.0)).await;
                block_in_place(|| server.restart());
                block_in_place(|| self.servers.settle());
                all()
            }
            Fault::SplitBrain => {
                self.split(chance).await;
                all()
            }
        }
    }

    fn primary(&self) -> &Server {
        &self.servers.redis()[block_in_place(|| self.servers.primary())]
    }

    /// By one of three delays, each way, of which every moment takes half or up to one and a half.
    async fn slow_down(&self, chance: &Chance) {
        const DELAYS: [f64; 3] = [0.050, 0.150, 0.300];
        let links = &self.links[chance.gateway];
        let delay = DELAYS[((chance.lengths[0] * 3.0) as usize).min(2)];
        let moments = chance.lengths.iter().cycle().take(4 * chance.lengths.len());
        for length in moments {
            links.all().for_each(|link| link.delay(Duration::from_secs_f64(delay * (0.5 + length))));
            sleep(Duration::from_millis(100)).await;
        }
        links.all().for_each(|link| link.delay(Duration::ZERO));
    }

    async fn skew_clocks(&self, chance: &Chance) -> Vec<usize> {
        let pair = [(chance.gateway, FAST), ((chance.gateway + 1) % GATEWAYS, SLOW)];
        for (gateway, rate) in pair {
            self.gateways[gateway].kill().await;
            self.gateways[gateway].start_inside(skewed(rate)).await;
        }
        for (gateway, _) in pair {
            let links = &self.links[gateway];
            sleep(Duration::from_secs(1)).await;
            links.all().for_each(|link| link.black_hole());
            sleep(chance.span(1.5, 4.0)).await;
            links.all().for_each(|link| link.pass());
        }
        for (gateway, _) in pair {
            self.gateways[gateway].kill().await;
            self.gateways[gateway].start().await;
        }
        pair.map(|(gateway, _)| gateway).to_vec()
    }

    async fn fail_over(&self, order: &[&str], chance: &Chance) {
        block_in_place(|| self.servers.fail_over(order));
        sleep(chance.span(2.0, 5.0)).await;
        block_in_place(|| self.servers.settle());
    }

    async fn split(&self, chance: &Chance) {
        let old = block_in_place(|| self.servers.primary());
        self.servers.isolate(old);
        for (gateway, links) in self.links.iter().enumerate() {
            let is_left_behind = gateway == chance.gateway;
            let cut = links.redis.iter().enumerate().filter(|(server, _)| (*server == old) != is_left_behind);
            cut.for_each(|(_, link)| link.black_hole());
            links.sentinels.iter().filter(|_| is_left_behind).for_each(|link| link.black_hole());
        }
        self.operators_links.redis[old].black_hole();
        let replaced = async {
            while block_in_place(|| self.servers.primary()) == old {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(PATIENCE, replaced).await.expect("the others make a new primary");
        sleep(chance.span(1.5, 5.0)).await;
        self.servers.heal();
        let links = self.links.iter().chain([&self.operators_links]);
        links.flat_map(|links| links.all()).for_each(|link| link.pass());
        block_in_place(|| self.servers.settle());
    }
}
