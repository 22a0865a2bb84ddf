//! Many users in one run.

use super::*;
use crate::console::screens::sticks;

fn names(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("user{number:02}@contoso.example"))
        .collect()
}

fn serial(number: usize) -> String {
    format!("86596220000{number:02}")
}

fn rows(names: &[String]) -> Answer {
    Answer::Users(UserList {
        users: names.iter().map(|name| info(name, Vec::new()).row).collect(),
        total: names.len() as u64,
    })
}

#[test]
fn fifty_tokens_are_programmed_without_leaving_the_screen_by_two_keys_each() {
    let people = names(50);
    let mut desk = Desk::on(Box::new(Program::without_token("")), Role::Helpdesk);
    let Some((_, Request::UserList(search))) = desk
        .asked
        .iter()
        .find(|(_, request)| matches!(request, Request::UserList(_)))
    else {
        panic!("{:?}", desk.asked);
    };
    assert!(search.without_token && search.limit == 1_000);
    desk.answer(|request| matches!(request, Request::UserList(_)), Ok(rows(&people)));
    assert!(desk.text().contains("50 users have no token."), "{}", desk.text());
    desk.keys(&[Key::Enter]);
    quiet(&mut desk);
    desk.tells(Reader::Readers(vec![reader(PORT)]));
    let mut keys = 0;
    for (number, name) in people.iter().enumerate() {
        assert!(
            desk.text().contains(&format!("user {} of 50", number + 1)),
            "{}",
            desk.text()
        );
        // The last token still lies there: it is nobody else's.
        desk.keys(&[Key::Enter]);
        assert!(desk.asked.iter().all(|(_, request)| !is_program(request)));
        take_away(&mut desk);
        place(&mut desk, &serial(number));
        desk.keys(&[Key::Enter]);
        desk.answer(is_program, Ok(made(name, &serial(number), Vec::new())));
        let (job, asked) = job(&mut desk);
        assert_eq!((asked.serial, asked.title), (serial(number), name[..6].to_owned()));
        finish(&mut desk, job, name, &serial(number));
        desk.types(CODE);
        desk.keys(&[Key::Enter]);
        keys += 2;
        desk.answer(is_confirm, Ok(Answer::Token(Box::new(active(name, &serial(number))))));
        quiet(&mut desk);
        assert!(
            desk.text()
                .contains(&format!("{name} has OTPC-P2-i {}", serial(number)))
                || number == 49
        );
    }
    assert_eq!((desk.app.screen(), keys), ("program-summary", 100));
    assert!(desk.text().contains("Of 50 users: 50 confirmed."), "{}", desk.text());
    assert!(desk.reader_asks().contains(&Ask::Watch(false)), "nobody reads any more");
    desk.keys(&[Key::End]);
    assert!(desk.text().contains("user49@contoso.example"), "{}", desk.text());
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.app.screen(), "home");
}

/// Anna has a token, Bernd was left out, Carla's was written and not confirmed, Dora's failed, Emil's turn did not come.
pub fn mixed(desk: &mut Desk) {
    let people: Vec<String> = ["anna", "bernd", "carla", "dora", "emil"]
        .iter()
        .map(|name| format!("{name}@contoso.example"))
        .collect();
    desk.push(Box::new(Program::many(people.clone())));
    quiet(desk);
    desk.tells(Reader::Readers(vec![reader(PORT)]));
    place(desk, &serial(0));
    let (number, _) = write(desk, &people[0], &serial(0));
    finish(desk, number, &people[0], &serial(0));
    confirm(desk, &people[0], &serial(0));
    quiet(desk);
    desk.keys(&[Key::Char('s')]);
    quiet(desk);
    place(desk, &serial(1));
    let (number, _) = write(desk, &people[2], &serial(1));
    finish(desk, number, &people[2], &serial(1));
    desk.keys(&[Key::Char('s')]);
    quiet(desk);
    place(desk, &serial(2));
    let (number, _) = write(desk, &people[3], &serial(2));
    let trouble = Trouble {
        words: "the token was taken away".to_owned(),
        left: Left::Unknown,
        key_refused: false,
    };
    desk.tells(Reader::Failed(number, trouble));
    desk.keys(&[Key::Char('s')]);
    quiet(desk);
    desk.keys(&[Key::Esc]);
}

#[test]
fn whoever_was_left_out_or_not_reached_stands_in_the_table() {
    let mut desk = Desk::on(Box::new(Users::new(Purpose::Program)), Role::Helpdesk);
    mixed(&mut desk);
    assert_eq!(desk.app.screen(), "program-summary");
    let text = flat(&desk);
    for words in [
        "Of 5 users: 1 confirmed, 1 without their code yet, 1 to be programmed again, 1 skipped, 1 not reached.",
        "anna@contoso.example 8659622000000 confirmed",
        "bernd@contoso.example skipped",
        "carla@contoso.example 8659622000001 waits for its code",
        "dora@contoso.example 8659622000002 begun: program it again",
        "emil@contoso.example not reached",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn the_table_is_written_to_a_stick_and_holds_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::on(Box::new(Users::new(Purpose::Program)), Role::Helpdesk);
    mixed(&mut desk);
    desk.keys(&[Key::Char('w')]);
    assert!(desk.text().contains("No USB stick is there"), "{}", desk.text());
    desk.app.context_for_test().import_dirs = vec![dir.path().to_owned()];
    assert_eq!(sticks::folders(&[dir.path().to_owned()]).len(), 1);
    desk.keys(&[Key::Char('w'), Key::Enter]);
    let path = dir.path().join("postern-tokens-20260302-140500.txt");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.contains("anna@contoso.example") && text.contains("confirmed"),
        "{text}"
    );
    assert!(!text.contains(CODE) && !text.contains("key of twenty"));
    assert!(desk.text().contains("Written: "), "{}", desk.text());
    // A second time the first file stays.
    desk.keys(&[Key::Char('w'), Key::Enter]);
    assert!(desk.text().contains("is there already"), "{}", desk.text());
}

