//! Each fault of the proxy is what it says.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::Instant,
};

use crate::{
    proxy::raw::soon,
    support::{fault::FaultProxy, redis::Server},
};

/// Long enough that what comes within it would have come.
const MOMENT: Duration = Duration::from_millis(150);

/// Says back whatever it hears, and tells the test.
async fn echo() -> (SocketAddr, mpsc::UnboundedReceiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let tell = tell.clone();
            tokio::spawn(async move {
                let mut bytes = [0; 1024];
                while let Ok(count @ 1..) = socket.read(&mut bytes).await {
                    // The test may hear no more, or have gone.
                    let _ = tell.send(bytes[..count].to_vec());
                    let _ = socket.write_all(&bytes[..count]).await;
                }
            });
        }
    });
    (address, heard)
}

async fn ask(socket: &mut TcpStream, text: &str) -> io::Result<String> {
    socket.write_all(text.as_bytes()).await?;
    hear(socket).await
}

async fn hear(socket: &mut TcpStream) -> io::Result<String> {
    let mut bytes = [0; 1024];
    let count = soon(socket.read(&mut bytes)).await?;
    Ok(String::from_utf8_lossy(&bytes[..count]).into_owned())
}

async fn is_silent(socket: &mut TcpStream) -> bool {
    tokio::time::timeout(MOMENT, socket.read_u8()).await.is_err()
}

async fn stand() -> (FaultProxy, TcpStream, mpsc::UnboundedReceiver<Vec<u8>>) {
    let (address, heard) = echo().await;
    let proxy = FaultProxy::before(address);
    let mut socket = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut socket, "first").await.unwrap(), "first");
    let mut heard = heard;
    assert_eq!(heard.recv().await.unwrap(), b"first");
    (proxy, socket, heard)
}

#[tokio::test]
async fn a_black_hole_swallows_and_never_gives_back() {
    let (proxy, mut socket, mut heard) = stand().await;
    proxy.black_hole();
    socket.write_all(b"lost").await.unwrap();
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    new.write_all(b"lost").await.unwrap();
    assert!(is_silent(&mut socket).await && is_silent(&mut new).await && heard.try_recv().is_err());
    proxy.pass();
    socket.write_all(b"late").await.unwrap();
    assert!(is_silent(&mut socket).await && heard.try_recv().is_err());
    let mut other = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut other, "again").await.unwrap(), "again");
}

#[tokio::test]
async fn a_delay_is_on_each_way_and_does_not_add_up_over_commands() {
    let (proxy, mut socket, mut heard) = stand().await;
    proxy.delay(MOMENT);
    let began = Instant::now();
    for _ in 0..20 {
        socket.write_all(b"x").await.unwrap();
        // Else several would go as one.
        tokio::task::yield_now().await;
    }
    heard.recv().await.unwrap();
    assert!(began.elapsed() >= MOMENT);
    let mut answer = [0; 20];
    soon(socket.read_exact(&mut answer)).await.unwrap();
    assert!(began.elapsed() >= 2 * MOMENT && began.elapsed() < 20 * MOMENT);
}

#[tokio::test]
async fn a_reset_ends_the_connections_that_there_are_and_no_others() {
    let (proxy, mut socket, _heard) = stand().await;
    proxy.reset_all();
    assert_eq!(hear(&mut socket).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    let mut other = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut other, "again").await.unwrap(), "again");
}

#[tokio::test]
async fn new_connections_are_refused_and_old_ones_stay() {
    let (proxy, mut socket, _heard) = stand().await;
    proxy.refuse().await;
    assert_eq!(TcpStream::connect(proxy.address()).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(ask(&mut socket, "still").await.unwrap(), "still");
    proxy.pass();
    let mut other = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut other, "again").await.unwrap(), "again");
}

#[tokio::test]
async fn an_answer_breaks_off_in_the_middle() {
    let (proxy, mut socket, mut heard) = stand().await;
    proxy.cut_after(4);
    socket.write_all(b"whole").await.unwrap();
    let mut answer = String::new();
    soon(socket.read_to_string(&mut answer)).await.unwrap();
    assert_eq!((answer.as_str(), heard.recv().await.unwrap().as_slice()), ("whol", b"whole".as_slice()));
    let mut other = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut other, "more").await.unwrap(), "");
}

#[tokio::test]
async fn held_answers_come_when_they_are_released_and_the_commands_came_before() {
    let (proxy, mut socket, mut heard) = stand().await;
    proxy.hold_answers();
    socket.write_all(b"held").await.unwrap();
    assert_eq!(soon(heard.recv()).await.unwrap(), b"held");
    assert!(is_silent(&mut socket).await);
    proxy.release_answers();
    assert_eq!(hear(&mut socket).await.unwrap(), "held");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_carried_out_on_redis_though_its_answer_is_held() {
    let Some(server) = Server::start(&[]) else { return };
    let proxy = FaultProxy::before(server.address());
    let mut socket = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut socket, "PING\r\n").await.unwrap(), "+PONG\r\n");
    proxy.hold_answers();
    socket.write_all(b"INCR a\r\n").await.unwrap();
    crate::support::redis::until("the command is carried out", || server.command::<Option<u32>>(&["GET", "a"]).is_some());
    assert!(is_silent(&mut socket).await);
    proxy.release_answers();
    assert_eq!(hear(&mut socket).await.unwrap(), ":1\r\n");
}
