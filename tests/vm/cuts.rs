//! The power goes, again and again, while people log in and are enrolled, while an update is written and tried, while a backup is restored.
//! What was answered stands after it: every code that was let in is spent, everybody whose token was said to count gets in, and the box
//! comes up each time, by itself, as one version and with one past. The book of a run lies beside its box, so that a long run goes on
//! where it was.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::line::key;
use crate::machine::{Appliance, On, SLOW, Vm};
use crate::packet::{ACCEPT, REJECT, Request};
use crate::people::{ANNA, back_up, enrol, fetch_update, log_in, look_at_backup, mount, next_step, sees, set_up};
use crate::totp::{Token, now};
use crate::upkeep::{NEXT, release};

/// The power stays on for this long at most after the box has answered.
const WORK: u64 = 13;
/// An update is written, and the box restarts into its trial, within about so long.
const UPDATE: u64 = 150;
/// A restore is through within about so long.
const RESTORE: u64 = 12;
/// Cuts in the gate; `scripts/power-cut` does as many as it is told.
const GATE: u32 = 10;
/// A code counts this many steps before and after its own.
const WINDOW: u64 = 1;

/// Somebody with a token, and the newest step of it that was let in.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Person {
    name: String,
    seed: Vec<u8>,
    spent: u64,
}

impl Person {
    fn code(&self, step: u64) -> String {
        let token = Token {
            seed: self.seed.clone(),
            ..Token::new()
        };
        token.at(step * 30)
    }
}

/// What the box does when the power goes.
#[derive(Clone, Copy, Debug)]
enum Round {
    Work,
    Update,
    Restore,
}

impl Round {
    /// Of ten cuts eight meet people at work; nine in the gate, which builds no second release.
    fn of(cut: u32) -> Round {
        match cut % 10 {
            4 if std::env::var_os("POSTERN_RELEASES").is_some() => Round::Update,
            9 => Round::Restore,
            _ => Round::Work,
        }
    }
}

/// What the box has answered so far.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Book {
    cuts: u32,
    secret: Vec<u8>,
    people: Vec<Person>,
    accepts: u64,
    enrolled: u64,
    updates: u32,
    restores: u32,
}

impl Book {
    fn file(folder: &Path) -> PathBuf {
        folder.join("book.json")
    }

    fn read(folder: &Path) -> Option<Book> {
        let text = fs::read(Book::file(folder)).ok()?;
        Some(serde_json::from_slice(&text).unwrap())
    }

    fn write(&self, folder: &Path) {
        fs::write(Book::file(folder), serde_json::to_vec(self).unwrap()).unwrap();
    }
}

/// Sends a login; none where nobody answers.
fn login(vm: &Vm, book: &Book, who: usize, step: u64) -> Option<u8> {
    let person = &book.people[who];
    let nas = vm.nas(&book.secret);
    let request = Request::login(&person.name, &person.code(step));
    let reply = nas.try_from(&nas.socket(), &request, Duration::from_secs(4));
    reply.map(|reply| reply.code)
}

/// After a cut: what was let in is spent, and everybody who has a token gets in with the next code.
fn look(vm: &mut Vm, book: &mut Book) {
    let up = vm.answers(&book.secret);
    println!("cut {}: up again after {up:?}", book.cuts);
    let step = now() / 30;
    let asked: Vec<(usize, u64)> = (0..book.people.len())
        .map(|who| (who, book.people[who].spent))
        .filter(|(_, spent)| spent + WINDOW >= step)
        .collect();
    for (who, code) in all(vm, book, &asked) {
        let person = &book.people[who];
        assert_eq!(
            code,
            Some(REJECT),
            "R16: the code of {} at step {} is good again",
            person.name,
            person.spent
        );
    }
}

