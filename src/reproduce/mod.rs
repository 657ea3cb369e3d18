//! A paper's tables with our numbers beside the printed ones, and a verdict on each cell.
//!
//! A row of a table is a run of the paper's suite. Records of the same cell, whatever their seed, device and data copy,
//! can be compared with it; records of the same model at the same length in other settings or on other data are shown too,
//! with what keeps them from being compared.

mod claims;
mod computed;
mod evidence;
mod field;
mod index;
mod intervals;
mod ours;
mod printed;
mod sheet;
mod tables;
mod verdict;

pub use claims::{ClaimResult, claims_csv, claims_table, judged};
pub use evidence::{Evidence, Planned, Standing};
pub use field::field_table;
pub use index::index;
pub use ours::Ours;
pub use printed::printed_points;
pub use sheet::{csv, grid, json};
pub use tables::reproduce;
pub use verdict::{CellResult, Coverage, RowResult, TableResult, Verdict};
