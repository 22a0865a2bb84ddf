//! A box on trial. In: the copy of a store; out: a box that knows nobody.

use super::Door;
use crate::store::{Change, StoreError};

impl Door {
    /// Nobody's packet is answered from now on but the internal probe's: for the copy of a store, never for the box's own.
    ///
    /// # Errors
    /// The store could not be written.
    pub fn forget_clients(&self) -> Result<(), StoreError> {
        let clients = self.store.clients();
        let gone: Vec<Change> = clients.iter().map(|client| Change::RemoveClient(client.id)).collect();
        if !gone.is_empty() {
            self.store.apply(gone)?;
        }
        self.refresh_clients();
        Ok(())
    }
}
