//! The energy that the computing part of the machine draws, by its own counters: RAPL for the processor packages
//! (Linux), NVML for an NVIDIA GPU's board.

mod nvml;

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

use crate::device::{DeviceChoice, DeviceClass};

/// Where Linux shows RAPL's counters.
const POWERCAP: &str = "/sys/class/powercap";

/// How the folder of a RAPL domain begins; a sub-domain has one more colon. What lies under `intel-rapl-mmio` counts the
/// same packages a second time.
const DOMAIN: &str = "intel-rapl:";

/// Energy since a moment: of all packages, others' work on them included, or of one GPU.
///
/// The counters are renewed about every millisecond (RAPL) or tenth of a second (NVML): what is measured should take
/// seconds.
#[derive(Debug)]
pub struct Energy {
    counters: Vec<Counter>,
}

/// One counter, and what it has counted.
#[derive(Debug)]
struct Counter {
    source: Source,
    /// What it said last, in microjoules.
    last: u64,
    /// Since the start, in microjoules.
    total: u64,
}

#[derive(Debug)]
enum Source {
    /// A package's counter, in microjoules.
    Rapl {
        /// `energy_uj`.
        file: PathBuf,
        /// The greatest value before it begins at 0 again.
        range: u64,
    },
    /// A GPU's.
    Nvml(nvml::Gpu),
}

impl Energy {
    /// Starts to count what the device draws. `None` where the machine does not tell: a virtual machine, counters that
    /// only root may read, a GPU without one.
    pub fn start(device: DeviceChoice) -> Option<Self> {
        match device.class {
            DeviceClass::Flex | DeviceClass::Libtorch => Self::of_packages(Path::new(POWERCAP)),
            DeviceClass::Cuda | DeviceClass::LibtorchCuda => Self::of_gpu(device.index),
            // It does not say which GPU it runs on.
            DeviceClass::Webgpu => None,
        }
    }

    /// Starts to count what an engine's device draws: `cuda:0`, or any name that icdbench does not have, which is taken for
    /// the processor.
    pub fn of_engine(device: &str) -> Option<Self> {
        Self::start(device.parse().unwrap_or(DeviceClass::Flex.into()))
    }

    /// Starts to count what the processor packages draw whose RAPL domains lie in the folder `root`. Parts of a package
    /// (cores, memory) and the platform as a whole are not added to it. `None` unless every package tells.
    pub fn of_packages(root: &Path) -> Option<Self> {
        let folders = std::fs::read_dir(root).ok()?;
        let sources: Option<Vec<Source>> = folders
            .filter_map(Result::ok)
            .filter(|folder| folder.file_name().to_string_lossy().starts_with(DOMAIN))
            .map(|folder| folder.path())
            .filter(|folder| is_package(folder))
            .map(|folder| {
                Some(Source::Rapl {
                    range: number(&folder.join("max_energy_range_uj"))?,
                    file: folder.join("energy_uj"),
                })
            })
            .collect();
        Self::of(sources?)
    }

    /// Starts to count what the board of the GPU draws that CUDA calls number `index`. `None` where driver or GPU do not
    /// tell.
    pub fn of_gpu(index: usize) -> Option<Self> {
        Self::of(vec![Source::Nvml(nvml::Gpu::of_cuda(index)?)])
    }

    fn of(sources: Vec<Source>) -> Option<Self> {
        let counter = |source: Source| {
            let last = source.read()?;
            Some(Counter { source, last, total: 0 })
        };
        let counters: Vec<Counter> = sources.into_iter().map(counter).collect::<Option<_>>()?;
        (!counters.is_empty()).then_some(Self { counters })
    }

    /// Joules since the start; `None` when a counter has ceased to tell.
    ///
    /// A package's counter begins again at 0 after some ten minutes of full load, which is seen once between two calls:
    /// call it at least every few minutes.
    pub fn joules(&mut self) -> Option<f64> {
        let mut microjoules = 0;
        for counter in &mut self.counters {
            microjoules += counter.advance()?;
        }
        Some(microjoules as f64 / 1e6)
    }
}

