use super::*;
use crate::console::event::Event;
use crate::console::testing::{Desk, snapshot};
use crate::control::{Moved, UserList};

fn row(name: &str) -> UserRow {
    UserRow {
        name: name.to_owned(),
        enabled: true,
        exempt: false,
        local_password: false,
        active_tokens: 1,
        pending_tokens: 0,
        resync_tokens: 0,
        locked: false,
    }
}

/// A box with so many users; what they are asked for they answer as posternd does.
fn numbered(count: usize) -> Vec<UserRow> {
    (0..count)
        .map(|number| row(&format!("user{number:06}@contoso.example")))
        .collect()
}

fn answer_from(desk: &mut Desk, users: &[UserRow]) {
    let Some((_, Request::UserList(search))) = desk
        .asked
        .iter()
        .find(|(_, request)| matches!(request, Request::UserList(_)))
    else {
        panic!("no list was asked for: {:?}", desk.asked);
    };
    assert!(search.limit <= 60, "a page, never more: {search:?}");
    let part = search.search.to_lowercase();
    let found: Vec<_> = users.iter().filter(|row| row.name.contains(&part)).cloned().collect();
    let page = found.iter().skip(search.offset as usize).take(search.limit as usize);
    let list = UserList {
        users: page.cloned().collect(),
        total: found.len() as u64,
    };
    desk.answer(
        |request| matches!(request, Request::UserList(_)),
        Ok(Answer::Users(list)),
    );
}

fn answer_all(desk: &mut Desk, users: &[UserRow]) {
    for _ in 0..10 {
        if desk.last_word() != "user list" {
            return;
        }
        answer_from(desk, users);
    }
    panic!("it asks for ever");
}

fn people() -> Vec<UserRow> {
    let mut rows: Vec<_> = ["anna", "bernd", "hanna", "joanna", "zoe"]
        .iter()
        .map(|name| row(&format!("{name}@contoso.example")))
        .collect();
    rows[1].active_tokens = 0;
    rows[1].enabled = false;
    rows[2].locked = true;
    rows[3].active_tokens = 0;
    rows[3].pending_tokens = 1;
    rows[4].exempt = true;
    rows[4].local_password = true;
    rows
}

fn opened(purpose: Purpose, users: &[UserRow]) -> Desk {
    let mut desk = Desk::on(Box::new(Users::new(purpose)), Role::Installer);
    answer_all(&mut desk, users);
    desk
}

#[test]
fn a_name_and_enter_is_enough_for_every_purpose() {
    for (purpose, asked) in [
        (Purpose::Open, "user show"),
        (Purpose::Why, "explain"),
        (Purpose::Unlock, "user unlock"),
        (Purpose::Enrol, "token add"),
    ] {
        let mut desk = opened(purpose, &people());
        desk.types("hanna@contoso.example");
        answer_all(&mut desk, &people());
        desk.keys(&[Key::Enter]);
        assert_eq!(desk.last_word(), asked);
        assert_eq!(desk.asked.last().unwrap().1.target(), "hanna@contoso.example");
    }
}

#[test]
fn enter_waits_for_the_answer_to_what_was_typed() {
    let mut desk = opened(Purpose::Unlock, &people());
    desk.types("zoe");
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.last_word(), "user list", "the first row is not of what was typed");
    answer_all(&mut desk, &people());
    assert_eq!(desk.last_word(), "user unlock");
    assert_eq!(desk.asked.last().unwrap().1.target(), "zoe@contoso.example");
}

#[test]
fn enter_takes_none_of_several_that_nobody_chose() {
    // Held back until the answer was there, and pressed after it.
    for held in [true, false] {
        for (typed, total) in [("ann", 3), ("", 5)] {
            let mut desk = opened(Purpose::Unlock, &people());
            desk.types(typed);
            if !held {
                answer_all(&mut desk, &people());
            }
            desk.keys(&[Key::Enter]);
            answer_all(&mut desk, &people());
            assert_eq!(desk.last_word(), "", "{typed}: one of {total} was taken");
            assert!(desk.text().contains("Choose one with Up and Down"), "{}", desk.text());
            assert!(!desk.text().contains("\n> "));
            desk.keys(&[Key::Down, Key::Down, Key::Enter]);
            assert_eq!(desk.last_word(), "user unlock");
        }
    }
    // A page that was turned to is seen before Enter takes of it.
    let users = numbered(100);
    let mut desk = opened(Purpose::Unlock, &users);
    desk.keys(&[Key::End, Key::Enter]);
    answer_all(&mut desk, &users);
    assert_eq!(desk.last_word(), "");
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.asked.last().unwrap().1.target(), "user000099@contoso.example");
}