#[test]
fn a_token_of_this_run_is_given_to_nobody_else() {
    let mut desk = opened(Program::many(names(2)));
    place(&mut desk, SERIAL_1);
    let (number, _) = write(&mut desk, "user00@contoso.example", SERIAL_1);
    finish(&mut desk, number, "user00@contoso.example", SERIAL_1);
    confirm(&mut desk, "user00@contoso.example", SERIAL_1);
    quiet(&mut desk);
    for again in [false, true] {
        if again {
            take_away(&mut desk);
            place(&mut desk, SERIAL_1);
        }
        assert!(
            desk.text().contains("This one is for user00@contoso.example already"),
            "{}",
            desk.text()
        );
        desk.keys(&[Key::Enter]);
        assert!(desk.asked.iter().all(|(_, request)| !is_program(request)));
    }
}

#[test]
fn what_is_written_after_the_run_was_ended_is_noted_all_the_same() {
    let mut desk = opened(Program::many(names(2)));
    place(&mut desk, SERIAL_1);
    let (number, _) = write(&mut desk, "user00@contoso.example", SERIAL_1);
    desk.wait(10);
    desk.keys(&[Key::Esc]);
    assert_eq!(desk.app.screen(), "program-summary");
    desk.tells(Reader::Written(number, NOON));
    let user = "user00@contoso.example";
    desk.answer(is_written, Ok(Answer::Token(Box::new(token(user, SERIAL_1, true)))));
    assert!(desk.text().contains("was written after all"), "{}", desk.text());
}

#[test]
fn esc_before_anything_was_done_needs_no_table() {
    let mut desk = opened(Program::many(names(3)));
    desk.keys(&[Key::Esc]);
    assert_eq!(desk.app.screen(), "home");
    for (total, words) in [(0, "has a token"), (2, "2 users have no token")] {
        let mut desk = Desk::on(Box::new(Program::without_token("")), Role::Helpdesk);
        desk.answer(
            |request| matches!(request, Request::UserList(_)),
            Ok(rows(&names(total))),
        );
        assert!(desk.text().contains(words), "{}", desk.text());
        desk.keys(&[Key::Esc]);
        assert_eq!(desk.app.screen(), "home");
    }
}

#[test]
fn users_are_marked_one_by_one_and_stay_marked_over_a_search() {
    let people = names(5);
    let answer = |desk: &mut Desk| {
        for _ in 0..5 {
            let Some((_, Request::UserList(search))) = desk
                .asked
                .iter()
                .find(|(_, request)| matches!(request, Request::UserList(_)))
            else {
                return;
            };
            let found: Vec<String> = people
                .iter()
                .filter(|name| name.contains(&search.search))
                .cloned()
                .collect();
            desk.answer(|request| matches!(request, Request::UserList(_)), Ok(rows(&found)));
        }
    };
    let mut desk = Desk::on(Box::new(Users::new(Purpose::Program)), Role::Helpdesk);
    answer(&mut desk);
    // Nobody is marked whom nobody chose.
    desk.keys(&[Key::Char(' ')]);
    assert!(desk.text().contains("then press Space"), "{}", desk.text());
    desk.keys(&[Key::Down, Key::Char(' '), Key::Down, Key::Char(' '), Key::Char(' ')]);
    assert!(
        desk.text().contains(" +user00@") && desk.text().contains(" +user02@"),
        "{}",
        desk.text()
    );
    desk.types("04");
    answer(&mut desk);
    desk.keys(&[Key::Down, Key::Char(' ')]);
    assert!(desk.text().contains("4 marked"), "{}", desk.text());
    desk.keys(&[Key::Char(' '), Key::Char(' '), Key::Enter]);
    quiet(&mut desk);
    assert!(
        desk.text().contains("user00@contoso.example") && desk.text().contains("user 1 of 4"),
        "{}",
        desk.text()
    );
    // Back in the list nobody is marked.
    desk.keys(&[Key::Esc]);
    answer(&mut desk);
    assert!(!desk.text().contains("marked"), "{}", desk.text());
    desk.keys(&[Key::Esc]);
    assert_eq!(desk.app.screen(), "home");
}

#[test]
fn all_without_a_token_is_one_key_and_takes_what_was_searched_for() {
    let mut desk = Desk::on(Box::new(Users::new(Purpose::Program)), Role::Helpdesk);
    desk.types("sales");
    desk.asked.clear();
    desk.keys(&[Key::F(2)]);
    let Some((_, Request::UserList(search))) = desk.asked.last() else {
        panic!("{:?}", desk.asked);
    };
    assert_eq!((search.search.as_str(), search.without_token), ("sales", true));
}