impl Counter {
    /// Microjoules since the start.
    fn advance(&mut self) -> Option<u64> {
        let now = self.source.read()?;
        self.total += match self.source {
            Source::Rapl { range, .. } if now < self.last => range.saturating_sub(self.last) + now,
            _ => now.saturating_sub(self.last),
        };
        self.last = now;
        Some(self.total)
    }
}

impl Source {
    /// Microjoules since some time ago.
    fn read(&self) -> Option<u64> {
        match self {
            Self::Rapl { file, .. } => number(file),
            Self::Nvml(gpu) => gpu.millijoules().map(|millijoules| millijoules * 1000),
        }
    }
}

/// Whether a RAPL domain is a processor package.
fn is_package(folder: &Path) -> bool {
    read_to_string(folder.join("name")).is_ok_and(|name| name.starts_with("package"))
}

fn number(file: &Path) -> Option<u64> {
    read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A folder like Linux's with a domain for each (folder, name, counter).
    fn powercap(domains: &[(&str, &str, u64)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("intel-rapl")).unwrap();
        for (folder, name, energy) in domains {
            let folder = root.path().join(folder);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("name"), format!("{name}\n")).unwrap();
            fs::write(folder.join("max_energy_range_uj"), "262143328850\n").unwrap();
            fs::write(folder.join("energy_uj"), format!("{energy}\n")).unwrap();
        }
        root
    }

    fn set(root: &tempfile::TempDir, domain: &str, energy: u64) {
        fs::write(root.path().join(domain).join("energy_uj"), format!("{energy}\n")).unwrap();
    }

    #[test]
    fn all_packages_count_and_nothing_is_counted_twice() {
        let root = powercap(&[
            ("intel-rapl:0", "package-0", 1_000_000),
            ("intel-rapl:0:0", "core", 400_000),
            ("intel-rapl:0:1", "dram", 100_000),
            ("intel-rapl:1", "package-1", 5_000_000),
            ("intel-rapl:2", "psys", 9_000_000),
            ("intel-rapl-mmio:0", "package-0", 1_000_000),
        ]);
        let mut energy = Energy::of_packages(root.path()).unwrap();
        assert_eq!(energy.joules(), Some(0.0));
        for domain in ["intel-rapl:0:0", "intel-rapl:0:1", "intel-rapl:2", "intel-rapl-mmio:0"] {
            set(&root, domain, 77_000_000);
        }
        set(&root, "intel-rapl:0", 3_500_000);
        set(&root, "intel-rapl:1", 5_250_000);
        assert_eq!(energy.joules(), Some(2.75));
        set(&root, "intel-rapl:0", 4_500_000);
        assert_eq!(energy.joules(), Some(3.75));
    }

    #[test]
    fn a_counter_that_began_again_goes_on_from_its_range() {
        let root = powercap(&[("intel-rapl:0", "package-0", 262_143_000_000)]);
        let mut energy = Energy::of_packages(root.path()).unwrap();
        set(&root, "intel-rapl:0", 671_150);
        assert_eq!(energy.joules(), Some(1.0));
        // And once more, all but half a joule of a round later.
        set(&root, "intel-rapl:0", 171_150);
        assert_eq!(energy.joules(), Some(262_143.828_85));
    }

    #[test]
    fn where_a_package_does_not_tell_there_is_no_sum_of_the_others() {
        assert!(Energy::of_packages(Path::new("/no/such/folder")).is_none());
        assert!(Energy::of_packages(powercap(&[]).path()).is_none());
        assert!(Energy::of_packages(powercap(&[("intel-rapl:0:0", "core", 1)]).path()).is_none());

        let domains = [("intel-rapl:0", "package-0", 1), ("intel-rapl:1", "package-1", 1)];
        let root = powercap(&domains);
        let mut energy = Energy::of_packages(root.path()).unwrap();
        fs::remove_file(root.path().join("intel-rapl:1/energy_uj")).unwrap();
        assert_eq!(energy.joules(), None);
        assert!(Energy::of_packages(root.path()).is_none());
    }
}
