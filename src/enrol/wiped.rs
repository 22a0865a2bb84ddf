//! Text that grows and is wiped: a plain `String` that outgrows its memory leaves a copy of the keys in it behind.

use std::ops::Deref;

use zeroize::Zeroizing;

/// Text whose memory is wiped, outgrown memory too.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Wiped(Zeroizing<String>);

impl Wiped {
    /// Empty, with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Zeroizing::new(String::with_capacity(bytes)))
    }

    /// With this text behind it.
    pub fn push_str(&mut self, text: &str) {
        let needed = self.0.len().saturating_add(text.len());
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(String::with_capacity(needed.max(self.0.capacity().saturating_mul(2))));
            larger.push_str(&self.0);
            self.0 = larger;
        }
        self.0.push_str(text);
    }

    /// With this character behind it.
    pub fn push(&mut self, character: char) {
        self.push_str(character.encode_utf8(&mut [0; 4]));
    }

    /// The text alone.
    pub fn into_inner(self) -> Zeroizing<String> {
        self.0
    }
}

impl Deref for Wiped {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Wiped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wiped(..)")
    }
}