#[test]
fn hurried_typing_asks_twice_and_not_once_a_letter() {
    let mut desk = opened(Purpose::Open, &people());
    desk.types("joanna");
    assert_eq!(desk.asked.len(), 1);
    answer_from(&mut desk, &people());
    let Some((_, Request::UserList(search))) = desk.asked.last() else {
        panic!("{:?}", desk.asked);
    };
    assert_eq!((desk.asked.len(), search.search.as_str()), (1, "joanna"));
}

#[test]
fn a_name_typed_in_full_is_meant() {
    let users: Vec<_> = ["anna", "hanna", "joanna"].map(row).to_vec();
    let mut desk = opened(Purpose::Unlock, &users);
    desk.types("Hanna");
    answer_all(&mut desk, &users);
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.asked.last().unwrap().1.target(), "hanna");
    let mut desk = opened(Purpose::Unlock, &users);
    desk.types("anna");
    answer_all(&mut desk, &users);
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.asked.last().unwrap().1.target(), "anna");
}

#[test]
fn the_pages_of_100_000_users_come_one_by_one() {
    let users = numbered(100_000);
    let mut desk = opened(Purpose::Unlock, &users);
    assert!(desk.text().contains("100,000 users"));
    desk.keys(&[Key::Down; 19]);
    assert!(desk.asked.is_empty(), "within a page nothing is asked");
    desk.keys(&[Key::Down]);
    answer_all(&mut desk, &users);
    assert!(desk.text().contains("user000019@") && !desk.text().contains("user000018@"));
    desk.keys(&[Key::End]);
    answer_all(&mut desk, &users);
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.asked.last().unwrap().1.target(), "user099999@contoso.example");
    let mut desk = opened(Purpose::Open, &users);
    desk.types("0042");
    answer_all(&mut desk, &users);
    assert!(desk.text().contains("120 of 100,000"), "{}", desk.text());
}

#[test]
fn the_marker_stays_at_its_user_when_others_come_and_go() {
    let mut desk = opened(Purpose::Unlock, &people());
    desk.keys(&[Key::Down, Key::Down, Key::Down]);
    let mut more = people();
    more.insert(0, row("aaron@contoso.example"));
    desk.event(Event::Moved(Moved::default()));
    desk.event(Event::Moved(Moved {
        records: 1,
        ..Moved::default()
    }));
    answer_all(&mut desk, &more);
    assert!(desk.text().contains("> hanna@"), "{}", desk.text());
    // All but one are gone.
    desk.event(Event::Moved(Moved {
        records: 2,
        ..Moved::default()
    }));
    answer_all(&mut desk, &more[..1]);
    assert!(desk.text().contains("  aaron@"), "{}", desk.text());
    desk.keys(&[Key::Enter]);
    assert!(desk.asked.is_empty(), "nobody took the place of who is gone");
    desk.keys(&[Key::Down, Key::Enter]);
    assert_eq!(desk.asked.last().unwrap().1.target(), "aaron@contoso.example");
}

#[test]
fn a_larger_window_is_filled() {
    let users = numbered(100);
    let mut desk = opened(Purpose::Open, &users);
    desk.event(Event::Size(80, 40));
    desk.wait(1);
    answer_all(&mut desk, &users);
    assert!(desk.text().contains("user000034@"), "{}", desk.text());
}

#[test]
fn somebody_new_is_made_and_enrolled() {
    let mut desk = opened(Purpose::Enrol, &people());
    desk.types("carla@contoso.example");
    answer_all(&mut desk, &people());
    assert!(desk.text().contains("> + make carla@contoso.example and enrol"));
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.last_word(), "user add");
    assert_eq!(desk.asked.last().unwrap().1.target(), "carla@contoso.example");
}

