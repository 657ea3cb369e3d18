//! Loops on plain slices for the CPU, where Burn's operations would take many passes or many calls.

pub mod gru;
