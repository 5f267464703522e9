//! `gatepost serve`.

use std::{future::Future, io, path::Path};

use tokio::{
    runtime::Handle,
    signal::unix::{Signal, SignalKind, signal},
};

use super::{Failure, control};
use crate::{
    app::{Gateway, Interior, Plan},
    clock::Clock,
    ops,
};

/// Runs until SIGTERM or SIGINT.
pub(super) fn run(config: &Path) -> Result<(), Failure> {
    let plan = Plan::load(config)?;
    start_log(&plan)?;
    for warning in plan.config.warnings() {
        tracing::warn!("{warning}");
    }
    to_its_end(async {
        let public_url = plan.config.public_url.as_str().to_owned();
        let gateway = Interior::open(plan, Clock::system()).await?.serve(&Handle::current())?;
        tracing::info!(address = %gateway.address, public_url, "listening");
        Ok(gateway)
    })
}

/// Starts a gateway on a control runtime of its own, and lets it run until the process is told to
/// end. Told twice, it ends at once.
pub(super) fn to_its_end(start: impl Future<Output = Result<Gateway, Failure>>) -> Result<(), Failure> {
    let control = control()?;
    let in_order = control.block_on(async {
        // Heard from the beginning: a signal that nobody listens for ends the process on the spot.
        let mut signals = Signals::listen()?;
        let gateway = start.await?;
        signals.told().await;
        tracing::info!("ending: open requests may finish");
        tokio::select! {
            () = gateway.end() => {
                tracing::info!("ended");
                Ok::<_, Failure>(true)
            }
            () = signals.told() => {
                tracing::warn!("ended at once: told twice");
                Ok(false)
            }
        }
    })?;
    if !in_order {
        // Dropping the runtime would wait for those who have just been given up.
        control.shutdown_background();
    }
    Ok(())
}

pub(super) fn start_log(plan: &Plan) -> Result<(), Failure> {
    ops::log::start(&plan.config.log).map_err(|error| Failure::Usage(format!("log.level cannot be read: {error}")))
}

/// The signals that tell the process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let failed = |cause: io::Error| Failure::Io { what: "cannot listen for signals", cause };
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
        })
    }

    async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
