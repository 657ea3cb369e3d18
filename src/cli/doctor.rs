//! `icdbench doctor`: devices, features, machine, noise.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use burn::tensor::{Device, Distribution, Tensor};
use serde::Serialize;

use super::{Global, bytes, print_json};
use crate::machine::{Machine, built};

/// What `doctor` found.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Findings {
    version: &'static str,
    git_revision: &'static str,
    git_dirty: Option<bool>,
    rustc: &'static str,
    build: &'static str,
    features: &'static [&'static str],
    machine: Machine,
    devices: Vec<DeviceFinding>,
    noise: Noise,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct DeviceFinding {
    name: &'static str,
    usable: bool,
    remark: String,
}

/// How much the same work varies on this machine now.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Noise {
    /// Seconds of the same matrix product, sorted.
    seconds: Vec<f64>,
    /// (third quartile - first quartile) / median.
    spread: f64,
    verdict: &'static str,
}

pub(super) fn doctor(global: &Global) -> Result<ExitCode> {
    let findings = Findings {
        version: env!("CARGO_PKG_VERSION"),
        git_revision: built::GIT_REVISION,
        git_dirty: built::GIT_DIRTY,
        rustc: built::RUSTC,
        build: built::BUILD,
        features: built::FEATURES,
        machine: Machine::look(),
        devices: devices(),
        noise: noise(&Device::flex()),
    };
    if global.json {
        print_json(&findings)?;
        return Ok(ExitCode::SUCCESS);
    }
    let dirty = match findings.git_dirty {
        Some(true) => " with changes",
        _ => "",
    };
    println!("icdbench {} ({}{dirty})", findings.version, findings.git_revision);
    println!("  built by {}, {}", findings.rustc, findings.build);
    println!("\nMachine");
    let machine = &findings.machine;
    println!("  {}", machine.operating_system);
    println!(
        "  {}, {} CPUs, {} computing threads",
        machine.cpu, machine.cpus, machine.threads
    );
    println!("  memory {}", machine.memory_bytes.map_or("unknown".into(), bytes));
    println!("  GPU {}", machine.gpu);
    println!("\nDevices");
    for device in &findings.devices {
        let usable = if device.usable { "yes" } else { "no " };
        println!("  {:<8} {usable}  {}", device.name, device.remark);
    }
    let noise = &findings.noise;
    println!("\nNoise");
    println!(
        "  the same work varies by {:.0} % (quartiles over median): {}",
        noise.spread * 100.0,
        noise.verdict
    );
    Ok(ExitCode::SUCCESS)
}

fn devices() -> Vec<DeviceFinding> {
    vec![DeviceFinding {
        name: "flex",
        usable: true,
        remark: "CPU, pure Rust; AVX-512 used where the CPU has it".into(),
    }]
}

/// Times the same product 31 times.
fn noise(device: &Device) -> Noise {
    let matrix = Tensor::<2>::random([384, 384], Distribution::Default, device);
    let mut seconds: Vec<f64> = (0..36)
        .map(|_| {
            let started = Instant::now();
            let _ = matrix.clone().matmul(matrix.clone()).into_data();
            started.elapsed().as_secs_f64()
        })
        .skip(5) // warm-up
        .collect();
    seconds.sort_by(f64::total_cmp);
    let spread = (seconds[23] - seconds[7]) / seconds[15];
    Noise {
        spread,
        verdict: match spread {
            s if s < 0.05 => "quiet enough to compare timings",
            s if s < 0.2 => "compare timings only side by side, in pairs",
            _ => "busy: timings of this machine say little now",
        },
        seconds,
    }
}
