//! Devices: where models run. One is chosen by name when the program runs, and tried before anything is
//! computed on it: what is missing is an error that says what was looked for and what to do, never a
//! panic of the backend in the middle of a suite.

mod cuda;
#[cfg(feature = "gpu")]
mod kept;
#[cfg(feature = "tch")]
mod libtorch;
mod precision;
mod started;
#[cfg(feature = "webgpu")]
mod webgpu;

use std::fmt;
use std::str::FromStr;

use burn::tensor::{Device, FloatDType, Tensor};

pub use precision::Precision;
pub use started::{Lack, Started};

use crate::contain::{panic_message, quietly};

/// A kind of device. Its name is part of a cell's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceClass {
    /// CPU, pure Rust.
    Flex,
    /// NVIDIA GPUs, with kernels that CUDA's own compiler (NVRTC) makes when they are first needed.
    Cuda,
    /// CPU, through LibTorch, the library that PyTorch is made of.
    Libtorch,
    /// NVIDIA GPUs, through LibTorch.
    LibtorchCuda,
    /// GPUs of any make through their graphics driver (Vulkan, Metal or DirectX).
    Webgpu,
}

impl DeviceClass {
    /// Every class, whether this program was built with it or not.
    pub const ALL: [Self; 5] = [Self::Flex, Self::Cuda, Self::Libtorch, Self::LibtorchCuda, Self::Webgpu];

    /// As `--device` and records call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Cuda => "cuda",
            Self::Libtorch => "libtorch",
            Self::LibtorchCuda => "libtorch-cuda",
            Self::Webgpu => "webgpu",
        }
    }

    /// The cargo feature that builds it in; none for what is always there.
    pub fn feature(self) -> Option<&'static str> {
        match self {
            Self::Flex => None,
            Self::Cuda => Some("cuda"),
            Self::Libtorch | Self::LibtorchCuda => Some("tch"),
            Self::Webgpu => Some("webgpu"),
        }
    }

    /// Whether this program was built with it.
    pub fn is_built_in(self) -> bool {
        match self {
            Self::Flex => true,
            Self::Cuda => cfg!(feature = "cuda"),
            Self::Libtorch | Self::LibtorchCuda => cfg!(feature = "tch"),
            Self::Webgpu => cfg!(feature = "webgpu"),
        }
    }

    /// Whether it computes on the CPU, in the process's own memory, in pure Rust or through LibTorch.
    pub fn runs_on_cpu(self) -> bool {
        matches!(self, Self::Flex | Self::Libtorch)
    }

    /// Whether several of them can train one model: Burn sums gradients over devices of CUDA only, and this program in its own
    /// memory.
    pub fn trains_replicas(self) -> bool {
        matches!(self, Self::Flex | Self::Cuda)
    }

    /// What is said where they cannot.
    pub fn lacks_replicas(self) -> Lack {
        Lack {
            found: format!(
                "gradients cannot be summed over several devices of the class {}",
                self.name()
            ),
            expected: "a device that trains replicas, cuda or flex".into(),
            next: "Set replicas = 1 in the run's [training], or choose another --device.".into(),
        }
    }

    /// Whether there can be several, told apart by an index.
    fn is_indexed(self) -> bool {
        matches!(self, Self::Cuda | Self::LibtorchCuda)
    }
}

/// A device as it is asked for: `flex`, `cuda`, `cuda:1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceChoice {
    /// Which backend, and on what it computes.
    pub class: DeviceClass,
    /// Which of them, from 0.
    pub index: usize,
}

impl From<DeviceClass> for DeviceChoice {
    fn from(class: DeviceClass) -> Self {
        Self { class, index: 0 }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            0 => f.write_str(self.class.name()),
            index => write!(f, "{}:{index}", self.class.name()),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, index) = match text.split_once(':') {
            Some((name, index)) => (name, Some(index)),
            None => (text, None),
        };
        let Some(class) = DeviceClass::ALL.into_iter().find(|class| class.name() == name) else {
            let known = DeviceClass::ALL.map(DeviceClass::name).join(", ");
            return Err(format!(
                "expected one of {known} (`icdbench doctor` says which run here)"
            ));
        };
        let index = match index {
            None => 0,
            Some(_) if !class.is_indexed() => return Err(format!("there is one {name} only: expected {name}")),
            Some(index) => index
                .parse()
                .map_err(|_| format!("{index:?} is no index: expected a whole number from 0, as in {name}:1"))?,
        };
        Ok(Self { class, index })
    }
}