/// Everybody's login with the code of a step, all at once: a refusal takes a second.
fn all(vm: &Vm, book: &Book, asked: &[(usize, u64)]) -> Vec<(usize, Option<u8>)> {
    let nas = vm.nas(&book.secret);
    std::thread::scope(|scope| {
        let begun: Vec<_> = asked
            .iter()
            .map(|(who, step)| {
                let (nas, request) = (
                    &nas,
                    Request::login(&book.people[*who].name, &book.people[*who].code(*step)),
                );
                (
                    *who,
                    scope.spawn(move || nas.try_from(&nas.socket(), &request, Duration::from_secs(4))),
                )
            })
            .collect();
        begun
            .into_iter()
            .map(|(who, login)| (who, login.join().unwrap().map(|reply| reply.code)))
            .collect()
    })
}

/// Works until the power goes, which another thread sees to; what was answered goes into the book.
fn work(vm: &mut Vm, book: &mut Book, until: Instant, number: &mut u32) {
    if !log_in(&mut vm.line) {
        return;
    }
    while Instant::now() < until {
        for who in 0..book.people.len() {
            let step = now() / 30;
            if book.people[who].spent >= step || Instant::now() >= until {
                continue;
            }
            match login(vm, book, who, step) {
                Some(ACCEPT) => {
                    book.people[who].spent = step;
                    book.accepts += 1;
                }
                // The step may have ended on the way.
                Some(_) if now() / 30 > step + WINDOW => {}
                Some(code) => panic!(
                    "{} was answered {code} with the code of step {step}",
                    book.people[who].name
                ),
                None => return,
            }
        }
        *number += 1;
        let name = format!("user{}-{number}@contoso.example", book.cuts);
        if let Some(token) = enrol(&mut vm.line, &name) {
            book.enrolled += 1;
            book.people.push(Person {
                name,
                seed: token.seed,
                spent: now() / 30,
            });
            // The newest ones are asked about; more would not be through before the next cut.
            if book.people.len() > 6 {
                book.people.remove(1);
            }
        }
    }
}

/// A box that is set up by keystrokes on a slow line, and has let its first user in.
fn begin(appliance: &Appliance) -> Book {
    let stick = appliance.stick("backup", 64, &[]);
    let mut vm = appliance.on(&On {
        speed: Some(SLOW),
        ..with(stick)
    });
    let (secret, token) = set_up(&mut vm);
    next_step();
    let first = vm.nas(&secret).ask(&Request::login(ANNA, &token.code()));
    assert_eq!(first.code, ACCEPT, "{}", vm.line.screen());
    println!(
        "first Access-Accept {:?} after power-on, at 9600 baud",
        vm.started.elapsed()
    );
    vm.line.press(key::ESC);
    sees(&mut vm.line, "NSWERING");
    mount(&mut vm);
    back_up(&mut vm);
    vm.cut();
    Book {
        secret,
        people: vec![Person {
            name: ANNA.to_owned(),
            seed: token.seed,
            spent: now() / 30,
        }],
        ..Book::default()
    }
}

/// Everybody's next code; who gets in with it.
fn get_in(vm: &Vm, book: &Book) -> Vec<bool> {
    next_step();
    let step = now() / 30;
    let asked: Vec<(usize, u64)> = (0..book.people.len()).map(|who| (who, step)).collect();
    let answers = all(vm, book, &asked).into_iter();
    answers.map(|(_, code)| code == Some(ACCEPT)).collect()
}

fn with(stick: PathBuf) -> On {
    On {
        sticks: vec![stick],
        ..On::default()
    }
}

/// The power goes at some moment after an operator said yes to an update. On a copy of the box, which starts as one of both versions,
/// tries the new one if it was whole, and lets in everybody.
fn cut_an_update(appliance: &Appliance, book: &Book, after: Duration) {
    let (copy, mut book) = (appliance.copied(), clone(book));
    let stick = copy.stick("release", 512, &[release(NEXT)]);
    let mut vm = copy.on(&with(stick));
    look(&mut vm, &mut book);
    fetch_update(&mut vm, NEXT);
    vm.line.send("y");
    std::thread::sleep(after);
    println!("cut {after:?} after the word for the update:\n{}", vm.line.screen());
    vm.cut();
    let mut vm = copy.on(&On::default());
    look(&mut vm, &mut book);
    let inside = get_in(&vm, &book);
    assert!(inside.iter().all(|got| *got), "{inside:?}");
}

