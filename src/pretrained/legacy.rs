//! What `torch.save` wrote before PyTorch 1.6, as many published `pytorch_model.bin` are: four pickles (a magic
//! number, the version, facts of the machine, the state), then the sorted list of storages as a fifth, then
//! each storage as its number of elements (64 bits, little-endian) and the elements.
//!
//! candle reads pickles without running anything in them, and knows only the later zip archives.

use std::collections::{BTreeMap, HashMap};
use std::io::{Cursor, Read};
use std::ops::Range;

use candle_core::pickle::{Object, Stack, TensorInfo};
use candle_core::{Device, Tensor};

/// The pickled magic number, 0x1950a86a20f9469cfc6c, which every such file starts with.
const MAGIC: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

/// The version after the magic number.
const VERSION: i64 = 1001;

/// What a file of that format holds: where each tensor lies in which storage.
pub(super) struct LegacyTensors {
    bytes: Vec<u8>,
    tensors: BTreeMap<String, TensorInfo>,
    storages: HashMap<String, Range<usize>>,
}

impl LegacyTensors {
    pub(super) fn read(bytes: Vec<u8>) -> Result<Self, String> {
        if !bytes.starts_with(MAGIC) {
            return Err("neither a zip archive nor the older format of torch.save".into());
        }
        let mut reader = Cursor::new(bytes.as_slice());
        reader.set_position(MAGIC.len() as u64);
        let version = unpickle(&mut reader)?.int_or_long().unwrap_or_default();
        if version != VERSION {
            return Err(format!("format version {version}, expected {VERSION}"));
        }
        let _machine = unpickle(&mut reader)?;
        let state = unpickle(&mut reader)?
            .dict()
            .map_err(|_| "not a dictionary of tensors")?;
        let mut tensors = BTreeMap::new();
        for (name, value) in state {
            let info = value.into_tensor_info(name, std::path::Path::new(""));
            if let Some(mut info) = info.map_err(|error| error.to_string())? {
                info.path = info.path.trim_start_matches('/').to_owned();
                tensors.insert(info.name.clone(), info);
            }
        }
        let Object::List(keys) = unpickle(&mut reader)? else {
            return Err("no list of storages after the tensors".into());
        };
        let mut storages = HashMap::new();
        for key in keys {
            let key = key.unicode().map_err(|_| "a storage without a name")?;
            let used = tensors.values().find(|info| info.path == key);
            let used = used.ok_or("a storage that no tensor uses")?;
            let mut count = [0; 8];
            reader.read_exact(&mut count).map_err(|_| "it ends before its end")?;
            let start = reader.position() as usize;
            let size = usize::try_from(u64::from_le_bytes(count)).ok();
            let size = size.and_then(|count| count.checked_mul(used.dtype.size_in_bytes()));
            let end = size.and_then(|size| start.checked_add(size));
            let end = end.filter(|&end| end <= bytes.len()).ok_or("it ends before its end")?;
            storages.insert(key, start..end);
            reader.set_position(end as u64);
        }
        Ok(Self {
            tensors,
            storages,
            bytes,
        })
    }

    pub(super) fn shapes(&self) -> BTreeMap<String, Vec<usize>> {
        let tensors = self.tensors.iter();
        tensors
            .map(|(name, info)| (name.clone(), info.layout.dims().to_vec()))
            .collect()
    }

    pub(super) fn get(&self, name: &str) -> Result<Tensor, String> {
        let info = self.tensors.get(name).ok_or("not in the file")?;
        if !info.layout.is_contiguous() {
            return Err("its elements do not lie one after another: save the weights again".into());
        }
        let storage = self.storages.get(&info.path).ok_or("its storage is not in the file")?;
        let elements = info.layout.shape().elem_count();
        // candle counts a layout's start in bytes.
        let start = storage.start + info.layout.start_offset();
        let end = start + elements * info.dtype.size_in_bytes();
        let bytes = self.bytes.get(start..end).filter(|_| end <= storage.end);
        let bytes = bytes.ok_or("it ends before its end")?;
        Tensor::from_raw_buffer(bytes, info.dtype, info.layout.dims(), &Device::Cpu).map_err(|error| error.to_string())
    }
}

fn unpickle(reader: &mut Cursor<&[u8]>) -> Result<Object, String> {
    let mut stack = Stack::empty();
    let read = stack.read_loop(reader).and_then(|()| stack.finalize());
    read.map_err(|error| error.to_string())
}