/// A device that was asked for and cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("--device {device}: {}; expected {}. {}", lack.found, lack.expected, lack.next)]
pub struct Unavailable {
    /// The device that was asked for.
    pub device: DeviceChoice,
    /// What is missing, and what to do about it.
    pub lack: Lack,
}

impl DeviceChoice {
    /// The device, ready for models that compute in `precision`.
    ///
    /// # Errors
    /// When the program was built without it, a library or the hardware is missing, a small sum on it fails,
    /// or it lacks the precision.
    pub fn open(self, precision: Precision) -> Result<Device, Unavailable> {
        let unavailable = |lack| Unavailable { device: self, lack };
        let started = self.start().map_err(unavailable)?;
        lacks_precision(self.class, &started.device, precision)
            .map_or(Ok(started.device), |lack| Err(unavailable(lack)))
    }

    /// Devices for `count` further replicas that train together with this one: on CUDA the next indices, with NCCL between
    /// them; on the CPU the same again, which gains no time and shows what several devices would compute.
    ///
    /// # Errors
    /// When one of them cannot be used, NCCL is missing, or gradients cannot be summed over devices of the class.
    pub fn others(self, count: usize, precision: Precision) -> Result<Vec<Device>, Unavailable> {
        if count > 0 {
            let lack = match self.class {
                DeviceClass::Cuda => cuda::nccl(),
                class if class.trains_replicas() => Ok(()),
                class => Err(class.lacks_replicas()),
            };
            lack.map_err(|lack| Unavailable { device: self, lack })?;
        }
        let other = |number: usize| match self.class {
            DeviceClass::Flex => self.open(precision),
            class => Self {
                class,
                index: self.index + number,
            }
            .open(precision),
        };
        (1..=count).map(other).collect()
    }

    /// The device, with a description.
    ///
    /// # Errors
    /// As [`open`](Self::open), which also asks for a precision.
    pub fn start(self) -> Result<Started, Lack> {
        let started = self.look_for()?;
        let sum = match self.class {
            DeviceClass::Flex => Ok(()), // part of this program
            _ => small_sum(&started.device),
        };
        match sum {
            Ok(()) => Ok(started),
            Err(problem) => Err(Lack {
                found: format!(
                    "{} is there, but a small sum on it fails: {problem}",
                    started.description
                ),
                expected: "1 + 1 = 2".into(),
                next: "Check its driver and libraries with another program; `icdbench doctor` tries every device."
                    .into(),
            }),
        }
    }

    /// The device, before anything was computed on it.
    fn look_for(self) -> Result<Started, Lack> {
        match self.class {
            DeviceClass::Flex => Ok(Started {
                device: Device::flex(),
                description: "CPU, pure Rust; AVX-512 used where the CPU has it".into(),
            }),
            #[cfg(feature = "cuda")]
            DeviceClass::Cuda => {
                let description = cuda::probe(self.index)?;
                kept::keep_kernels();
                Ok(Started {
                    description,
                    device: Device::cuda(self.index),
                })
            }
            #[cfg(feature = "tch")]
            DeviceClass::Libtorch => Ok(libtorch::cpu()),
            #[cfg(feature = "tch")]
            DeviceClass::LibtorchCuda => libtorch::cuda(self.index),
            #[cfg(feature = "webgpu")]
            DeviceClass::Webgpu => {
                kept::keep_kernels();
                webgpu::start()
            }
            #[allow(unreachable_patterns)] // with every feature on
            _ => Err(self.not_built_in()),
        }
    }

    fn not_built_in(self) -> Lack {
        let machine = match self.class {
            DeviceClass::Cuda => match cuda::probe(self.index) {
                Ok(found) => format!(", though this machine has {found}"),
                Err(lack) => format!(", and {}", lack.found),
            },
            _ => String::new(),
        };
        let feature = self.class.feature().unwrap_or_default();
        Lack {
            found: format!("this program was built without it{machine}"),
            expected: format!("cargo feature `{feature}`"),
            next: format!(
                "Build it with `cargo build --release --features {feature}`; README.md says what that needs."
            ),
        }
    }
}

