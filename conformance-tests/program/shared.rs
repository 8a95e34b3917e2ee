//! The server that all cases share. What it wrote is looked through to its end, which comes after that of the last case: the run
//! fails by its exit then.

use super::{FINEST, Folder, Program, TO_THE_END, listening_line, metrics, read_to_the_end, temporary, watched};
use crate::planted;
use std::process::{Child, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

/// The shell between the server and this process. When this process ends, however it ends, the shell's input
/// closes, and it stops the server by SIGTERM, tells the names of its files, removes its data, and ends as the server did.
const UNTIL_INPUT_ENDS: &str = r#""$0" serve --listen 127.0.0.1:0 --private-hosts 127.0.0.1 --database "$2" & server=$!
    cat >/dev/null; kill -TERM $server; wait $server; ended=$?; ls -AR "$1"; rm -rf "$1"; exit $ended"#;

/// How long the server has to end, in steps of [`TO_THE_END`].
const STEPS: u32 = 60;

/// What runs.
struct Shared {
    shell: Child,
    readers: [JoinHandle<()>; 2],
    root: String,
}

static RUNNING: Mutex<Option<Shared>> = Mutex::new(None);

/// The server that all cases share, and its root (`http://host:port`); it starts at the first call.
pub fn program() -> &'static (Program, String) {
    static SHARED: OnceLock<(Program, String)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let program = Program::with_directory(Folder { path: temporary().keep(), _temporary: None });
        let mut shell = program.without_settings("sh");
        shell.arg("-c").arg(UNTIL_INPUT_ENDS).arg(&program.binary).arg(program.directory()).arg(program.database());
        shell.env("MEDISYNC_LOG_LEVEL", FINEST).stderr(Stdio::piped());
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
        let logged = watched(&mut shell, |_| ());
        let (root, printed) = listening_line(&mut shell);
        let shared = Shared { shell, readers: [logged, printed], root: root.clone() };
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = Some(shared);
        end_with_this_process();
        (program, root)
    })
}

/// Has [`at_exit`] called when the last case has ended. Nothing else is left to run then: libtest ends the process, and
/// drops no static.
#[expect(unsafe_code, reason = "the standard library has nothing that is called at a process's exit")]
fn end_with_this_process() {
    // SAFETY: atexit(3) takes any function of this type, and this one neither unwinds (extern "C" aborts) nor ends the process by exit(3).
    let refused = unsafe { libc::atexit(at_exit) };
    assert_eq!(refused, 0, "what is left at the end is looked through");
}

extern "C" fn at_exit() {
    let Some(shared) = RUNNING.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    let faults = shared.end();
    if !faults.is_empty() {
        eprintln!("after the last case: {faults:#?}");
        // No other status can be set any more.
        std::process::abort();
    }
}

impl Shared {
    /// Ends the server; what is wrong with what it wrote, or with how it ended.
    fn end(mut self) -> Vec<String> {
        planted::look("/metrics", &metrics(&self.root).unwrap_or_default());
        drop(self.shell.stdin.take());
        let mut ended = None;
        for _ in 0..STEPS {
            read_to_the_end(&self.readers);
            ended = self.shell.try_wait().expect("its end is seen");
            if ended.is_some() {
                break;
            }
        }
        let mut faults = planted::leaks();
        match ended {
            Some(status) if status.success() => {}
            Some(status) => faults.push(format!("the server ended with {status}")),
            None => faults.push(format!("the server did not end within {:?}", TO_THE_END * STEPS)),
        }
        faults
    }
}
