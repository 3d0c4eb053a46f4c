//! The table of a worker's connections.

use crate::connection::Connection;
use crate::exchange::FrontExchange;
use crate::reactor::TURN_MASK;

/// Who has the connection, and what it waits for.
pub(crate) enum Tenant {
    /// Nobody lives here; the next free slot follows.
    Free(Option<u32>),
    /// Waits for a head, or for more of one.
    Head(Box<Connection>),
    /// The head is there, the body is still coming.
    Body(Box<FrontExchange>),
    /// A thread has it, or it is ready and waits for one.
    Away,
    /// The response is complete, the peer is slow to take it.
    Sending(Box<FrontExchange>),
    /// The response is out and our side closed; what still comes is read and dropped, so that no reset overtakes it.
    Lingering(Box<Connection>),
}

impl Tenant {
    /// True for a request whose body goes no further before there is room on disk.
    pub(crate) fn is_crowded(&self) -> bool {
        matches!(self, Self::Body(exchange) if exchange.crowded_since.is_some())
    }

    /// The connection of a tenant who reads.
    pub(crate) fn connection(&mut self) -> Option<&mut Connection> {
        match self {
            Self::Head(connection) | Self::Lingering(connection) => Some(connection),
            Self::Body(exchange) => exchange.connection.as_deref_mut(),
            Self::Sending(_) | Self::Away | Self::Free(_) => None,
        }
    }
}

/// One row of the table.
pub(crate) struct Slot {
    pub(crate) tenant: Tenant,
    /// In milliseconds; `u64::MAX` for none. Means nothing while the tenant is away.
    pub(crate) deadline: u64,
    /// Tells one tenant from the next, so that an event for the one before is not taken for the new one's.
    pub(crate) turn: u32,
    /// An event came while the tenant was away.
    pub(crate) readable: bool,
    /// Likewise.
    pub(crate) writable: bool,
    /// The peer's close was seen while the tenant was away.
    pub(crate) closed: bool,
}

/// All rows; free ones form a list.
#[derive(Default)]
pub(crate) struct Slots {
    rows: Vec<Slot>,
    free: Option<u32>,
    occupied: usize,
}

impl Slots {
    /// How many connections there are.
    pub(crate) fn occupied(&self) -> usize {
        self.occupied
    }

    /// Takes a row; its tenant is away until it is put in.
    pub(crate) fn reserve(&mut self) -> u32 {
        self.occupied += 1;
        if let Some(index) = self.free {
            let slot = &mut self.rows[index as usize];
            if let Tenant::Free(next) = slot.tenant {
                self.free = next;
            }
            slot.tenant = Tenant::Away;
            return index;
        }
        let slot =
            Slot { tenant: Tenant::Away, deadline: u64::MAX, turn: 0, readable: false, writable: false, closed: false };
        self.rows.push(slot);
        (self.rows.len() - 1) as u32
    }

    /// Gives the row back.
    pub(crate) fn release(&mut self, index: u32) {
        let slot = &mut self.rows[index as usize];
        slot.tenant = Tenant::Free(self.free);
        slot.turn = slot.turn.wrapping_add(1) & TURN_MASK;
        slot.readable = false;
        slot.writable = false;
        slot.closed = false;
        self.free = Some(index);
        self.occupied -= 1;
    }

    /// The row, for whoever knows that it is taken.
    pub(crate) fn row(&mut self, index: u32) -> &mut Slot {
        &mut self.rows[index as usize]
    }

    /// The row that an event is for, unless its tenant has gone since.
    pub(crate) fn find(&mut self, index: u32, turn: u32) -> Option<&mut Slot> {
        let slot = self.rows.get_mut(index as usize)?;
        (slot.turn == turn && !matches!(slot.tenant, Tenant::Free(_))).then_some(slot)
    }

    /// Takes the tenant out; the row stays reserved.
    pub(crate) fn take(&mut self, index: u32) -> Tenant {
        std::mem::replace(&mut self.rows[index as usize].tenant, Tenant::Away)
    }

    /// Puts a tenant in, to be looked at when the deadline has passed.
    pub(crate) fn put(&mut self, index: u32, tenant: Tenant, deadline: u64) {
        let slot = &mut self.rows[index as usize];
        slot.tenant = tenant;
        slot.deadline = deadline;
    }

    /// Rows whose tenant is at home, with their deadline.
    pub(crate) fn at_home(&self) -> impl Iterator<Item = (u32, &Slot)> {
        self.rows
            .iter()
            .enumerate()
            .filter(|(_, slot)| !matches!(slot.tenant, Tenant::Free(_) | Tenant::Away))
            .map(|(index, slot)| (index as u32, slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_for_the_tenant_before_finds_nobody() {
        let mut slots = Slots::default();
        let first = slots.reserve();
        let turn = slots.row(first).turn;
        assert!(slots.find(first, turn).is_some());
        slots.release(first);
        assert!(slots.find(first, turn).is_none());
        assert_eq!(slots.reserve(), first);
        assert!(slots.find(first, turn).is_none());
        assert_eq!(slots.occupied(), 1);
        assert_eq!(slots.reserve(), 1);
    }
}