/// Why a started device of a class cannot compute in a precision; `None` when it can.
pub fn lacks_precision(class: DeviceClass, device: &Device, precision: Precision) -> Option<Lack> {
    let lack = |found: String, expected: &str| {
        let next = "Choose precision f32, or another device (`icdbench doctor`).";
        Some(Lack {
            found,
            expected: expected.into(),
            next: next.into(),
        })
    };
    match precision {
        Precision::F32 => None,
        Precision::Bf16 if class == DeviceClass::Flex => lack(
            "bf16 on it is turned into f32 for every product, so it would cost digits and gain no time".into(),
            "a device that computes in bf16, such as cuda",
        ),
        Precision::Bf16 if !device.supports_dtype(FloatDType::BF16) => lack(
            "it does not compute in bf16".into(),
            "a device that computes in bf16, such as an NVIDIA GPU from Ampere (2020) on",
        ),
        Precision::Bf16 => None,
    }
}

/// The least that a device must be able to do. A backend's panic ends up in the error.
fn small_sum(device: &Device) -> Result<(), String> {
    let (sum, place) = quietly(|| {
        let ones = Tensor::<1>::ones([3], device);
        (ones.clone() + ones).into_data().try_to_vec::<f32>()
    });
    match sum {
        Ok(Ok(sum)) if sum == [2.0; 3] => Ok(()),
        Ok(Ok(sum)) => Err(format!("1 + 1 gives {sum:?}")),
        Ok(Err(problem)) => Err(format!("{problem:?}")),
        Err(panic) => Err(format!("{}{place}", panic_message(panic.as_ref()).trim_end())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_indices_are_read_as_they_are_shown() {
        for class in DeviceClass::ALL {
            let choice = DeviceChoice::from(class);
            assert_eq!(class.name().parse(), Ok(choice));
            assert_eq!(choice.to_string(), class.name());
        }
        let second: DeviceChoice = "cuda:1".parse().unwrap();
        assert_eq!((second.class, second.index), (DeviceClass::Cuda, 1));
        assert_eq!(second.to_string(), "cuda:1");
        assert_eq!(
            "libtorch-cuda:0".parse(),
            Ok(DeviceChoice::from(DeviceClass::LibtorchCuda))
        );
    }

    #[test]
    fn what_is_no_device_is_answered_with_what_was_expected() {
        let error = |text: &str| text.parse::<DeviceChoice>().unwrap_err();
        assert!(error("gpu").contains("flex, cuda, libtorch, libtorch-cuda, webgpu"));
        assert!(error("cuda:x").contains("\"x\" is no index"));
        assert!(error("cuda:-1").contains("whole number from 0"));
        assert!(error("flex:1").contains("one flex only"));
    }

    #[test]
    fn flex_starts_and_computes_in_f32_only() {
        let flex = DeviceChoice::from(DeviceClass::Flex);
        assert_eq!(flex.open(Precision::F32).unwrap(), Device::flex());
        let error = flex.open(Precision::Bf16).unwrap_err().to_string();
        assert!(
            error.starts_with("--device flex: bf16 on it is turned into f32"),
            "{error}"
        );
        assert!(error.contains("Choose precision f32"), "{error}");
    }

    #[test]
    fn replicas_on_the_cpu_share_it_and_where_nothing_sums_gradients_they_are_refused() {
        let open = |class: DeviceClass, count| DeviceChoice::from(class).others(count, Precision::F32);
        assert_eq!(open(DeviceClass::Flex, 2).unwrap(), [Device::flex(), Device::flex()]);
        for class in [DeviceClass::Libtorch, DeviceClass::LibtorchCuda, DeviceClass::Webgpu] {
            assert!(open(class, 0).unwrap().is_empty(), "one device sums nothing");
            let error = open(class, 1).unwrap_err().to_string();
            assert!(error.contains("gradients cannot be summed"), "{error}");
            assert!(error.contains("replicas = 1"), "{error}");
        }
    }

    #[test]
    fn a_device_left_out_of_the_build_is_answered_with_its_cargo_feature() {
        for class in DeviceClass::ALL.into_iter().filter(|class| !class.is_built_in()) {
            let error = DeviceChoice::from(class).open(Precision::F32).unwrap_err().to_string();
            let feature = class.feature().unwrap();
            assert!(
                error.contains(&format!("cargo build --release --features {feature}")),
                "{error}"
            );
        }
    }
}
