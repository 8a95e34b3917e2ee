//! A network between a server and its PostgreSQL, which a case can make fail.

use std::path::PathBuf;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// How the network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// All arrives.
    Fair,
    /// Nothing arrives and nobody is told: a cable was pulled. What was sent arrives when it is plugged in again.
    Silent,
    /// Connections are reset, new ones too.
    Down,
}

/// A TCP port on this machine from which everything is handed on to a unix socket, as long as the weather is fair.
pub struct Network {
    port: u16,
    weather: watch::Sender<Weather>,
}

impl Network {
    /// A network to this socket.
    pub async fn to(socket: PathBuf) -> Network {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("a port").port();
        let weather = watch::Sender::new(Weather::Fair);
        let changes = weather.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connection(client, socket.clone(), changes.clone()));
            }
        });
        Network { port, weather }
    }

    /// The URL of a database behind it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// Makes it so from now on.
    pub fn turn(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

async fn connection(client: TcpStream, socket: PathBuf, mut changes: watch::Receiver<Weather>) {
    if *changes.borrow() == Weather::Down {
        return;
    }
    let Ok(server) = UnixStream::connect(socket).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = carry(from_client, to_server, changes.clone()) => {}
        () = carry(from_server, to_client, changes.clone()) => {}
        // An error says that the network itself is gone.
        _ = changes.wait_for(|it| *it == Weather::Down) => {}
    }
}

/// Hands on what comes while the weather is fair.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut weather: watch::Receiver<Weather>,
) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return };
        if weather.wait_for(|it| *it == Weather::Fair).await.is_err() || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
