//! What is shown below 80x24: one line, nothing else.
//!
//! ```text
//! This window is 40x10: Postern needs 80x24. Make it larger, then Ctrl-L.
//! ```

use crate::console::app::{COLUMNS_MIN, ROWS_MIN};
use crate::console::page::{Look, Page};

/// Draws the line, broken where it must be.
pub fn draw(page: &mut Page<'_>) {
    let area = page.area();
    let words = format!(
        "This window is {}x{}: Postern needs {COLUMNS_MIN}x{ROWS_MIN}. Make it larger, then Ctrl-L.",
        area.width, area.height
    );
    page.wrapped(area, &words, Look::Plain);
}
