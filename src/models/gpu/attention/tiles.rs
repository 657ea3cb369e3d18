//! Products of matrices tile by tile in a cube's shared memory: what the kernels of attention are made of.
//!
//! A cube has [`Tile::across`] by [`Tile::down`] units. Of the product of its own rows and some other rows each unit has
//! 4 by 4 elements, in registers: own rows `y, y + down, ..`, other rows `x, x + across, ..`, so that units side by side
//! read rows side by side. Numbers are read four at a time, and rows lie one such [`Quad`] further apart than they are long:
//! no two units of a group then wait for the same bank of memory.

use cubecl::prelude::*;

use crate::models::gpu::kernels::{Cipher, keep};

/// Four numbers that are read at a time.
pub type Quad = Vector<f32, Const<4>>;

/// The sizes of a cube's tiles, known when a kernel is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tile {
    /// Quads of a row: a quarter of a head's size.
    pub quads: usize,
    /// Units of the first axis.
    pub across: usize,
    /// Units of the second axis.
    pub down: usize,
    /// Whether weights are dropped.
    pub dropped: bool,
}

impl Tile {
    /// Rows that a cube has to itself.
    pub fn own(&self) -> usize {
        4 * self.down
    }

    /// Other rows at a time.
    pub fn other(&self) -> usize {
        4 * self.across
    }

    /// Quads from one row to the next.
    pub fn pitch(&self) -> usize {
        self.quads + 1
    }

    /// Quads that a unit has of each of its rows in a sum of other rows.
    pub fn columns(&self) -> usize {
        self.quads.div_ceil(self.across)
    }

    /// Bytes of shared memory of one matrix of own rows, of other rows, and of weights.
    pub fn bytes(&self) -> [usize; 3] {
        let quads = [
            self.own() * self.pitch(),
            self.other() * self.pitch(),
            self.own() * (self.across + 1),
        ];
        quads.map(|quads| quads * 16)
    }

    /// Words that hold the mask of `queries` by `keys` weights, 1 where nothing is dropped.
    pub fn mask(&self, queries: usize, keys: usize) -> usize {
        match self.dropped {
            true => queries * words(keys),
            false => 1,
        }
    }
}

/// Words of 32 bits that so many bits touch, wherever they start.
pub fn words(bits: usize) -> usize {
    (bits + 30) / 32 + 1
}

/// Brings `rows` rows of a matrix to shared memory, zeros past the first `count`. Row 0 starts at quad `start`.
#[cube]
pub fn load(
    shared: &mut [Quad],
    matrix: &Tensor<Quad>,
    start: usize,
    count: usize,
    stride: usize,
    #[comptime] rows: usize,
    #[comptime] tile: Tile,
) {
    let cells = comptime!(rows * tile.quads);
    let mut cell = UNIT_POS as usize;
    while cell < cells {
        let row = cell / comptime!(tile.quads);
        let column = cell % comptime!(tile.quads);
        let mut value = Quad::new(0f32);
        if row < count {
            value = matrix[start + row * stride + column];
        }
        shared[row * comptime!(tile.pitch()) + column] = value;
        cell += comptime!(tile.across * tile.down);
    }
}

/// The products of a unit's own rows and its other rows: that of the `i`-th and the `j`-th at `4 i + j`.
#[cube]
pub fn multiply(products: &mut Array<f32>, own: &[Quad], other: &[Quad], #[comptime] tile: Tile) {
    let x = UNIT_POS_X as usize;
    let y = UNIT_POS_Y as usize;
    #[unroll]
    for cell in 0..16usize {
        products[cell] = 0f32;
    }
    for quad in 0..comptime!(tile.quads) {
        let mut left = Array::<Quad>::new(4usize);
        #[unroll]
        for i in 0..4usize {
            left[i] = own[(y + comptime!(i * tile.down)) * comptime!(tile.pitch()) + quad];
        }
        #[unroll]
        for j in 0..4usize {
            let right = other[(x + comptime!(j * tile.across)) * comptime!(tile.pitch()) + quad];
            #[unroll]
            for i in 0..4usize {
                let row = left[i];
                #[unroll]
                for part in 0..4usize {
                    products[comptime!(4 * i + j)] += row.extract(part) * right.extract(part);
                }
            }
        }
    }
}

