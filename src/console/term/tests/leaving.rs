//! Lines that stall, and programs that end.

use super::*;

/// A line whose terminal reads nothing, with a frame that does not fit.
fn stalled(pair: &Pair) -> Running {
    let line = Running::new(pair);
    let begun = Instant::now();
    line.writer.send(vec![b'x'; 1 << 20]);
    assert!(begun.elapsed() < Duration::from_millis(150), "sending never waits");
    std::thread::sleep(Duration::from_millis(200));
    assert!(!line.writer.idle());
    line
}

#[test]
fn a_stalled_line_holds_nobody_up() {
    let mut pair = Pair::new();
    let line = stalled(&pair);
    pair.master.write_all(b"\x0c").unwrap();
    assert_eq!(line.keys(1), [Key::Ctrl('l')], "keys are read meanwhile");
    let begun = Instant::now();
    line.writer.discard();
    assert!(begun.elapsed() < Duration::from_millis(150), "nor does giving up");
    assert_eq!(line.next(), LineEvent::Drained);
    assert!(begun.elapsed() < Duration::from_millis(500));
    assert!(line.writer.idle());
    // What was half written is gone, and the next frame comes whole.
    line.writer.send(b"after it".to_vec());
    let read = pair.read(ends_with(b"after it"));
    assert!(read.len() < 1 << 20, "{}", read.len());
    assert!(read.ends_with(b"after it"));
}

#[test]
fn leaving_a_stalled_line_takes_less_than_200_ms() {
    let pair = Pair::new();
    let before = format!("{:?}", pair.termios());
    let line = stalled(&pair);
    let begun = Instant::now();
    drop(line.tty);
    assert!(begun.elapsed() < Duration::from_millis(200), "{:?}", begun.elapsed());
    assert_eq!(format!("{:?}", pair.termios()), before);
    assert!(pair.read(ends_with(LEAVE)).ends_with(LEAVE));
}

#[test]
fn after_the_last_bytes_nothing_is_written() {
    let pair = Pair::new();
    let line = Running::new(&pair);
    line.tty.restore();
    line.writer.send(b"a late frame".to_vec());
    line.tty.restore();
    drop(line);
    let read = read(&pair.master, |_| false, Duration::from_millis(300));
    assert_eq!(String::from_utf8_lossy(&read), String::from_utf8_lossy(LEAVE));
}

#[test]
fn a_panic_elsewhere_gives_the_line_back() {
    let pair = Pair::new();
    let before = format!("{:?}", pair.termios());
    let line = Running::new(&pair);
    let restorer = line.tty.restorer();
    // As a panic hook does: from a thread that knows nothing of the line, while its owner lives on.
    std::thread::spawn(move || restorer.restore()).join().unwrap();
    assert_eq!(format!("{:?}", pair.termios()), before);
    assert_eq!(pair.read(ends_with(LEAVE)), LEAVE);
}
