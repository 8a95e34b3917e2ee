//! A client that costs next to nothing, as it shares the machine with what it measures: one keep-alive
//! connection, one request at a time, and answers that tell their length.

use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection, with the answer it received last.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What came back.
pub struct Answer<'c> {
    /// The HTTP status.
    pub status: u16,
    /// Status line and headers.
    pub head: &'c [u8],
    /// The body, as sent.
    pub body: &'c [u8],
}

impl Answer<'_> {
    /// Fails unless the status says success.
    pub fn check(&self, request: &[u8]) -> Result<()> {
        if (200..300).contains(&self.status) {
            return Ok(());
        }
        let line = request.split(|it| *it == b'\r').next().unwrap_or_default();
        let said = &self.body[..self.body.len().min(600)];
        bail!("{} was answered {}: {}", String::from_utf8_lossy(line), self.status, String::from_utf8_lossy(said))
    }
}

/// The head of an answer: status, and where its body starts and ends.
struct Head {
    status: u16,
    start: usize,
    end: usize,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Result<Connection> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: Vec::with_capacity(1 << 17) })
    }

    /// Sends a request, all its bytes, and waits for the whole answer.
    pub async fn send(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.buffer.clear();
        self.stream.write_all(request).await?;
        let mut head = None;
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
            if head.is_none() {
                head = parse_head(&self.buffer)?;
            }
            if let Some(Head { status, start, end }) = head
                && self.buffer.len() >= end
            {
                return Ok(Answer { status, head: &self.buffer[..start], body: &self.buffer[start..end] });
            }
        }
    }
}

/// The head, once all of it is there.
fn parse_head(bytes: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 48];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(start) = response.parse(bytes)? else { return Ok(None) };
    let length = response.headers.iter().find(|it| it.name.eq_ignore_ascii_case("content-length"));
    let status = response.code.context("an answer without a status")?;
    let length = match length {
        Some(it) => std::str::from_utf8(it.value)?.trim().parse()?,
        None if status == 204 || status == 304 => 0,
        None => bail!("an answer of unknown length; this client reads Content-Length only"),
    };
    Ok(Some(Head { status, start, end: start + length }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_where_the_body_ends() {
        let head = parse_head(b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello").unwrap().unwrap();
        assert_eq!((head.status, head.end - head.start), (201, 5));
    }

    #[test]
    fn half_a_head_is_waited_for() {
        assert!(parse_head(b"HTTP/1.1 200 OK\r\nContent-Le").unwrap().is_none());
    }

    #[test]
    fn an_answer_of_unknown_length_is_refused() {
        assert!(parse_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }
}