/// Keeps a unit's four weights of one own row: those of its other rows, in order.
#[cube]
pub fn put(weights: &mut [Quad], #[comptime] i: usize, values: Quad, #[comptime] tile: Tile) {
    let row = UNIT_POS_Y as usize + comptime!(i * tile.down);
    weights[row * comptime!(tile.across + 1) + UNIT_POS_X as usize] = values;
}

/// Adds to each own row's sum, [`Tile::columns`] quads of it a unit, the other rows times their weights.
#[cube]
pub fn accumulate(sums: &mut Array<Quad>, weights: &[Quad], rows: &[Quad], #[comptime] tile: Tile) {
    let y = UNIT_POS_Y as usize;
    for part in 0..comptime!(tile.across) {
        let mut factors = Array::<Quad>::new(4usize);
        #[unroll]
        for i in 0..4usize {
            factors[i] = weights[(y + comptime!(i * tile.down)) * comptime!(tile.across + 1) + part];
        }
        #[unroll]
        for j in 0..4usize {
            let row = (part + comptime!(j * tile.across)) * comptime!(tile.pitch());
            #[unroll]
            for c in 0..comptime!(tile.columns()) {
                let value = rows[row + column(c, tile)];
                #[unroll]
                for i in 0..4usize {
                    let factor = factors[i];
                    sums[comptime!(i * tile.columns() + c)] += value * Quad::new(factor.extract(j));
                }
            }
        }
    }
}

/// The place in a row of a unit's `c`-th quad; past the end the last, which another unit has.
#[cube]
pub fn column(#[comptime] c: usize, #[comptime] tile: Tile) -> usize {
    min(
        UNIT_POS_X as usize + comptime!(c * tile.across),
        comptime!(tile.quads - 1),
    )
}

/// A rectangle of a dropout mask: its first element, counted from the first one of a block of the cipher, and elements
/// from one query to the next.
#[derive(CubeType, Clone, Copy)]
pub struct Corner {
    pub block: u32,
    pub start: u32,
    pub stride: u32,
}

/// Draws the mask of `queries` by `keys` weights.
#[cube]
pub fn draw(
    bits: &mut [u32],
    cipher: &Cipher,
    corner: &Corner,
    #[comptime] queries: usize,
    #[comptime] keys: usize,
    #[comptime] tile: Tile,
) {
    let total = comptime!((queries * words(keys)) as u32);
    let mut cell = UNIT_POS;
    while cell < total {
        let query = cell % comptime!(queries as u32);
        let word = cell / comptime!(queries as u32);
        let first = corner.start + query * corner.stride;
        if word * 32u32 < first % 32u32 + comptime!(keys as u32) {
            let place = query * comptime!(words(keys) as u32) + word;
            bits[place as usize] = keep(cipher, corner.block + first / 32u32 + word);
        }
        cell += comptime!((tile.across * tile.down) as u32);
    }
}

/// What dropout multiplies one of these weights by.
#[cube]
pub fn factor(
    bits: &[u32],
    cipher: &Cipher,
    corner: &Corner,
    query: usize,
    key: usize,
    #[comptime] keys: usize,
    #[comptime] tile: Tile,
) -> f32 {
    let mut factor = 1f32;
    if comptime!(tile.dropped) {
        let bit = (corner.start + query as u32 * corner.stride) % 32u32 + key as u32;
        let word = bits[query * comptime!(words(keys)) + (bit / 32u32) as usize];
        factor = select((word >> (bit % 32u32)) & 1u32 == 1u32, cipher.kept, 0f32);
    }
    factor
}
