//! `icdbench doctor`: devices, features, machine, noise.

use std::process::ExitCode;

use anyhow::Result;
use burn::tensor::Device;
use serde::Serialize;

use super::terminal::out;
use super::{Global, bytes, print_json};
use crate::bench::Noise;
use crate::device::{DeviceChoice, DeviceClass, Precision, lacks_precision};
use crate::machine::{Machine, built};

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
    /// Whether this program was built with it.
    built_in: bool,
    /// Whether it was started and gave a right answer.
    usable: bool,
    /// Precisions it computes in.
    precisions: Vec<&'static str>,
    /// What it is, or what is missing.
    remark: String,
    /// What to do where it is not usable.
    next: Option<String>,
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
        devices: devices(global.device),
        noise: Noise::measure(&Device::flex()),
    };
    if global.json {
        print_json(&findings)?;
        return Ok(ExitCode::SUCCESS);
    }
    let dirty = match findings.git_dirty {
        Some(true) => " with changes",
        _ => "",
    };
    out!("icdbench {} ({}{dirty})", findings.version, findings.git_revision);
    out!("  built by {}, {}", findings.rustc, findings.build);
    out!("\nMachine");
    let machine = &findings.machine;
    out!("  {}", machine.operating_system);
    out!(
        "  {}, {} CPUs, {} computing threads",
        machine.cpu,
        machine.cpus,
        machine.threads
    );
    out!("  memory {}", machine.memory_bytes.map_or("unknown".into(), bytes));
    out!("  GPU {}", machine.gpu);
    out!("\nDevices");
    for device in &findings.devices {
        let usable = if device.usable { "yes" } else { "no " };
        out!("  {:<13} {usable}  {}", device.name, device.remark);
        let (title, text) = match &device.next {
            None => ("computes in ", device.precisions.join(", ")),
            Some(next) => ("", next.clone()),
        };
        out!("  {:<13}      {title}{text}", "");
    }
    let noise = &findings.noise;
    out!("\nNoise");
    out!(
        "  the same work varies by {:.0} % (quartiles over median): {}",
        noise.spread * 100.0,
        noise.verdict
    );
    Ok(ExitCode::SUCCESS)
}

/// Starts every device; the one that `--device` names with the index it names.
fn devices(asked: DeviceChoice) -> Vec<DeviceFinding> {
    let finding = |class: DeviceClass| {
        let choice = if class == asked.class { asked } else { class.into() };
        let started = choice.start();
        let able = |device: &Device| {
            let able = |precision: &Precision| lacks_precision(class, device, *precision).is_none();
            let precisions = [Precision::F32, Precision::Bf16].into_iter().filter(able);
            precisions.map(Precision::name).collect()
        };
        DeviceFinding {
            name: class.name(),
            built_in: class.is_built_in(),
            usable: started.is_ok(),
            precisions: started
                .as_ref()
                .map_or_else(|_| Vec::new(), |started| able(&started.device)),
            remark: match &started {
                Ok(started) => started.description.clone(),
                Err(lack) => lack.found.clone(),
            },
            next: started.err().map(|lack| lack.next),
        }
    };
    DeviceClass::ALL.map(finding).into()
}
