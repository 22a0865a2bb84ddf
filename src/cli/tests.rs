//! The contract, from the typed words to the request, and from the answer to what is printed.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use zeroize::Zeroizing;

use super::input::Ask;
use super::*;
use crate::control::*;
use crate::secret::Secret;

mod contract;
mod counters;
mod files;
mod flows;
mod hardware;
mod host;
mod manual;
mod operators;
mod printed;
mod stock;

/// 2026-03-01T10:31:04.250Z.
const NOW: Timestamp = Timestamp(1_772_361_064_250);

/// Files and secrets of a test, by path.
#[derive(Default)]
struct Files(Vec<(String, Vec<u8>)>);

impl Input for Files {
    fn secret(&mut self, path: &Path, _: Ask) -> Result<Secret, Failure> {
        self.file(path, 100).map(|bytes| Secret::new(bytes.to_vec()))
    }

    fn file(&mut self, path: &Path, _: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let found = self.0.iter().find(|(name, _)| Path::new(name) == path);
        found
            .map(|(_, bytes)| Zeroizing::new(bytes.clone()))
            .ok_or_else(|| Failure::failed(format!("{} is not there", path.display())))
    }

    fn line(&mut self) -> Result<Option<Zeroizing<String>>, Failure> {
        let found = self.0.iter_mut().find(|(name, bytes)| name == "-" && !bytes.is_empty());
        Ok(found.map(|(_, bytes)| {
            let end = bytes
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(bytes.len(), |at| at + 1);
            let line: Vec<u8> = bytes.drain(..end).collect();
            Zeroizing::new(String::from_utf8(line).unwrap().trim_end().to_owned())
        }))
    }

    /// What somebody types who is asked.
    fn wanted(&mut self, what: &str) -> Result<Option<Secret>, Failure> {
        Ok(self
            .file(Path::new(what), 100)
            .ok()
            .map(|bytes| Secret::new(bytes.to_vec())))
    }
}

/// A daemon that says what it was told to say, and remembers what it was asked.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<Result<Answer, Failure>>>>,
    asked: Arc<Mutex<Vec<Request>>>,
    socket: Arc<Mutex<Option<PathBuf>>>,
}

impl Asker for Script {
    fn ask(&mut self, request: &Request) -> Result<Answer, Failure> {
        self.asked.lock().unwrap().push(request.clone());
        let answer = self.answers.lock().unwrap().pop_front();
        answer.unwrap_or_else(|| Err(Failure::failed("the script is at its end")))
    }
}

/// What a run left.
struct Ran {
    status: u8,
    out: String,
    err: String,
    asked: Vec<Request>,
    socket: Option<PathBuf>,
}

impl Ran {
    fn json(&self) -> serde_json::Value {
        assert_eq!(self.out.lines().count(), 1, "one document: {}", self.out);
        assert_eq!(self.err, "", "nothing on standard error beside a document");
        serde_json::from_str(&self.out).unwrap()
    }
}

fn view() -> View {
    View {
        zone: TimeZone::UTC,
        now: NOW,
        terminal: false,
        progress: false,
        utf8: true,
        colours: false,
    }
}

fn run_in(view: View, line: &str, files: &[(&str, &str)], answers: Vec<Result<Answer, Failure>>) -> Ran {
    let words = shell_words(line);
    let script = Script::default();
    script.answers.lock().unwrap().extend(answers);
    let mut input = Files(
        files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
            .collect(),
    );
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut connect = |path: &Path| {
        *script.socket.lock().unwrap() = Some(path.to_owned());
        Ok(Box::new(script.clone()) as Box<dyn Asker>)
    };
    let status = {
        let mut around = Around {
            input: &mut input,
            hardware: &mut Real,
            connect: &mut connect,
            view,
            socket: None,
        };
        run(words, &mut around, &mut out, &mut err)
    };
    let asked = std::mem::take(&mut *script.asked.lock().unwrap());
    let socket = script.socket.lock().unwrap().take();
    Ran {
        status,
        out: String::from_utf8(out).unwrap(),
        err: String::from_utf8(err).unwrap(),
        asked,
        socket,
    }
}

fn run_with(line: &str, files: &[(&str, &str)], answers: Vec<Result<Answer, Failure>>) -> Ran {
    run_in(view(), line, files, answers)
}

/// `postern` and the words of a line; single quotes hold a word together, `''` is an empty one.
fn shell_words(line: &str) -> Vec<OsString> {
    let mut words = vec![OsString::from("postern")];
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take().map(OsString::from)),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word.map(OsString::from));
    words
}

fn done() -> Result<Answer, Failure> {
    Ok(Answer::Done {
        done: "it is done".to_owned(),
    })
}

/// The command line and the console live on `control` alone (design: four programs).
#[test]
fn the_command_line_knows_only_controls_types() {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&source.join("cli"), &mut files);
    let console = source.join("console");
    if console.is_dir() {
        walk(&console, &mut files);
    }
    assert!(files.len() > 8, "{files:?}");
    let allowed = [
        "cli", "console", "control", "enrol", "manual", "process", "secret", "text", "times", "tokens",
    ];
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            for (at, start) in line.match_indices("crate::").chain(line.match_indices("postern::")) {
                let room: String = line[at + start.len()..]
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                let known = allowed.contains(&room.as_str()) || room.is_empty();
                assert!(known, "{}:{} reaches into {room}", file.display(), number + 1);
            }
        }
        assert!(
            !text.contains(concat!("println", "!")),
            "{}: printing goes through Out",
            file.display()
        );
    }
}
