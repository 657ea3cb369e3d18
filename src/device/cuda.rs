//! Whether CUDA can be used: the driver, a GPU, NVRTC (which compiles the kernels) and the headers that
//! kernels include. They are looked for where the backend will look, before it panics for want of one.

use std::error::Error;
use std::ffi::{CStr, c_char, c_int, c_uint};
use std::path::{Path, PathBuf};

use libloading::Library;

use super::Lack;

/// What kernels include, in a CUDA installation's `include` folder.
const HEADERS: &[&str] = &["cuda_fp16.h", "cuda_bf16.h", "mma.h", "cooperative_groups.h"];
/// The C++ library's part of it lies there, or one folder down in `cccl`.
const CCCL_HEADER: &str = "cuda/barrier";

/// `CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR` and `_MINOR`.
const CAPABILITY: [c_int; 2] = [75, 76];

const DRIVER: &[&str] = if cfg!(windows) {
    &["nvcuda.dll"]
} else {
    &["libcuda.so.1", "libcuda.so"]
};

const NVRTC: &[&str] = if cfg!(windows) {
    &["nvrtc64_130_0.dll", "nvrtc64_120_0.dll"]
} else {
    &["libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12"]
};

/// The one name that the backend looks for.
const NCCL: &[&str] = if cfg!(windows) { &["nccl.dll"] } else { &["libnccl.so"] };

/// Whether there is NCCL, which sums over several GPUs.
///
/// # Errors
/// It is not found.
pub(super) fn nccl() -> Result<(), Lack> {
    nccl_of(NCCL)
}

fn nccl_of(names: &[&str]) -> Result<(), Lack> {
    let lack = |words: String| Lack {
        found: format!("NCCL, which sums gradients over several GPUs, was not found ({words})"),
        expected: "libnccl of NCCL 2".into(),
        next:
            "Install it (Debian, Ubuntu: libnccl-dev of NVIDIA's repository), or `pip install nvidia-nccl-cu13`, link \
               its libnccl.so.2 as libnccl.so, and put the folder into LD_LIBRARY_PATH; or set replicas = 1."
                .into(),
    };
    load(names).map(|_| ()).map_err(lack)
}

/// What the GPU is and what it runs with.
///
/// # Errors
/// What is missing first, in the order driver, GPU, NVRTC, headers.
pub(super) fn probe(index: usize) -> Result<String, Lack> {
    let gpu = driver(DRIVER, index)?;
    let (major, minor) = nvrtc(NVRTC)?;
    let variable = std::env::var_os("CUDA_PATH").map(PathBuf::from);
    let include = headers(
        variable.as_deref(),
        &["/usr/local/cuda", "/opt/cuda"],
        Path::new("/usr/bin/nvcc"),
    )?;
    Ok(format!(
        "{gpu}, NVRTC {major}.{minor}, headers in {}",
        include.display()
    ))
}

/// The first of the libraries that loads, kept for the life of the program (the backend needs it, and what
/// started in it may still run); the loader's last words where none does.
fn load(names: &[&str]) -> Result<&'static Library, String> {
    let mut last = String::new();
    for name in names {
        // SAFETY: NVIDIA's libraries run no code of note when they are loaded, and the backend loads the same ones.
        match unsafe { Library::new(*name) } {
            Ok(library) => return Ok(Box::leak(Box::new(library))),
            Err(error) => last = words(&error),
        }
    }
    Err(format!("{last}; tried {}", names.join(", ")))
}

