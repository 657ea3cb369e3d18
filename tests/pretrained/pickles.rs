//! Pickles and zip archives as `torch.save` writes them, and as it never would.

use std::collections::BTreeMap;

/// A pickle of protocol 2, as its operations.
#[derive(Clone, Default)]
pub(super) struct Pickle(pub(super) Vec<u8>);

impl Pickle {
    pub(super) fn new() -> Self {
        Self(vec![0x80, 2])
    }

    pub(super) fn put(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn text(self, text: &str) -> Self {
        let length = (text.len() as u32).to_le_bytes();
        self.put(b"X").put(&length).put(text.as_bytes())
    }

    pub(super) fn int(self, value: i32) -> Self {
        self.put(b"J").put(&value.to_le_bytes())
    }

    fn class(self, module: &str, name: &str) -> Self {
        self.put(format!("c{module}\n{name}\n").as_bytes())
    }

    /// A tensor of 32-bit floats, whose storage has that key.
    pub(super) fn tensor(self, key: &str, offset: i32, shape: &[i32], strides: &[i32]) -> Self {
        let sizes = |pickle: Self, sizes: &[i32]| {
            let pickle = sizes.iter().fold(pickle.put(b"("), |pickle, &size| pickle.int(size));
            pickle.put(b"t")
        };
        let storage = self
            .class("torch._utils", "_rebuild_tensor_v2")
            .put(b"((")
            .text("storage")
            .class("torch", "FloatStorage")
            .text(key)
            .text("cpu")
            .int(1)
            .put(b"tQ")
            .int(offset);
        sizes(sizes(storage, shape), strides)
            .put(b"\x89")
            .class("collections", "OrderedDict")
            .put(b")RtR")
    }

    pub(super) fn stop(self) -> Vec<u8> {
        self.put(b".").0
    }
}

/// A zip archive of uncompressed files.
pub(super) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut list) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let local = bytes.len() as u32;
        let size = (content.len() as u32).to_le_bytes();
        let name_size = (name.len() as u16).to_le_bytes();
        let common = [
            &[0; 2][..],
            &[0; 2],
            &[0; 4],
            &[0; 4],
            &size,
            &size,
            &name_size,
            &[0; 2],
        ]
        .concat();
        bytes.extend([b"PK\x03\x04\x0a\0".as_slice(), &common, name.as_bytes(), content].concat());
        let start = [
            b"PK\x01\x02\x0a\0\x0a\0".as_slice(),
            &common,
            &[0; 10],
            &local.to_le_bytes(),
        ]
        .concat();
        list.extend([&start, name.as_bytes()].concat());
    }
    let (at, size) = (bytes.len() as u32, list.len() as u32);
    let count = (files.len() as u16).to_le_bytes();
    bytes.extend(&list);
    bytes.extend(
        [
            b"PK\x05\x06\0\0\0\0".as_slice(),
            &count,
            &count,
            &size.to_le_bytes(),
            &at.to_le_bytes(),
            &[0; 2],
        ]
        .concat(),
    );
    bytes
}

/// What `torch.save` writes of a pickle and its storages.
pub(super) fn saved(pickle: &[u8], storages: &BTreeMap<String, Vec<f32>>) -> Vec<u8> {
    let storages: Vec<(String, Vec<u8>)> = storages
        .iter()
        .map(|(key, values)| {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            (format!("archive/data/{key}"), bytes)
        })
        .collect();
    let mut files = vec![("archive/data.pkl", pickle)];
    files.extend(storages.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
    zip(&files)
}
