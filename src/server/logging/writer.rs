//! Hands log lines to a thread that writes them to stderr, many at a time: no request waits for whoever reads them.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait to be written; past it, lines are counted instead of kept.
const MOST_WAITING: usize = 4 << 20;

/// Takes lines; one for all.
#[derive(Clone)]
pub struct Lines(Arc<Shared>);

struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    lost: usize,
    is_closed: bool,
}

/// Writes what is left when it is dropped.
pub struct Flush {
    lines: Lines,
    thread: Option<JoinHandle<()>>,
}

impl Lines {
    /// Starts the thread that writes to `out`.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<(Lines, Flush)> {
        let lines = Lines(Arc::new(Shared { waiting: Mutex::default(), changed: Condvar::new() }));
        let source = lines.clone();
        let thread = std::thread::Builder::new().name("log".into()).spawn(move || source.write_all_to(out))?;
        Ok((lines.clone(), Flush { lines, thread: Some(thread) }))
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all_to(&self, mut out: impl Write) {
        let mut batch = Vec::new();
        loop {
            let waiting = self.0.changed.wait_while(self.waiting(), |it| it.bytes.is_empty() && !it.is_closed);
            let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
            mem::swap(&mut batch, &mut waiting.bytes);
            let (lost, is_closed) = (mem::take(&mut waiting.lost), waiting.is_closed);
            drop(waiting);
            // Whether anybody reads the log is not for the server to judge.
            let _ = out.write_all(&batch);
            if lost > 0 {
                let _ = writeln!(out, "{lost} log lines were lost: they came faster than they were read");
            }
            let _ = out.flush();
            if is_closed && batch.is_empty() {
                return;
            }
            batch.clear();
        }
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.waiting();
        if waiting.bytes.len() + line.len() > MOST_WAITING {
            waiting.lost += 1;
            return Ok(line.len());
        }
        let was_empty = waiting.bytes.is_empty();
        waiting.bytes.extend_from_slice(line);
        drop(waiting);
        if was_empty {
            self.0.changed.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        self.clone()
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        self.lines.waiting().is_closed = true;
        self.lines.0.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing more to write.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// Hands on what is written, and takes no more until that was received.
    struct Slow(mpsc::SyncSender<Vec<u8>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_is_written_in_order_by_the_end() {
        let (sender, written) = mpsc::sync_channel(10_000);
        let (mut lines, flush) = Lines::start(Slow(sender)).unwrap();
        let expected: String = (0..1000).map(|it| format!("line {it}\n")).collect();
        for line in expected.split_inclusive('\n') {
            lines.write_all(line.as_bytes()).unwrap();
        }
        drop((flush, lines));
        assert_eq!(String::from_utf8(written.into_iter().flatten().collect()).unwrap(), expected);
    }

    #[test]
    fn nobody_waits_for_a_reader_that_sleeps() {
        let (sender, written) = mpsc::sync_channel(0);
        let (mut lines, flush) = Lines::start(Slow(sender)).unwrap();
        let line = vec![b'x'; 1 << 20];
        for _ in 0..20 {
            lines.write_all(&line).unwrap();
        }
        let reader = std::thread::spawn(move || written.into_iter().flatten().collect::<Vec<u8>>());
        drop((flush, lines));
        assert!(String::from_utf8(reader.join().unwrap()).unwrap().contains("log lines were lost"));
    }
}