#[test]
fn a_part_of_a_name_makes_nobody_without_a_question() {
    let mut desk = opened(Purpose::Enrol, &people());
    desk.types("anna");
    answer_all(&mut desk, &people());
    desk.keys(&[Key::Enter]);
    assert_eq!((desk.app.screen(), desk.asked.len()), ("confirm", 0));
    desk.keys(&[Key::Esc]);
    answer_all(&mut desk, &people());
    desk.keys(&[Key::Down, Key::Enter]);
    assert_eq!(desk.asked.last().unwrap().1.target(), "anna@contoso.example");
    // And with yes it does.
    let mut desk = opened(Purpose::Enrol, &people());
    desk.types("anna");
    answer_all(&mut desk, &people());
    desk.keys(&[Key::Enter, Key::Enter]);
    assert!(
        desk.asked
            .iter()
            .any(|(_, request)| matches!(request, Request::UserAdd(add) if add.name == "anna"))
    );
}

#[test]
fn pages_are_right_below_the_row_that_makes_somebody() {
    let users = numbered(100);
    let mut desk = opened(Purpose::Enrol, &users);
    desk.types("user");
    answer_all(&mut desk, &users);
    desk.keys(&[Key::PageDown]);
    answer_all(&mut desk, &users);
    assert!(desk.text().contains("> user000018@"), "{}", desk.text());
    desk.keys(&[Key::Up]);
    answer_all(&mut desk, &users);
    assert!(desk.text().contains("> user000017@"), "{}", desk.text());
    desk.keys(&[Key::End]);
    answer_all(&mut desk, &users);
    assert!(desk.text().contains("> user000099@"), "{}", desk.text());
}

#[test]
fn r3_a_spelling_that_the_list_has_not_goes_to_posternd() {
    let mut desk = opened(Purpose::Unlock, &people());
    desk.types("CONTOSO\\anna");
    answer_all(&mut desk, &people());
    assert!(desk.text().contains("No name contains"));
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.asked.last().unwrap().1.target(), "CONTOSO\\anna");
    desk.answer(|_| true, Err(Failure::not_found("there is no user anna")));
    assert!(desk.text().contains("Not done: there is no user anna"));
    assert_eq!(desk.app.screen(), "users");
}

#[test]
fn tab_tells_why_and_esc_comes_back_to_the_same_place() {
    let mut desk = opened(Purpose::Open, &people());
    desk.types("ann");
    answer_all(&mut desk, &people());
    desk.keys(&[Key::Down, Key::Down, Key::Tab]);
    assert_eq!((desk.last_word(), desk.app.screen()), ("explain", "why"));
    desk.keys(&[Key::Esc]);
    answer_all(&mut desk, &people());
    assert!(desk.text().contains("> hanna@"));
}

#[test]
fn screens() {
    let show = |name: &str, purpose: Purpose, typed: &str, users: Vec<UserRow>| {
        snapshot(name, |desk| {
            desk.open(Box::new(Users::new(purpose)), Role::Installer);
            answer_all(desk, &users);
            desk.types(typed);
            answer_all(desk, &users);
        });
    };
    show("users", Purpose::Open, "", people());
    show("users-empty", Purpose::Open, "", Vec::new());
    show("users-enrol", Purpose::Enrol, "ann", people());
    show("users-enrol-new", Purpose::Enrol, "carla@contoso.example", people());
    show("users-not-found", Purpose::Why, "carla", people());
    show("users-100000", Purpose::Unlock, "0042", numbered(100_000));
    let mut long = vec![
        row("a.name.of.sixty.four.characters.that.is.as.long.as.is.shown@contoso.example"),
        row("björn.ångström@contoso.example"),
        row("山田太郎@contoso.example"),
    ];
    long[0].locked = true;
    long[1].locked = true;
    long[2].enabled = false;
    show("users-long", Purpose::Open, "", long);
}

/// Everything that was asked is answered, as a box with these users does it.
fn settle(desk: &mut Desk, users: &[UserRow]) {
    for _ in 0..20 {
        let Some((_, request)) = desk.asked.first() else { return };
        match request {
            Request::UserList(_) => answer_from(desk, users),
            _ => return,
        }
    }
}

#[test]
fn from_the_first_screen_two_keys_beside_the_name_are_enough() {
    // Why may take 3, unlock 4, enrol 12 with its confirmation.
    for (letter, asked) in [
        ('w', "explain"),
        ('k', "user unlock"),
        ('u', "user show"),
        ('e', "token add"),
    ] {
        let mut desk = Desk::new(80, 24, Default::default());
        let effects = desk
            .app
            .log_in_for_test(crate::console::testing::session(Role::Helpdesk));
        assert!(!effects.is_empty());
        assert_eq!(desk.app.screen(), "home");
        desk.keys(&[Key::Char(letter)]);
        settle(&mut desk, &people());
        desk.types("anna@contoso.example");
        settle(&mut desk, &people());
        desk.keys(&[Key::Enter]);
        settle(&mut desk, &people());
        assert_eq!(desk.last_word(), asked, "{letter}");
        assert_eq!(desk.asked.last().unwrap().1.target(), "anna@contoso.example");
    }
}

