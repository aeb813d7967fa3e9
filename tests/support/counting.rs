//! An allocator with tallies, for what measures memory. Only one thread may allocate while it is read.

#![allow(unsafe_code)] // to count allocations is to be the allocator
#![allow(dead_code)] // each user takes a part

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The system's allocator, counted.
pub struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// How much was allocated during a run.
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    /// How often.
    pub count: usize,
    /// The most bytes at once, beyond those at the start.
    pub peak: usize,
}

/// What `run` allocates.
pub fn tally(run: impl FnOnce()) -> Tally {
    let (count, live) = (COUNT.load(Relaxed), LIVE.load(Relaxed));
    PEAK.store(live, Relaxed);
    run();
    Tally { count: COUNT.load(Relaxed) - count, peak: PEAK.load(Relaxed) - live }
}

// Loads and stores are no locked additions: the measured code is not slowed down by its measure.
fn note(more: usize, less: usize) {
    COUNT.store(COUNT.load(Relaxed) + usize::from(more > 0), Relaxed);
    let live = (LIVE.load(Relaxed) + more).saturating_sub(less);
    LIVE.store(live, Relaxed);
    PEAK.store(PEAK.load(Relaxed).max(live), Relaxed);
}

// SAFETY: each call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        note(0, layout.size());
        unsafe { System.dealloc(place, layout) }
    }
    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both may exist for a moment.
        note(size, 0);
        let place = unsafe { System.realloc(place, layout, size) };
        note(0, layout.size());
        place
    }
}
