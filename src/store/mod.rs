//! The store: records in sled, secrets sealed.

pub mod records;
