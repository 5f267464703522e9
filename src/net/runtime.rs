//! Forwarding threads: each has a runtime, a listener on the shared port, and whatever its service
//! keeps for itself.

use std::{
    io,
    net::SocketAddr,
    num::NonZeroUsize,
    rc::Rc,
    sync::Arc,
    thread::{self, JoinHandle},
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::{net::TcpListener, runtime::Builder, task::LocalSet};

use super::{Ceiling, Drain, Service, listener};
use crate::config::Connections;

/// Connections that the kernel keeps for us until we accept them.
const BACKLOG: i32 = 1024;

/// Listeners on one port, one for each thread.
pub struct Listeners {
    /// The address, with the port that was found where 0 was asked for.
    pub address: SocketAddr,
    sockets: Vec<std::net::TcpListener>,
}

impl Listeners {
    /// Binds `count` listeners to one address.
    ///
    /// # Errors
    /// Where the address cannot be had, also because another process has it.
    pub fn bind(address: SocketAddr, count: NonZeroUsize) -> io::Result<Self> {
        if address.port() != 0 {
            // SO_REUSEPORT would let a second gateway share the port in silence.
            drop(std::net::TcpListener::bind(address)?);
        }
        let first = bind(address)?;
        let address = first.local_addr()?;
        let mut sockets = vec![first];
        for _ in 1..count.get() {
            sockets.push(bind(address)?);
        }
        Ok(Self { address, sockets })
    }

    /// How many listeners there are.
    pub fn count(&self) -> usize {
        self.sockets.len()
    }

    /// Starts a thread for each listener, with one of the services on each.
    ///
    /// # Errors
    /// Where a thread or its runtime cannot be made.
    pub fn serve<S: Service>(
        self,
        services: Vec<S>,
        connections: &Connections,
        ceiling: &Arc<Ceiling>,
        drain: &Drain,
    ) -> io::Result<Threads> {
        let mut threads = Vec::new();
        for (index, (socket, service)) in self.sockets.into_iter().zip(services).enumerate() {
            let (connections, ceiling, drain) = (connections.clone(), Arc::clone(ceiling), drain.clone());
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let run = move || LocalSet::new().block_on(&runtime, run(socket, service, connections, ceiling, drain));
            threads.push(thread::Builder::new().name(format!("forward-{index}")).spawn(run)?);
        }
        Ok(Threads(threads))
    }
}

async fn run<S: Service>(socket: std::net::TcpListener, service: S, connections: Connections, ceiling: Arc<Ceiling>, drain: Drain) {
    let service = Rc::new(service);
    match TcpListener::from_std(socket) {
        Ok(listener) => {
            let tended = Rc::clone(&service);
            let tending = tokio::task::spawn_local(async move { tended.tend().await });
            listener::serve(listener, service, Rc::new(connections), ceiling, drain).await;
            tending.abort();
        }
        Err(error) => tracing::error!(%error, "a forwarding thread has no listener"),
    }
}

/// The running threads.
pub struct Threads(Vec<JoinHandle<()>>);

impl Threads {
    /// Waits until all have ended. Blocks.
    pub fn join(self) {
        for thread in self.0 {
            if thread.join().is_err() {
                tracing::error!("a forwarding thread broke down");
            }
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
