//! The loss over a vocabulary takes memory for rows times a block, not for rows times the vocabulary: counted at the
//! allocator. A file of its own, so that nothing else is counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::{Device, Tensor, TensorData};
use icdbench::models::Precision;
use icdbench::models::ops::{Words, word_loss};

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
static LARGEST: AtomicUsize = AtomicUsize::new(0);

fn more(bytes: usize) {
    let held = HELD.fetch_add(bytes, Ordering::SeqCst) + bytes;
    MOST.fetch_max(held, Ordering::SeqCst);
    LARGEST.fetch_max(bytes, Ordering::SeqCst);
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        more(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::SeqCst);
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ROWS: usize = 512;
const WORDS: usize = 20_000;
const DIMENSION: usize = 4;
const NUMBER: usize = size_of::<f32>();

/// The most bytes held beside what was held before, and the largest allocation, while a loss and its gradients are computed.
fn measured(block: usize) -> (usize, usize) {
    let device = Device::flex().autodiff();
    let numbers = |count: usize| {
        (0..count)
            .map(|at| (at * 31 % 97) as f32 / 97.0 - 0.5)
            .collect::<Vec<f32>>()
    };
    let table = |rows: usize| {
        let data = TensorData::new(numbers(rows * DIMENSION), [rows, DIMENSION]);
        Tensor::<2>::from_data(data, &device).require_grad()
    };
    let (states, vectors) = (table(ROWS), table(WORDS));
    let bias = Tensor::<1>::from_data(TensorData::new(numbers(WORDS), [WORDS]), &device).require_grad();
    let targets: Vec<i32> = (0..ROWS as i32).map(|row| row * 37).collect();
    let before = HELD.load(Ordering::SeqCst);
    MOST.store(before, Ordering::SeqCst);
    LARGEST.store(0, Ordering::SeqCst);
    let words = Words {
        vectors: vectors.clone(),
        bias: bias.clone(),
        block,
    };
    let loss = word_loss(states.clone(), words, &targets, Precision::F32);
    let gradients = loss.backward();
    let most = MOST.load(Ordering::SeqCst) - before;
    let largest = LARGEST.load(Ordering::SeqCst);
    assert!(vectors.grad(&gradients).is_some() && states.grad(&gradients).is_some() && bias.grad(&gradients).is_some());
    (most, largest)
}

#[test]
fn memory_grows_with_rows_times_the_block_and_not_with_rows_times_the_vocabulary() {
    // Threads and what they keep are there before anything is counted.
    measured(64);
    let gradients = (WORDS * DIMENSION + WORDS + ROWS * DIMENSION) * NUMBER;
    for block in [64, 512, 2_048] {
        let tile = ROWS * block * NUMBER;
        let (most, largest) = measured(block);
        // The tile and a copy of it that a product packs, the gradients and the copies that autodiff hands on, and what
        // does not grow: states turned, targets sorted, what else products pack.
        let allowed = 2 * tile + 2 * gradients + (1 << 20);
        assert!(
            most <= allowed,
            "block {block}: {most} bytes at most, expected {allowed}"
        );
        assert!(
            largest <= tile.max(2 * gradients),
            "block {block}: {largest} bytes at once"
        );
        assert!(
            3 * allowed < ROWS * WORDS * NUMBER,
            "block {block}: the bound says nothing"
        );
    }
}
