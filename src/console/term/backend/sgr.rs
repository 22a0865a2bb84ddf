//! The look in force on the terminal, changed by the shortest sequence. Only SGR 0, 1, 2, 4, 7, their opposites, and the 16 colours:
//! never a colour by index, which costs more and which old terminals read as something else.

use super::spot::Look;

/// What makes `to` out of `from`; `None` if the look in force is not known. Empty if they are the same.
pub(super) fn change(from: Option<Look>, to: Look) -> String {
    let anew = sequence(true, &added(Look::PLAIN, to));
    match from {
        None => anew,
        Some(from) if from == to => String::new(),
        Some(from) => {
            let single = sequence(false, &[taken(from, to), added(from, to)].concat());
            if single.len() <= anew.len() { single } else { anew }
        }
    }
}

fn sequence(reset: bool, codes: &[u8]) -> String {
    let mut out = String::from("\x1b[");
    for (number, code) in codes.iter().enumerate() {
        // An empty first parameter is 0.
        if reset || number > 0 {
            out.push(';');
        }
        out.push_str(&code.to_string());
    }
    out.push('m');
    out
}

/// The codes of what `to` has and `from` has not.
fn added(from: Look, to: Look) -> Vec<u8> {
    // SGR 22 takes bold and faint away together.
    let both_off = weight_off(from, to);
    let mut codes = Vec::new();
    if to.bold && (!from.bold || both_off) {
        codes.push(1);
    }
    if to.dim && (!from.dim || both_off) {
        codes.push(2);
    }
    if to.underline && !from.underline {
        codes.push(4);
    }
    if to.reverse && !from.reverse {
        codes.push(7);
    }
    if let Some(color) = to.fg.filter(|_| from.fg != to.fg) {
        codes.push(if color < 8 { 30 + color } else { 82 + color });
    }
    if let Some(color) = to.bg.filter(|_| from.bg != to.bg) {
        codes.push(if color < 8 { 40 + color } else { 92 + color });
    }
    codes
}

/// The codes that take away what `to` has not.
fn taken(from: Look, to: Look) -> Vec<u8> {
    let mut codes = Vec::new();
    if weight_off(from, to) {
        codes.push(22);
    }
    if from.underline && !to.underline {
        codes.push(24);
    }
    if from.reverse && !to.reverse {
        codes.push(27);
    }
    if from.fg.is_some() && to.fg.is_none() {
        codes.push(39);
    }
    if from.bg.is_some() && to.bg.is_none() {
        codes.push(49);
    }
    codes
}

fn weight_off(from: Look, to: Look) -> bool {
    (from.bold && !to.bold) || (from.dim && !to.dim)
}
