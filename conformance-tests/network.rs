//! A network between a server and its PostgreSQL, which a case can make fail.

use crate::{skipped, unique};
use std::path::PathBuf;
use std::process::Command;
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
    socket: watch::Sender<PathBuf>,
}

impl Network {
    /// A network to this socket.
    pub async fn to(socket: PathBuf) -> Network {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("a port").port();
        let weather = watch::Sender::new(Weather::Fair);
        let socket = watch::Sender::new(socket);
        let (changes, leads) = (weather.subscribe(), socket.subscribe());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let socket = leads.borrow().clone();
                tokio::spawn(connection(client, socket, changes.clone()));
            }
        });
        Network { port, weather, socket }
    }

    /// Leads whoever connects from now on to another socket; who is connected stays.
    pub fn lead(&self, socket: PathBuf) {
        self.socket.send_replace(socket);
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

/// A cable to a network namespace, which is to this one as another machine is (ip-netns(8), veth(4)).
pub struct Cable {
    namespace: String,
    /// Its end here and its end there.
    ends: [String; 2],
    address: String,
}

impl Cable {
    /// A new one. None where this user may not lay one, which is told.
    pub fn lay() -> Option<Cable> {
        let name: String = unique().chars().filter(|it| *it != '-').skip(8).collect();
        let noise = u32::from_str_radix(name.get(..4)?, 16).ok()?;
        let net = format!("10.{}.{}", noise >> 8, noise & 0xff);
        let ends = [format!("ms{name}a"), format!("ms{name}b")];
        let cable = Cable { namespace: format!("medisync-{name}"), ends, address: format!("{net}.2") };
        let [here, there] = cable.ends.each_ref().map(String::as_str);
        let space = cable.namespace.as_str();
        let is_laid = ip(&["netns", "add", space])
            && ip(&["link", "add", here, "type", "veth", "peer", "name", there, "netns", space])
            && ip(&["address", "add", &format!("{net}.1/30"), "dev", here])
            && ip(&["link", "set", here, "up"])
            && ip(&["-n", space, "address", "add", &format!("{net}.2/30"), "dev", there])
            && ip(&["-n", space, "link", "set", "lo", "up"])
            && ip(&["-n", space, "link", "set", there, "up"]);
        if !is_laid {
            skipped("packets that are lost: this user may not make a network namespace (root may)");
            return None;
        }
        // Else the end here would ask in vain who has the address, and say so: a router on the way would not.
        let known = Command::new("ip").args(["-n", space, "-brief", "link", "show", there]).output();
        let known = String::from_utf8(known.expect("ip runs").stdout).expect("UTF-8");
        let hardware = known.split_whitespace().nth(2).expect("a hardware address");
        assert!(ip(&["neigh", "replace", &cable.address, "lladdr", hardware, "nud", "permanent", "dev", here]));
        Some(cable)
    }

    /// What the namespace is called.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The address at its other end.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// From now on every packet is lost.
    pub fn cut(&self) {
        assert!(ip(&["-n", &self.namespace, "link", "set", &self.ends[1], "down"]), "the cable is cut");
    }

    /// From now on packets arrive again.
    pub fn mend(&self) {
        assert!(ip(&["-n", &self.namespace, "link", "set", &self.ends[1], "up"]), "the cable is mended");
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        // Its ends go with it.
        ip(&["netns", "delete", &self.namespace]);
    }
}

fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).output().is_ok_and(|it| it.status.success())
}
