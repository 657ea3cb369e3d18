//! An NVIDIA GPU's own count of the energy that its board has drawn, by NVML, which comes with the driver.

use std::ffi::{c_char, c_int, c_uint, c_ulonglong, c_void};

use libloading::Library;

const NVML: &[&str] = if cfg!(windows) {
    &["nvml.dll"]
} else {
    &["libnvidia-ml.so.1", "libnvidia-ml.so"]
};

const CUDA: &[&str] = if cfg!(windows) {
    &["nvcuda.dll"]
} else {
    &["libcuda.so.1", "libcuda.so"]
};

/// `nvmlDevice_t`.
type Handle = *mut c_void;

/// A GPU whose driver counts.
#[derive(Debug)]
pub(super) struct Gpu {
    /// `nvmlDevice_t`, as a number: NVML allows its use from any thread.
    handle: usize,
    nvml: &'static Library,
}

impl Gpu {
    /// The GPU that CUDA calls number `index`. NVML numbers them otherwise, so they are matched by the bus.
    pub(super) fn of_cuda(index: usize) -> Option<Self> {
        let place = bus_place(load(CUDA)?, index)?;
        Self::at(load(NVML)?, &place)
    }

    /// The GPU at a place on the bus, as CUDA writes it, ended by a zero.
    fn at(nvml: &'static Library, place: &[c_char]) -> Option<Self> {
        let mut handle: Handle = std::ptr::null_mut();
        // SAFETY: names, arguments and results are those of NVML's documentation; `place` ends with a zero, and both
        // pointers outlive the call.
        unsafe {
            let start = nvml.get::<unsafe extern "C" fn() -> c_int>(b"nvmlInit_v2").ok()?;
            let find = nvml
                .get::<unsafe extern "C" fn(*const c_char, *mut Handle) -> c_int>(b"nvmlDeviceGetHandleByPciBusId_v2")
                .ok()?;
            if start() != 0 || find(place.as_ptr(), &mut handle) != 0 {
                return None;
            }
        }
        Some(Self {
            handle: handle as usize,
            nvml,
        })
    }

    /// Millijoules since the driver was loaded; `None` before NVIDIA's Volta.
    pub(super) fn millijoules(&self) -> Option<u64> {
        let mut energy: c_ulonglong = 0;
        // SAFETY: as above; the handle is NVML's own, which stays initialised for the life of the program.
        let answer = unsafe {
            let read = self
                .nvml
                .get::<unsafe extern "C" fn(Handle, *mut c_ulonglong) -> c_int>(b"nvmlDeviceGetTotalEnergyConsumption")
                .ok()?;
            read(self.handle as Handle, &mut energy)
        };
        (answer == 0).then_some(energy)
    }
}

/// Where on the bus a GPU is, as CUDA writes it, ended by a zero.
fn bus_place(cuda: &Library, index: usize) -> Option<[c_char; 32]> {
    let mut device: c_int = 0;
    let mut place = [0; 32];
    // SAFETY: names, arguments and results are those of the CUDA driver API; every pointer outlives its call, and the
    // length leaves room for the zero.
    unsafe {
        let start = cuda.get::<unsafe extern "C" fn(c_uint) -> c_int>(b"cuInit").ok()?;
        let get = cuda
            .get::<unsafe extern "C" fn(*mut c_int, c_int) -> c_int>(b"cuDeviceGet")
            .ok()?;
        let write = cuda
            .get::<unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int>(b"cuDeviceGetPCIBusId")
            .ok()?;
        let done = start(0) == 0
            && get(&mut device, c_int::try_from(index).ok()?) == 0
            && write(place.as_mut_ptr(), place.len() as c_int - 1, device) == 0;
        done.then_some(place)
    }
}

/// The first of the libraries that loads, kept for the life of the program: what started in it may still run.
fn load(names: &[&str]) -> Option<&'static Library> {
    names.iter().find_map(|name| {
        // SAFETY: NVIDIA's libraries run no code of note when they are loaded.
        let library = unsafe { Library::new(*name) }.ok()?;
        Some(&*Box::leak(Box::new(library)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_library_and_one_without_the_functions_say_nothing() {
        assert!(load(&["libicdbench-has-no-such-library.so"]).is_none());
        #[cfg(target_os = "linux")]
        {
            let library = load(&["libicdbench-has-no-such-library.so", "libc.so.6"]).unwrap();
            assert!(Gpu::at(library, &[0]).is_none());
            assert_eq!(bus_place(library, 0), None);
            assert_eq!(
                Gpu {
                    handle: 0,
                    nvml: library
                }
                .millijoules(),
                None
            );
        }
    }
}
