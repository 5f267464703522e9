//! A disk in memory on which things go wrong when a test says so.

use std::{
    io,
    sync::{Arc, Condvar, Mutex},
};

use redb::StorageBackend;

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The next read fails.
    NextRead,
    /// The next fsync fails.
    NextSync,
    /// Everything fails.
    Everything,
    /// Everything fails after so many writes.
    AfterWrites(u32),
    /// The next fsync panics, as redb does where it finds that it has a bug.
    Panic,
    /// An fsync takes until the fault is over.
    SyncHangs,
}

/// A handle on the disk, cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk(Arc<(Mutex<Plates>, Condvar)>);

#[derive(Debug, Default)]
struct Plates {
    /// As the process sees it.
    seen: Vec<u8>,
    /// As it is after a power cut that loses everything it may lose.
    synced: Vec<u8>,
    /// What was written since the last fsync.
    unsynced: Vec<(usize, Vec<u8>)>,
    fault: Fault,
    /// How many fsyncs began.
    syncs: usize,
}

impl Disk {
    /// From now on this goes wrong.
    pub(super) fn fail(&self, fault: Fault) {
        self.0.0.lock().unwrap().fault = fault;
        self.0.1.notify_all();
    }

    /// How many fsyncs began.
    pub(super) fn syncs(&self) -> usize {
        self.0.0.lock().unwrap().syncs
    }

    /// Waits until an fsync that comes after the first `syncs` has begun.
    pub(super) fn wait_for_sync_after(&self, syncs: usize) {
        drop(self.0.1.wait_while(self.0.0.lock().unwrap(), |plates| plates.syncs <= syncs).unwrap());
    }

    /// The disk as it is after a power cut: of what was not synced, each write may have arrived
    /// or not.
    pub(super) fn after_power_cut(&self, mut arrived: impl FnMut() -> bool) -> Self {
        let plates = self.0.0.lock().unwrap();
        let mut left = plates.synced.clone();
        for (offset, data) in plates.unsynced.iter().filter(|_| arrived()) {
            if left.len() < offset + data.len() {
                left.resize(offset + data.len(), 0);
            }
            left[*offset..offset + data.len()].copy_from_slice(data);
        }
        let plates = Plates { seen: left.clone(), synced: left, ..Plates::default() };
        Self(Arc::new((Mutex::new(plates), Condvar::new())))
    }

    fn work<T>(&self, fails: Option<Fault>, work: impl FnOnce(&mut Plates) -> T) -> io::Result<T> {
        let mut plates = self.0.0.lock().unwrap();
        if Some(plates.fault) == fails {
            plates.fault = Fault::None;
            return Err(io::Error::other("a fault"));
        }
        if matches!(plates.fault, Fault::Everything | Fault::AfterWrites(0)) {
            return Err(io::Error::other("a broken disk"));
        }
        Ok(work(&mut plates))
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.work(None, |plates| plates.seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let offset = offset as usize;
        self.work(Some(Fault::NextRead), |plates| out.copy_from_slice(&plates.seen[offset..offset + out.len()]))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.work(None, |plates| plates.seen.resize(len as usize, 0))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.0.lock().unwrap().syncs += 1;
        self.0.1.notify_all();
        drop(self.0.1.wait_while(self.0.0.lock().unwrap(), |plates| plates.fault == Fault::SyncHangs).unwrap());
        assert!(self.0.0.lock().unwrap().fault != Fault::Panic, "a bug");
        self.work(Some(Fault::NextSync), |plates| {
            plates.unsynced.clear();
            plates.synced.clone_from(&plates.seen);
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = offset as usize;
        self.work(None, |plates| {
            if let Fault::AfterWrites(left) = &mut plates.fault {
                *left -= 1;
            }
            plates.seen[offset..offset + data.len()].copy_from_slice(data);
            plates.unsynced.push((offset, data.to_vec()));
        })
    }
}