/// What the system's loader says.
fn words(error: &libloading::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// The name, capability and CUDA version of a GPU, asked of the driver's library.
fn driver(names: &[&str], index: usize) -> Result<String, Lack> {
    let lack = |found: String, expected: &str, next: &str| Lack {
        found,
        expected: expected.into(),
        next: next.into(),
    };
    let install = "Install NVIDIA's driver; in a container, start it with the GPU (`docker run --gpus all`). \
                   `nvidia-smi` shows when it works.";
    let library = load(names).map_err(|words| {
        lack(
            format!("no NVIDIA driver library was found ({words})"),
            "an NVIDIA GPU and its driver",
            install,
        )
    })?;
    let fails = |what: &str| {
        lack(
            format!("the NVIDIA driver does not answer: {what}"),
            "a driver that works",
            install,
        )
    };
    let ask = |call: &str, answer: c_int| match answer {
        0 => Ok(()),
        // CUDA_ERROR_NO_DEVICE
        100 => Err(lack(
            "the NVIDIA driver sees no GPU".into(),
            "at least one",
            "Check that `nvidia-smi` lists it, and that CUDA_VISIBLE_DEVICES does not hide it.",
        )),
        code => Err(fails(&format!("{call} gives CUDA error {code}"))),
    };
    let absent = |error: libloading::Error| fails(&words(&error));
    // SAFETY: names, arguments and results are those of the CUDA driver API; every pointer outlives its call.
    unsafe {
        let init = library
            .get::<unsafe extern "C" fn(c_uint) -> c_int>(b"cuInit")
            .map_err(absent)?;
        let version = library
            .get::<unsafe extern "C" fn(*mut c_int) -> c_int>(b"cuDriverGetVersion")
            .map_err(absent)?;
        let count = library
            .get::<unsafe extern "C" fn(*mut c_int) -> c_int>(b"cuDeviceGetCount")
            .map_err(absent)?;
        let get = library
            .get::<unsafe extern "C" fn(*mut c_int, c_int) -> c_int>(b"cuDeviceGet")
            .map_err(absent)?;
        let name = library
            .get::<unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int>(b"cuDeviceGetName")
            .map_err(absent)?;
        let attribute = library
            .get::<unsafe extern "C" fn(*mut c_int, c_int, c_int) -> c_int>(b"cuDeviceGetAttribute")
            .map_err(absent)?;

        ask("cuInit", init(0))?;
        let (mut cuda, mut gpus, mut gpu) = (0, 0, 0);
        ask("cuDriverGetVersion", version(&mut cuda))?;
        ask("cuDeviceGetCount", count(&mut gpus))?;
        if index >= gpus as usize {
            return Err(lack(
                format!("the NVIDIA driver sees {gpus} GPU(s)"),
                &format!("one with index {index}"),
                "Indices start at 0; CUDA_VISIBLE_DEVICES may hide some.",
            ));
        }
        ask("cuDeviceGet", get(&mut gpu, index as c_int))?;
        let mut letters = [0 as c_char; 128];
        ask(
            "cuDeviceGetName",
            name(letters.as_mut_ptr(), letters.len() as c_int - 1, gpu),
        )?;
        let mut capability = [0; 2];
        for (value, which) in capability.iter_mut().zip(CAPABILITY) {
            ask("cuDeviceGetAttribute", attribute(value, which, gpu))?;
        }
        Ok(format!(
            "{}, compute capability {}.{}, driver for CUDA {}.{}",
            CStr::from_ptr(letters.as_ptr()).to_string_lossy(),
            capability[0],
            capability[1],
            cuda / 1000,
            cuda % 1000 / 10
        ))
    }
}

/// NVRTC's version.
fn nvrtc(names: &[&str]) -> Result<(c_int, c_int), Lack> {
    let lack = |words: String| Lack {
        found: format!("CUDA's run-time compiler NVRTC was not found ({words})"),
        expected: "libnvrtc of CUDA 12 or 13".into(),
        next: "Install the CUDA toolkit, or `pip install nvidia-cuda-nvrtc`, and put the folder that holds libnvrtc \
               into LD_LIBRARY_PATH."
            .into(),
    };
    let library = load(names).map_err(lack)?;
    let (mut major, mut minor) = (0, 0);
    // SAFETY: the name, arguments and result are NVRTC's; both pointers outlive the call.
    let answer = unsafe {
        let version = library.get::<unsafe extern "C" fn(*mut c_int, *mut c_int) -> c_int>(b"nvrtcVersion");
        version.map_err(|error| lack(words(&error)))?(&mut major, &mut minor)
    };
    match answer {
        0 => Ok((major, minor)),
        code => Err(lack(format!("nvrtcVersion gives error {code}"))),
    }
}

/// The `include` folder that kernels are compiled with: that of `CUDA_PATH`, else of the first usual place
/// that exists, else `/usr/include` where the distribution's own toolkit is there.
fn headers(variable: Option<&Path>, places: &[&str], nvcc: &Path) -> Result<PathBuf, Lack> {
    let lack = |found: String| Lack {
        found,
        expected: format!("a CUDA toolkit with include/{} and the like", HEADERS[0]),
        next: "Install the toolkit's headers (Debian, Ubuntu: cuda-cudart-dev, cuda-crt and cuda-cccl of the driver's \
               version) and set CUDA_PATH to the folder that holds `include`."
            .into(),
    };
    let usual = || places.iter().map(PathBuf::from).find(|place| place.exists());
    let distribution = || nvcc.exists().then(|| PathBuf::from("/usr"));
    let root = variable.map(Path::to_owned).or_else(usual).or_else(distribution);
    let Some(root) = root else {
        let places = places.join(" or ");
        return Err(lack(format!(
            "no CUDA headers: CUDA_PATH is not set, and there is no {places}"
        )));
    };
    let include = root.join("include");
    let mut wanted = HEADERS
        .iter()
        .map(|header| (*header, include.join(header).exists()))
        .chain([(
            CCCL_HEADER,
            include.join(CCCL_HEADER).exists() || include.join("cccl").join(CCCL_HEADER).exists(),
        )]);
    match wanted.find(|(_, exists)| !exists) {
        None => Ok(include),
        Some((header, _)) => Err(lack(format!("{} lacks {header}", include.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_driver_and_a_missing_compiler_are_named_with_the_loaders_words() {
        let absent = &["libicdbench-has-no-such-library.so"];
        let lack = driver(absent, 0).unwrap_err();
        assert!(lack.found.contains("no NVIDIA driver library"), "{lack:?}");
        assert!(lack.found.contains(absent[0]), "{lack:?}");
        let lack = nccl_of(absent).unwrap_err();
        assert!(
            lack.found.contains("NCCL") && lack.next.contains("replicas = 1"),
            "{lack:?}"
        );
        let lack = nvrtc(absent).unwrap_err();
        assert!(lack.found.contains("NVRTC was not found"), "{lack:?}");
        assert!(lack.next.contains("LD_LIBRARY_PATH"), "{lack:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_library_without_the_drivers_functions_is_no_driver() {
        let lack = driver(&["libc.so.6"], 0).unwrap_err();
        assert!(lack.found.contains("does not answer"), "{lack:?}");
        assert!(lack.found.contains("cuInit"), "{lack:?}");
    }

    #[test]
    fn headers_are_looked_for_where_the_backend_looks_and_the_first_missing_one_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let nowhere = root.join("no-nvcc");
        let lack = headers(None, &[], &nowhere).unwrap_err();
        assert!(lack.found.contains("CUDA_PATH is not set"), "{lack:?}");

        let include = root.join("include");
        std::fs::create_dir_all(include.join("cccl/cuda")).unwrap();
        for header in &HEADERS[..HEADERS.len() - 1] {
            std::fs::write(include.join(header), "").unwrap();
        }
        let lack = headers(Some(root), &[], &nowhere).unwrap_err();
        assert!(lack.found.ends_with("lacks cooperative_groups.h"), "{lack:?}");
        std::fs::write(include.join("cooperative_groups.h"), "").unwrap();
        let lack = headers(Some(root), &[], &nowhere).unwrap_err();
        assert!(lack.found.ends_with("lacks cuda/barrier"), "{lack:?}");
        std::fs::write(include.join("cccl/cuda/barrier"), "").unwrap();
        assert_eq!(headers(Some(root), &[], &nowhere), Ok(include.clone()));
        let place = root.to_str().unwrap();
        assert_eq!(headers(None, &["/nowhere/at/all", place], &nowhere), Ok(include));
    }
}
