//! A tensor as it lies in a weights file.

use std::ops::Range;

use candle_core::{DType, Device, Tensor};

/// Where a tensor's elements lie, and what they are. Nothing of it is believed before [`values`](Self::values) has
/// compared it with the bytes that are there.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    /// The element type in capitals, such as `F32`.
    pub(super) kind: String,
    pub(super) shape: Vec<usize>,
    /// How many elements lie from one to the next, by dimension; `None` where they lie one after another, row-major.
    pub(super) strides: Option<Vec<usize>>,
    /// Which weights file of a directory.
    pub(super) file: usize,
    /// The bytes of its storage, which other tensors may share.
    pub(super) storage: Range<usize>,
    /// Elements of the storage before the first one.
    pub(super) offset: usize,
}

impl Stored {
    /// The type that its elements are read as; `None` for what is no float of 16 or 32 bits.
    fn dtype(&self) -> Option<DType> {
        match self.kind.as_str() {
            "F32" => Some(DType::F32),
            "F16" => Some(DType::F16),
            "BF16" => Some(DType::BF16),
            _ => None,
        }
    }

    /// Whether its elements can be read.
    pub(super) fn is_float(&self) -> bool {
        self.dtype().is_some()
    }

    /// The elements, row-major. `bytes` are the whole file.
    pub(super) fn values(&self, bytes: &[u8]) -> Result<Vec<f32>, String> {
        let dtype = self.dtype().ok_or("not floats")?;
        let beyond = || "it ends before its end".to_owned();
        let storage = bytes.get(self.storage.clone()).ok_or_else(beyond)?;
        let there = storage.len() / dtype.size_in_bytes();
        let product = |product: usize, &size: &usize| product.checked_mul(size);
        let count = self.shape.iter().try_fold(1, product).ok_or_else(beyond)?;
        // Before anything is allocated: what is read is never more than what is there.
        let last = match count {
            0 => Some(self.offset),
            _ => self.last(),
        };
        if count > there || last.is_none_or(|last| last >= there.max(1)) {
            return Err(beyond());
        }
        match &self.strides {
            Some(strides) if count > 0 && !is_row_major(&self.shape, strides) => {
                let all = floats(storage, dtype, there)?;
                Ok(self.gathered(strides, &all, count))
            }
            _ => floats(&storage[self.offset * dtype.size_in_bytes()..], dtype, count),
        }
    }

    /// The place in the storage of the last element of a tensor that has one.
    fn last(&self) -> Option<usize> {
        let mut rows = 1usize;
        let mut last = self.offset;
        for (dimension, &size) in self.shape.iter().enumerate().rev() {
            let stride = match &self.strides {
                Some(strides) => *strides.get(dimension)?,
                None => rows,
            };
            last = last.checked_add(stride.checked_mul(size - 1)?)?;
            rows = rows.checked_mul(size)?;
        }
        Some(last)
    }

    fn gathered(&self, strides: &[usize], all: &[f32], count: usize) -> Vec<f32> {
        let mut values = Vec::with_capacity(count);
        let mut index = vec![0; self.shape.len()];
        for _ in 0..count {
            let place: usize = index.iter().zip(strides).map(|(index, stride)| index * stride).sum();
            values.push(all[self.offset + place]);
            for dimension in (0..index.len()).rev() {
                index[dimension] += 1;
                if index[dimension] < self.shape[dimension] {
                    break;
                }
                index[dimension] = 0;
            }
        }
        values
    }
}

fn is_row_major(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1;
    shape.iter().zip(strides).rev().all(|(&size, &stride)| {
        let fits = size == 1 || stride == expected;
        expected *= size;
        fits
    })
}

fn floats(bytes: &[u8], dtype: DType, count: usize) -> Result<Vec<f32>, String> {
    let bytes = &bytes[..count * dtype.size_in_bytes()];
    Tensor::from_raw_buffer(bytes, dtype, &[count], &Device::Cpu)
        .and_then(|tensor| tensor.to_dtype(DType::F32))
        .and_then(|tensor| tensor.to_vec1::<f32>())
        .map_err(|error| error.to_string())
}
