//! Other programs: started so that they end with the tests, and run with their output caught.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::Mutex,
};

/// A program that runs until this is dropped, or the tests end in whatever way.
#[derive(Debug)]
pub(crate) struct Running {
    guard: Mutex<Child>,
    log: PathBuf,
    pid_file: PathBuf,
}

/// What a program that has ended printed.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    /// Its exit code.
    pub(crate) code: Option<i32>,
    /// All of its output.
    pub(crate) stdout: String,
    /// All of its errors.
    pub(crate) stderr: String,
    line: String,
}

impl Running {
    /// Starts a program; all it prints goes to the file `log`.
    ///
    /// A shell holds it: the shell's input is a pipe from this process, which the system closes when this
    /// process ends. Values in statics are never dropped, so a destructor alone would leave servers behind.
    pub(crate) fn start(command: &Command, log: &Path) -> Self {
        let output = File::create(log).expect("logs can be written");
        let mut guard = Command::new("/bin/sh");
        let pid_file = log.with_extension("pid");
        let _ = fs::remove_file(&pid_file);
        guard
            .args(["-c", GUARD, "guard"])
            .arg(&pid_file)
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(Stdio::piped())
            .stdout(output.try_clone().expect("a file handle can be cloned"))
            .stderr(output);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guard.env(name, value),
                None => guard.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            guard.current_dir(folder);
        }
        Self {
            guard: Mutex::new(guard.spawn().expect("/bin/sh starts")),
            log: log.to_owned(),
            pid_file,
        }
    }

    /// All that it printed.
    pub(crate) fn log(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The last lines it printed.
    pub(crate) fn last_lines(&self, count: usize) -> String {
        let text = self.log();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }

    /// The program's process.
    pub(crate) fn pid(&self) -> u32 {
        super::eventually("the program's process id", || {
            fs::read_to_string(&self.pid_file).ok()?.trim().parse().ok()
        })
    }

    /// Sends the program a signal, such as `TERM`. One that has ended already gets none.
    pub(crate) fn signal(&self, signal: &str) {
        if !self.has_ended() {
            let signal = format!("-{signal}");
            let _ = Command::new("kill")
                .args([&signal, &self.pid().to_string()])
                .stderr(Stdio::null())
                .status();
        }
    }

    /// Its exit code as a shell tells it, once it has ended: 128 and the signal's number after a signal.
    pub(crate) fn exit_code(&self) -> Option<i32> {
        let mut guard = self.guard.lock().expect("no panic while it is held");
        guard.try_wait().ok().flatten()?.code()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&self) -> bool {
        let mut guard = self.guard.lock().expect("no panic while it is held");
        !matches!(guard.try_wait(), Ok(None))
    }

    /// Ends it now.
    pub(crate) fn stop(&mut self) {
        let guard = self.guard.get_mut().expect("no panic while it is held");
        drop(guard.stdin.take());
        let _ = guard.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Finished {
    let line = format!("{command:?}");
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .output()
        .unwrap_or_else(|error| panic!("{line} does not start: {error}"));
    Finished {
        code: status.code(),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
        line,
    }
}

/// Runs a program with a text as its input.
pub(crate) fn run_with_input(command: &mut Command, input: &str) -> Finished {
    use std::io::{Seek, Write};
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(input.as_bytes()).expect("it can be written");
    file.rewind().expect("it can be read again");
    run(command.stdin(file))
}

impl Finished {
    /// Its output.
    ///
    /// # Panics
    ///
    /// When it failed.
    #[track_caller]
    pub(crate) fn expect_success(self) -> String {
        assert_eq!(
            self.code,
            Some(0),
            "{} failed\n{}\n{}",
            self.line,
            self.stdout,
            self.stderr
        );
        self.stdout
    }

    /// Its errors.
    ///
    /// # Panics
    ///
    /// When it did not fail.
    #[track_caller]
    pub(crate) fn expect_failure(self) -> String {
        assert_ne!(self.code, Some(0), "{} passed\n{}", self.line, self.stdout);
        self.stderr
    }
}

/// Runs its arguments after the first and ends with them; kills them when its input closes. The first names the
/// file that gets the program's process id.
const GUARD: &str = r#"
exec 3<&0
pid_file=$1
shift
"$@" </dev/null 3<&- &
program=$!
echo $program >"$pid_file"
(read -r _ <&3; kill -9 $program) &
reaper=$!
wait $program
code=$?
kill $reaper 2>/dev/null
exit $code
"#;