#[test]
fn the_marker_finds_its_user_on_another_page_and_nobody_else() {
    let users = numbered(60);
    let changed = |desk: &mut Desk, records: u64| {
        desk.event(Event::Moved(Moved {
            records,
            ..Moved::default()
        }));
    };
    let mut desk = opened(Purpose::Unlock, &users);
    changed(&mut desk, 1);
    desk.keys(&[Key::PageDown, Key::Up]);
    answer_all(&mut desk, &users);
    assert!(desk.text().contains("> user000018@"), "{}", desk.text());
    // So many come before that the user stands two pages further on.
    let early = (0..30).map(|number| row(&format!("early{number:02}@contoso.example")));
    let more: Vec<_> = early.chain(users.clone()).collect();
    changed(&mut desk, 2);
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.asked.pop().unwrap().1.target(), "user000018@contoso.example");
    answer_all(&mut desk, &more);
    assert!(desk.text().contains("> user000018@"), "{}", desk.text());
    // And back.
    changed(&mut desk, 3);
    answer_all(&mut desk, &users);
    assert!(desk.text().contains("> user000018@"), "{}", desk.text());
    // Gone: the page stays, and Enter finds nobody.
    let fewer: Vec<_> = users.iter().filter(|row| !row.name.contains("18@")).cloned().collect();
    changed(&mut desk, 4);
    answer_all(&mut desk, &fewer);
    assert!(!desk.text().contains("\n> "), "{}", desk.text());
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.last_word(), "", "{:?}", desk.asked);
    // The single match that takes the place of another one is not marked either.
    let mut desk = opened(Purpose::Unlock, &people());
    changed(&mut desk, 1);
    desk.types("zoe");
    answer_all(&mut desk, &people());
    assert!(desk.text().contains("> zoe@"));
    changed(&mut desk, 2);
    answer_all(&mut desk, &[row("zoey@contoso.example")]);
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.last_word(), "", "{:?}", desk.asked);
}

#[test]
fn tab_waits_for_the_answer_to_what_was_typed() {
    let mut desk = opened(Purpose::Unlock, &people());
    desk.keys(&[Key::Down]);
    desk.types("zoe");
    desk.keys(&[Key::Tab]);
    assert_eq!(desk.app.screen(), "users", "the marked one is not who was typed");
    answer_all(&mut desk, &people());
    let Some((_, request)) = desk.asked.last() else {
        panic!("nothing was asked")
    };
    assert_eq!((request.word(), request.target()), ("explain", "zoe@contoso.example"));
    // Among several it shows nobody.
    let mut desk = opened(Purpose::Unlock, &people());
    desk.types("ann");
    desk.keys(&[Key::Tab]);
    answer_all(&mut desk, &people());
    assert_eq!(desk.app.screen(), "users");
    assert!(desk.text().contains("then press Tab"), "{}", desk.text());
}

#[test]
fn the_list_stays_after_an_unlock_and_keys_typed_meanwhile_are_the_next_name() {
    for meanwhile in ["", "b"] {
        let mut desk = opened(Purpose::Unlock, &people());
        desk.types("zoe");
        answer_all(&mut desk, &people());
        desk.keys(&[Key::Enter]);
        desk.types(meanwhile);
        desk.answer(
            |request| matches!(request, Request::UserUnlock { .. }),
            Ok(Answer::Done {
                done: "zoe@contoso.example is unlocked".to_owned(),
            }),
        );
        assert_eq!(desk.app.screen(), "users");
        let text = desk.text();
        assert!(text.contains("zoe@contoso.example is unlocked"), "{text}");
        let field = if meanwhile.is_empty() { "[   " } else { "[zoeb " };
        assert!(text.contains(field), "{text}");
        // Enter once too often takes nobody.
        if meanwhile.is_empty() {
            answer_all(&mut desk, &people());
            desk.keys(&[Key::Enter]);
            assert_eq!(desk.last_word(), "", "{:?}", desk.asked);
        }
    }
}
