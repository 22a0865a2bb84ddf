//! Text from packets, directories and files, made safe to show (R22). In: whatever came; out: at most 64 characters without
//! control or bidirectional characters. Never decides anything: the value that is compared is never the shown one.

/// The most characters of foreign text that are shown or logged (R22).
pub const SHOWN_MAX: usize = 64;

/// Foreign text for a screen or a log line: control and bidirectional characters are escaped as `\u{..}`, and what is longer
/// than [`SHOWN_MAX`] characters is cut with an ellipsis as its last character.
pub fn shown(text: &str) -> String {
    if text.len() <= SHOWN_MAX && text.bytes().all(|b| (b' '..0x7f).contains(&b) && b != b'\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len().min(SHOWN_MAX));
    let mut count = 0;
    for c in text.chars() {
        let piece = if is_plain(c) {
            c.to_string()
        } else {
            c.escape_unicode().to_string()
        };
        let len = piece.chars().count();
        if count + len > SHOWN_MAX {
            while count >= SHOWN_MAX {
                out.pop();
                count -= 1;
            }
            out.push('…');
            return out;
        }
        out.push_str(&piece);
        count += len;
    }
    out
}

/// As [`shown`], for bytes that may not be UTF-8: each bad byte becomes U+FFFD.
pub fn shown_bytes(bytes: &[u8]) -> String {
    shown(&String::from_utf8_lossy(bytes))
}

fn is_plain(c: char) -> bool {
    !(c.is_control() || is_invisible(c) || c == '\\') || c == ' '
}

/// Bidirectional controls, zero-width characters, line separators, tags, variation selectors: whatever changes how its neighbours look.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r22_control_and_bidi_are_escaped() {
        assert_eq!(shown("anna\u{202e}\n\x1b[2J"), "anna\\u{202e}\\u{a}\\u{1b}[2J");
    }

    #[test]
    fn r22_at_most_64_characters() {
        assert_eq!(shown(&"a".repeat(64)), "a".repeat(64));
        let cut = shown(&"ä".repeat(200));
        assert_eq!(cut.chars().count(), SHOWN_MAX);
        assert!(cut.ends_with('…'));
        assert!(shown(&"\n".repeat(60)).chars().count() <= SHOWN_MAX);
    }
}
