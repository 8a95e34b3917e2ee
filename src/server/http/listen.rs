//! Connections: HTTP/1.1, over TLS where there is a certificate.

use super::tls::Certificate;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How long to wait before accepting again where the system has no room for one more connection.
const NO_ROOM: Duration = Duration::from_millis(50);

/// The address at the other end of a request's connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// The address at this end of a request's connection.
#[derive(Clone, Copy, Debug)]
pub struct Local(pub IpAddr);

/// How patient the server is.
#[derive(Clone, Copy)]
pub struct Times {
    /// With a connection that sends no head of a request.
    pub idle: Duration,
    /// With requests under way, once it is to stop.
    pub drain: Duration,
}

/// What requests are given to. Its future is held by the connection: a service of tower's would put each on the heap.
pub trait Answering: Clone + Send + 'static {
    /// Answers a request.
    fn answer(&self, request: Request) -> impl Future<Output = Response> + Send;
}

#[cfg(test)]
impl Answering for axum::Router {
    async fn answer(&self, request: Request) -> Response {
        tower::ServiceExt::oneshot(self.clone(), request).await.unwrap_or_else(|never| match never {})
    }
}

/// Answers requests until `stop` turns true, then finishes those under way.
pub async fn answer(
    listener: TcpListener,
    certificate: Option<Arc<Certificate>>,
    answers: impl Answering,
    mut stop: watch::Receiver<bool>,
    times: Times,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(times.idle);
    let connections = GracefulShutdown::new();
    while let Some((stream, address)) = next(&listener, &mut stop).await {
        let local = stream.local_addr().map(|it| Local(it.ip())).ok();
        let answers = answers.clone();
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(Peer(address));
            if let Some(local) = local {
                request.extensions_mut().insert(local);
            }
            let answers = answers.clone();
            async move { Ok::<_, Infallible>(answers.answer(request.map(Body::new)).await) }
        });
        let (http, watcher) = (http.clone(), connections.watcher());
        let Some(certificate) = &certificate else {
            tokio::spawn(told(watcher.watch(http.serve_connection(TokioIo::new(stream), service))));
            continue;
        };
        let (acceptor, mut stop) = (certificate.acceptor(), stop.clone());
        tokio::spawn(async move {
            let agreed = tokio::select! {
                agreed = tokio::time::timeout(times.idle, acceptor.accept(stream)) => agreed,
                _ = stop.wait_for(|it| *it) => return,
            };
            match agreed {
                Ok(Ok(stream)) => told(watcher.watch(http.serve_connection(TokioIo::new(stream), service))).await,
                Ok(Err(cause)) => tracing::debug!(%cause, "a connection did not come to TLS"),
                Err(_) => tracing::debug!("a connection took too long to come to TLS"),
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(times.drain, connections.shutdown()).await.is_err() {
        tracing::warn!("requests still under way are cut off");
    }
}

/// Waits for a connection's end.
async fn told(connection: impl Future<Output = hyper::Result<()>>) {
    if let Err(cause) = connection.await {
        tracing::debug!(%cause, "a connection broke");
    }
}

/// The next connection; `None` once the server is to stop.
async fn next(listener: &TcpListener, stop: &mut watch::Receiver<bool>) -> Option<(TcpStream, IpAddr)> {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|it| *it) => return None,
        };
        match accepted {
            Ok((stream, address)) => {
                if let Err(cause) = stream.set_nodelay(true) {
                    tracing::debug!(%cause, "a connection keeps Nagle's algorithm");
                }
                return Some((stream, address.ip()));
            }
            Err(cause) => {
                tracing::warn!(%cause, "a connection could not be accepted");
                tokio::time::sleep(NO_ROOM).await;
            }
        }
    }
}
