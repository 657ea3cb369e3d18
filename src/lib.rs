//! icdbench
pub mod models;
