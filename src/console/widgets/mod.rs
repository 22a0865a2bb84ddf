//! Parts that screens are made of. Each keeps its own small state, takes keys, and draws itself on a page.
//!
//! - `field` one line of typing; `form` several of them with choices between; `list` rows with a marker
//! - `asked` one question at a time to posternd; `scroll` text longer than its area; `columns` a row of a table
//! - `finder` a list that follows what is typed, page by page
//! - `menu` letters and words to choose from; `rows` labels and values, one below the other; `inset` where the body begins

pub mod asked;
pub mod columns;
pub mod field;
pub mod finder;
pub mod form;
pub mod inset;
pub mod list;
pub mod menu;
pub mod rows;
pub mod scroll;
