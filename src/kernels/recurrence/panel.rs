//! A matrix packed for products with a handful of rows, and those products.
//!
//! Columns lie in panels of three vectors, depth by depth, so that a product reads the matrix once
//! from start to end. Eight rows by three vectors of sums fill the registers of AVX-512.

use pulp::Simd;

/// Rows that go through a product together: values of eight notes at one depth, the first ones in use.
pub const ROWS: usize = 8;
/// Vectors of a panel's width.
pub const WIDE: usize = 3;

/// Sums of up to eight rows over one panel.
pub type Tile<S> = [[<S as Simd>::f32s; WIDE]; ROWS];

/// A matrix in panels.
pub struct Panels<S: Simd> {
    /// `[panel, depth]`, each three vectors.
    vectors: Vec<[S::f32s; WIDE]>,
    depth: usize,
}

impl<S: Simd> Panels<S> {
    /// Packs a matrix of `depth` rows. `at(depth, panel, vector, lane)` is the element there, 0
    /// past the matrix's last column.
    #[inline(always)]
    pub fn pack(simd: S, panels: usize, depth: usize, at: impl Fn(usize, usize, usize, usize) -> f32) -> Self {
        let mut vectors = vec![[simd.splat_f32s(0.0); WIDE]; panels * depth];
        for (row, packed) in vectors.iter_mut().enumerate() {
            for (vector, lanes) in packed.iter_mut().enumerate() {
                let lanes: &mut [f32] = pulp::bytemuck::cast_slice_mut(std::slice::from_mut(lanes));
                for (lane, value) in lanes.iter_mut().enumerate() {
                    *value = at(row % depth, row / depth, vector, lane);
                }
            }
        }
        Self { vectors, depth }
    }

    /// Panels in it.
    #[inline(always)]
    pub fn count(&self) -> usize {
        self.vectors.len() / self.depth
    }

    /// `start` plus the first `active` of `rows` (`[depth]`, eight values each) times one panel.
    #[inline(always)]
    pub fn product(
        &self,
        simd: S,
        panel: usize,
        rows: &[[f32; ROWS]],
        active: usize,
        start: [S::f32s; WIDE],
    ) -> Tile<S> {
        let panel = &self.vectors[panel * self.depth..][..self.depth];
        let mut tile = [start; ROWS];
        if S::REGISTER_COUNT >= 32 {
            match active {
                1 => sums::<S, 1, 0>(simd, panel, rows, &mut tile),
                2 => sums::<S, 2, 0>(simd, panel, rows, &mut tile),
                3 => sums::<S, 3, 0>(simd, panel, rows, &mut tile),
                4 => sums::<S, 4, 0>(simd, panel, rows, &mut tile),
                5 => sums::<S, 5, 0>(simd, panel, rows, &mut tile),
                6 => sums::<S, 6, 0>(simd, panel, rows, &mut tile),
                7 => sums::<S, 7, 0>(simd, panel, rows, &mut tile),
                _ => sums::<S, 8, 0>(simd, panel, rows, &mut tile),
            }
        } else {
            match active {
                1 => sums::<S, 1, 0>(simd, panel, rows, &mut tile),
                2 => sums::<S, 2, 0>(simd, panel, rows, &mut tile),
                3 => sums::<S, 3, 0>(simd, panel, rows, &mut tile),
                _ => sums::<S, 4, 0>(simd, panel, rows, &mut tile),
            }
            match active {
                0..=4 => {}
                5 => sums::<S, 1, 4>(simd, panel, rows, &mut tile),
                6 => sums::<S, 2, 4>(simd, panel, rows, &mut tile),
                7 => sums::<S, 3, 4>(simd, panel, rows, &mut tile),
                _ => sums::<S, 4, 4>(simd, panel, rows, &mut tile),
            }
        }
        tile
    }
}

/// Adds to rows `FIRST..FIRST + COUNT` of the tile. Each row's sum runs over the depth in order, so
/// it does not depend on the other rows.
#[inline(always)]
fn sums<S: Simd, const COUNT: usize, const FIRST: usize>(
    simd: S,
    panel: &[[S::f32s; WIDE]],
    rows: &[[f32; ROWS]],
    tile: &mut Tile<S>,
) {
    let mut sums = [[simd.splat_f32s(0.0); WIDE]; COUNT];
    sums.copy_from_slice(&tile[FIRST..FIRST + COUNT]);
    for (weights, values) in panel.iter().zip(rows) {
        for row in 0..COUNT {
            let value = simd.splat_f32s(values[FIRST + row]);
            for vector in 0..WIDE {
                sums[row][vector] = simd.mul_add_e_f32s(value, weights[vector], sums[row][vector]);
            }
        }
    }
    tile[FIRST..FIRST + COUNT].copy_from_slice(&sums);
}
