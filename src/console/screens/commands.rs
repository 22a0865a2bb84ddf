//! posternd's lines name commands, since its words are the same on the command line. Here, keys do what the commands do: in, a line;
//! out, which key does it here.

/// A command and where its key is: at a user's screen, and at the screens about one user (why, the log).
const KEYS: [(&str, &str, &str); 12] = [
    ("postern token program", "h", "o, then h"),
    ("postern token assign", "s", "o, then s"),
    ("postern user add", "", "e on the first screen makes one"),
    ("postern user unlock", "u", "u"),
    ("postern user enable", "d", "o, then d"),
    ("postern user bypass", "b", "b"),
    ("postern user set", "x or p", "o, then x or p"),
    ("postern token resync", "r", "o, then r"),
    ("postern token confirm", "c", "o, then c"),
    ("postern token add", "e", "o, then e"),
    ("postern token remove", "t", "o, then t"),
    // A user's own screen shows the tokens.
    ("postern token list", "", "o"),
];

fn found(line: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    KEYS.iter().find(|(command, ..)| line.contains(command))
}

/// The line, with the key of the first command in it, for a user's own screen.
pub fn at_user(line: &str) -> String {
    match found(line) {
        Some((_, key, _)) if !key.is_empty() => format!("{line} (here: {key})"),
        _ => line.to_owned(),
    }
}

/// The line, with the key of the first command in it, for a screen that leads to the user's.
pub fn near_user(line: &str) -> String {
    match found(line) {
        Some((.., key)) => format!("{line} (here: {key})"),
        None => line.to_owned(),
    }
}

/// The line, with the key of the first command in it and where that is, for a screen that is not a user's.
pub fn of_user(line: &str) -> String {
    match found(line) {
        Some((_, key, _)) if !key.is_empty() => format!("{line} (at the user: {key})"),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_told_with_its_key() {
        assert_eq!(
            at_user("add one with `postern token add`"),
            "add one with `postern token add` (here: e)"
        );
        assert_eq!(
            near_user("run: postern user add anna, then: postern token add anna"),
            "run: postern user add anna, then: postern token add anna (here: e on the first screen makes one)"
        );
        assert_eq!(
            of_user("enable the user with `postern user enable`"),
            "enable the user with `postern user enable` (at the user: d)"
        );
        assert_eq!(at_user("type the newest one"), "type the newest one");
    }
}
