//! The scan's gradient, from the last step to the first.

use pulp::{Simd, WithSimd};

use super::forward::quarters;
use crate::kernels::recurrence::back::{add_product, carry, transposed};
use crate::kernels::recurrence::gates::tanh;
use crate::kernels::recurrence::panel::{Panels, ROWS};
use crate::kernels::recurrence::scan::{Place, Scan, cut, for_each_group, load, store};

/// Gradients at the recurrence's parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// Recurrent weight, `[H, 4H]`.
    pub weight: Vec<f32>,
    /// Either bias, `[4H]`: they are added to each other.
    pub bias: Vec<f32>,
}

pub struct Backward<'a> {
    pub scan: Scan<'a>,
    pub weight: &'a [f32],
    pub gates: &'a mut [f32],
    pub cells: &'a [f32],
    pub at_states: &'a [f32],
}

/// The slices of one group.
struct Group<'a> {
    scan: Scan<'a>,
    gates: &'a mut [f32],
    cells: &'a [f32],
    at_states: &'a [f32],
    /// The gradient at the biases, `[4H]`.
    bias: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    /// The gradient at the biases, `[4H]`.
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        let scan = self.scan;
        let hidden = scan.hidden;
        let weight = transposed(simd, scan, self.weight);
        let mut biases = vec![0.0; scan.groups().count() * 4 * hidden];
        let gates = cut(&scan, 4 * hidden, self.gates).into_iter();
        let mut groups = Vec::new();
        let mut start = 0;
        for (scan, (gates, bias)) in scan.groups().zip(gates.zip(biases.chunks_mut(4 * hidden))) {
            let rows = start * hidden..(start + scan.rows()) * hidden;
            start += scan.rows();
            groups.push(Group {
                scan,
                gates,
                cells: &self.cells[rows.clone()],
                at_states: &self.at_states[rows],
                bias,
            });
        }
        for_each_group(groups, |group| {
            simd.vectorize(Sweep {
                simd,
                group,
                weight: &weight,
            })
        });
        let mut sum = vec![0.0; 4 * hidden];
        for part in biases.chunks(4 * hidden) {
            sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        sum
    }
}

/// The scan of one group, a type of its own so that `vectorize` compiles it for the processor.
struct Sweep<'a, S: Simd> {
    simd: S,
    group: Group<'a>,
    weight: &'a Panels<S>,
}

impl<S: Simd> WithSimd for Sweep<'_, S> {
    type Output = ();

    #[inline(always)]
    fn with_simd<T: Simd>(self, _: T) {
        let Self {
            simd,
            mut group,
            weight,
        } = self;
        let hidden = group.scan.hidden;
        // The gradients at the state and at the cell before the step, `[note, unit]`, and that at the step's
        // gates before their functions, `[gate and unit, note]`.
        let mut carried = vec![0.0; ROWS * hidden];
        let mut carried_cells = vec![0.0; ROWS * hidden];
        let mut at_gates = vec![[0.0; ROWS]; 4 * hidden];
        let mut places = [Place::default(); ROWS];
        for step in (0..group.scan.steps()).rev() {
            let active = group.scan.at(step, &mut places);
            for (note, place) in places[..active].iter().enumerate() {
                let units = note * hidden..(note + 1) * hidden;
                let carried = [&mut carried[units.clone()], &mut carried_cells[units]];
                group.gates(simd, *place, note, carried, &mut at_gates);
            }
            if step == 0 {
                break;
            }
            carry(simd, weight, &at_gates, active, hidden, &mut carried);
        }
    }
}

impl Group<'_> {
    /// One note's step back through the gates. `carried` are the gradients at its state and at its cell; the first
    /// becomes 0, as all of the state before goes through the recurrent products, the second that at the cell before.
    #[inline(always)]
    fn gates<S: Simd>(
        &mut self,
        simd: S,
        place: Place,
        note: usize,
        [carried, carried_cell]: [&mut [f32]; 2],
        at_gates: &mut [[f32; ROWS]],
    ) {
        let hidden = self.scan.hidden;
        let one = simd.splat_f32s(1.0);
        let slope = |gate| simd.mul_f32s(gate, simd.sub_f32s(one, gate));
        let tanh_slope = |value| simd.sub_f32s(one, simd.mul_f32s(value, value));
        let mut first = 0;
        while first < hidden {
            let units = first..hidden.min(first + S::F32_LANES);
            first = units.end;
            let [gates_i, gates_f, gates_g, gates_o] = quarters(&mut self.gates[place.row * 4 * hidden..], hidden);
            let [gates_i, gates_f, gates_g, gates_o] = [
                &mut gates_i[units.clone()],
                &mut gates_f[units.clone()],
                &mut gates_g[units.clone()],
                &mut gates_o[units.clone()],
            ];
            let [i, f] = [load(simd, gates_i), load(simd, gates_f)];
            let [g, o] = [load(simd, gates_g), load(simd, gates_o)];
            let shown = tanh(simd, load(simd, &self.cells[place.row * hidden..][units.clone()]));
            let old = match place.before {
                Some(row) => load(simd, &self.cells[row * hidden..][units.clone()]),
                None => simd.splat_f32s(0.0),
            };
            let [carried, carried_cell] = [&mut carried[units.clone()], &mut carried_cell[units.clone()]];
            let at_state = simd.add_f32s(
                load(simd, carried),
                load(simd, &self.at_states[place.row * hidden..][units.clone()]),
            );
            let at_cell = simd.mul_f32s(simd.mul_f32s(at_state, o), tanh_slope(shown));
            let at_cell = simd.add_f32s(load(simd, carried_cell), at_cell);
            let at_i = simd.mul_f32s(simd.mul_f32s(at_cell, g), slope(i));
            let at_f = simd.mul_f32s(simd.mul_f32s(at_cell, old), slope(f));
            let at_g = simd.mul_f32s(simd.mul_f32s(at_cell, i), tanh_slope(g));
            let at_o = simd.mul_f32s(simd.mul_f32s(at_state, shown), slope(o));
            store::<S>(carried, simd.splat_f32s(0.0));
            store::<S>(carried_cell, simd.mul_f32s(at_cell, f));
            store::<S>(gates_i, at_i);
            store::<S>(gates_f, at_f);
            store::<S>(gates_g, at_g);
            store::<S>(gates_o, at_o);
            for (gate, vector) in [at_i, at_f, at_g, at_o].into_iter().enumerate() {
                let bias = &mut self.bias[gate * hidden..][units.clone()];
                let total = simd.add_f32s(load(simd, bias), vector);
                store::<S>(bias, total);
                let vector = [vector];
                let lanes: &[f32] = pulp::bytemuck::cast_slice(&vector);
                let rows = &mut at_gates[gate * hidden..][units.clone()];
                for (rows, &value) in rows.iter_mut().zip(lanes) {
                    rows[note] = value;
                }
            }
        }
    }
}

/// The gradient at the recurrent weight, `[H, 4H]`, from those at the gates of every row.
pub fn at_weight(scan: Scan, gates: &[f32], states: &[f32]) -> Vec<f32> {
    let hidden = scan.hidden;
    let mut weight = vec![0.0; 4 * hidden * hidden];
    for [row, before, steps] in scan.pairs() {
        let before = &states[before * hidden..][..steps * hidden];
        let at_gates = &gates[row * 4 * hidden..][..steps * 4 * hidden];
        add_product(&mut weight, before, at_gates, hidden, 0..4 * hidden);
    }
    weight
}
