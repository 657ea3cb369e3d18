//! What the recurrent kernels share.
//!
//! The rows of the notes lie one after another, a row a token, the longest note first. Up to eight
//! notes take a step together: their states times the recurrent weight, a panel at a time, and
//! right after it the gates of that panel. As notes end, fewer rows take part. Each note's numbers
//! depend on its own rows only, and sums over notes run in a fixed order, so the number of threads
//! changes nothing.

pub mod back;
pub mod gates;
pub mod panel;
pub mod scan;

pub use scan::{Recurrence, Scan};
