//! x
pub struct ClockGate;
impl ClockGate { pub fn is_trusted(&self) -> bool { true } }
