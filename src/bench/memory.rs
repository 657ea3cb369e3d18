//! The memory of the process and of a device.

use burn::tensor::Device;

/// Makes allocations fail once the process holds `max_bytes` (nine tenths of what is free, where none is
/// given), so that a job that is too large ends with an error and not with the machine out of memory.
/// Where the system has no such limit, nothing happens.
#[cfg(target_os = "linux")]
pub(crate) fn limit(max_bytes: Option<u64>) {
    let available = || {
        let mut system = sysinfo::System::new().ok()?;
        system.refresh_memory();
        Some(system.available_memory() / 10 * 9).filter(|&bytes| bytes > 0)
    };
    let (Some(allowed), Some(data), Some(resident)) = (
        max_bytes.or_else(available),
        crate::machine::status_bytes("VmData:"),
        resident(),
    ) else {
        return;
    };
    // Private writable memory is limited, not addresses: libraries and thread stacks take many of those and few pages.
    let limit = data + allowed.saturating_sub(resident);
    let limit = libc::rlimit {
        rlim_cur: limit,
        rlim_max: limit,
    };
    // SAFETY: the pointer outlives the call, which reads one `rlimit`.
    unsafe { libc::setrlimit(libc::RLIMIT_DATA, &limit) };
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn limit(_max_bytes: Option<u64>) {}

/// Memory that the process holds now, in bytes, where the system says.
pub(crate) fn resident() -> Option<u64> {
    crate::machine::status_bytes("VmRSS:")
}

/// Memory that the device's allocator holds, with what it keeps for reuse, in bytes, where the device says.
pub(crate) fn reserved(device: &Device) -> Option<u64> {
    Some(device.memory_pool_usage()?.bytes_reserved)
}