/// The power goes at some moment after an operator said yes to a restore. On a copy of the box, which is then the box before or the box
/// of the backup, wholly, and in both no code is good again.
fn cut_a_restore(appliance: &Appliance, book: &Book, after: Duration) {
    let (copy, mut book) = (appliance.copied(), clone(book));
    let mut vm = copy.on(&with(copy.folder().join("backup.stick")));
    look(&mut vm, &mut book);
    assert!(log_in(&mut vm.line));
    mount(&mut vm);
    look_at_backup(&mut vm);
    vm.line.send("restore\r");
    let done = vm.line.sees_within("is restored", after);
    println!("cut {after:?} after the word for the restore:\n{}", vm.line.screen());
    vm.cut();
    let mut vm = copy.on(&On::default());
    look(&mut vm, &mut book);
    let inside = get_in(&vm, &book);
    println!("in after the restore: {inside:?}");
    // Anna is in the backup, everybody else came after it.
    let (anna, others) = inside.split_first().unwrap();
    assert!(*anna, "{inside:?}");
    assert!(others.iter().all(|got| got == &others[0]), "half a restore: {inside:?}");
    assert!(
        !done || others.iter().all(|got| !got),
        "the restore that was said to be done is gone: {inside:?}"
    );
}

fn clone(book: &Book) -> Book {
    serde_json::from_slice(&serde_json::to_vec(book).unwrap()).unwrap()
}

fn rounds(appliance: &Appliance, count: u32) {
    let folder = appliance.folder().to_owned();
    let mut book = Book::read(&folder).unwrap_or_else(|| begin(appliance));
    book.write(&folder);
    let mut number = 0;
    for _ in 0..count {
        let at = u64::from(book.cuts);
        match Round::of(book.cuts) {
            Round::Work => {}
            Round::Update => {
                cut_an_update(appliance, &book, Duration::from_secs((at * 37 + 5) % UPDATE));
                (book.cuts, book.updates) = (book.cuts + 1, book.updates + 1);
                book.write(&folder);
                continue;
            }
            Round::Restore => {
                cut_a_restore(
                    appliance,
                    &book,
                    Duration::from_millis((at * 1700 + 300) % (RESTORE * 1000)),
                );
                (book.cuts, book.restores) = (book.cuts + 1, book.restores + 1);
                book.write(&folder);
                continue;
            }
        }
        let mut vm = appliance.on(&On::default());
        look(&mut vm, &mut book);
        // Not at random, so that a run can be had again: the moments are spread over the whole time.
        let after = (u64::from(book.cuts) * 7 + 3) % WORK;
        work(
            &mut vm,
            &mut book,
            Instant::now() + Duration::from_secs(after),
            &mut number,
        );
        book.cuts += 1;
        vm.cut();
        book.write(&folder);
    }
    let mut vm = appliance.on(&On::default());
    look(&mut vm, &mut book);
    for (who, got) in get_in(&vm, &book).into_iter().enumerate() {
        assert!(got, "{} does not get in any more", book.people[who].name);
    }
    vm.cut();
    println!(
        "{} power cuts ({} in updates, {} in restores), {} logins let in, {} people enrolled: nothing lost, no code good again",
        book.cuts, book.updates, book.restores, book.accepts, book.enrolled
    );
}

#[test]
#[ignore = "wants an image: scripts/test-image"]
fn r16_r20_power_cuts_of_the_gate_lose_nothing() {
    rounds(&Appliance::new(8), GATE);
}

#[test]
#[ignore = "wants an image: scripts/power-cut"]
fn power_cuts_as_many_as_were_asked_for() {
    let count = std::env::var("POSTERN_CUTS").expect("POSTERN_CUTS says how many: run scripts/power-cut");
    let folder = std::env::var_os("POSTERN_CUT_DIR").expect("POSTERN_CUT_DIR: run scripts/power-cut");
    rounds(&Appliance::kept(Path::new(&folder), 8), count.parse().unwrap());
}
