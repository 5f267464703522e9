//! `gatepost serve`.

use std::{io, path::Path};

use tokio::{
    runtime::Handle,
    signal::unix::{SignalKind, signal},
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
    control()?.block_on(async {
        let public_url = plan.config.public_url.as_str().to_owned();
        let gateway = Interior::open(plan, Clock::system()).await?.serve(&Handle::current())?;
        tracing::info!(address = %gateway.address, public_url, "listening");
        until_told(gateway).await
    })
}

pub(super) fn start_log(plan: &Plan) -> Result<(), Failure> {
    ops::log::start(&plan.config.log).map_err(|error| Failure::Usage(format!("log.level cannot be read: {error}")))
}

/// Lets the gateway run until the process is told to end. Told twice, it ends at once.
pub(super) async fn until_told(gateway: Gateway) -> Result<(), Failure> {
    told().await?;
    tracing::info!("ending: open requests may finish");
    tokio::select! {
        () = gateway.end() => tracing::info!("ended"),
        again = told() => {
            again?;
            tracing::warn!("ended at once: told twice");
        }
    }
    Ok(())
}

async fn told() -> Result<(), Failure> {
    let failed = |cause: io::Error| Failure::Io { what: "cannot listen for signals", cause };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
