//! Data-parallel training (as PyTorch's DistributedDataParallel does it, Li et al. 2020): each replica computes the
//! gradients of its share of every batch on a device of its own, they are summed over all, and all take the same step.
//!
//! The first replica is the training run itself: it alone validates and writes checkpoints, and running values follow what
//! is in its shares. The others follow its orders, each on a thread that lasts as long as the run (a device keeps its queue
//! and its memory by thread). All messages go through it, so that a replica that falls ends the run with its own words.
//! Devices sum only after all have shown that they have what is to be summed: one that waited for another would wait for ever.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError, Sender, channel};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::distributed::{ReduceOperation, all_reduce};
use burn::tensor::{Device, Tensor};

use super::fit::Fit;
use super::learner::{Learner, MeanGradients};
use super::others::Collective;
use super::share::Order;
use crate::models::running::Seen;
use crate::models::{Model, parameters};

/// What a replica found, or what all found together.
struct Found {
    loss: f64,
    /// Which parameters have a gradient: in a share that lacks a term of the loss fewer may.
    moved: BTreeSet<u64>,
    /// None where the devices sum them themselves.
    gradients: Option<GradientsParams>,
    /// What running values follow; of the first replica.
    seen: Vec<Seen>,
}

/// The other end of a replica's lines.
struct Follower<'s> {
    orders: Sender<Arc<Order>>,
    found: Receiver<Found>,
    sums: Sender<Found>,
    thread: ScopedJoinHandle<'s, ()>,
}

/// A replica's own end.
struct Lines {
    orders: Receiver<Arc<Order>>,
    found: Sender<Found>,
    sums: Receiver<Found>,
}

/// The replicas of a run, on as many threads: the first on that which calls.
pub(super) struct Team<'s, 'f> {
    fit: &'f Fit<'f>,
    first: Learner,
    followers: Vec<Follower<'s>>,
}

impl<'s, 'f> Team<'s, 'f> {
    /// The first replica, and others that `begin` makes of its model, each on its thread and its device.
    pub(super) fn new<B>(scope: &'s Scope<'s, '_>, fit: &'f Fit<'f>, first: Learner, begin: Vec<B>) -> Self
    where
        'f: 's,
        B: FnOnce(Model) -> Learner + Send + 's,
    {
        let follower = |(rank, begin): (usize, B)| {
            let (orders, heard) = channel();
            let (tell, found) = channel();
            let (sums, told) = channel();
            let lines = Lines {
                orders: heard,
                found: tell,
                sums: told,
            };
            let model = first.model().clone();
            let thread = scope.spawn(move || follow(fit, rank, begin(model), &lines));
            Follower {
                orders,
                found,
                sums,
                thread,
            }
        };
        let followers = (1..).zip(begin).map(follower).collect();
        Self { fit, first, followers }
    }

    /// The first replica.
    pub(super) fn first(&self) -> &Learner {
        &self.first
    }

    /// One optimiser step. Returns the mean loss of all its notes before it; where that is not finite, nothing was moved.
    pub(super) fn step(&mut self, order: Order) -> f64 {
        let order = Arc::new(order);
        for rank in 0..self.followers.len() {
            if self.followers[rank].orders.send(order.clone()).is_err() {
                self.fallen(rank);
            }
        }
        let device = self.fit.device.clone().autodiff();
        let mut found = self.first.weighted(order.share(self.fit, 0, &device));
        if !self.followers.is_empty() {
            found = self.summed(found);
        }
        let loss = found.loss;
        self.first.apply(order.rate, found);
        loss
    }

    /// The sum of what all found, which every replica is told.
    fn summed(&mut self, own: MeanGradients) -> MeanGradients {
        let collective = self.fit.others.collective;
        let mut loss = own.loss;
        let mut moved = ready(self.first.model(), &own.gradients, collective);
        let mut of_all = Vec::new();
        for rank in 0..self.followers.len() {
            let Ok(found) = next(&self.followers[rank].found) else {
                self.fallen(rank);
            };
            loss += found.loss;
            moved.extend(found.moved);
            of_all.extend(found.gradients);
        }
        let (model, device) = (self.first.model(), self.fit.device);
        let mut gradients = own.gradients;
        if collective == Collective::InProcess {
            let mut sum = GradientsAccumulator::new();
            sum.accumulate(model, gradients);
            for gradients in of_all {
                sum.accumulate(model, gradients.to_device(device, model));
            }
            gradients = sum.grads();
        }
        for rank in 0..self.followers.len() {
            let told = Found {
                loss,
                moved: moved.clone(),
                gradients: match collective {
                    Collective::InProcess => Some(copy(self.first.model(), &gradients)),
                    Collective::AllReduce => None,
                },
                seen: own.seen.clone(),
            };
            if self.followers[rank].sums.send(told).is_err() {
                self.fallen(rank);
            }
        }
        MeanGradients {
            loss,
            gradients: match collective {
                Collective::InProcess => gradients,
                Collective::AllReduce => all_reduced(self.first.model(), gradients, &moved, self.fit),
            },
            seen: own.seen,
        }
    }

    /// Ends with the panic of a replica that no longer answers.
    fn fallen(&mut self, rank: usize) -> ! {
        let thread = self.followers.swap_remove(rank).thread;
        wait_for(&thread);
        match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("a replica ends when its orders do"),
        }
    }

    /// Ends the other replicas.
    pub(super) fn end(&mut self) {
        let ended = self.dismiss().into_iter().map(ScopedJoinHandle::join);
        if let Some(panic) = ended.filter_map(Result::err).next() {
            std::panic::resume_unwind(panic);
        }
    }

    /// Takes the others' orders away, and waits until they have done the last.
    fn dismiss(&mut self) -> Vec<ScopedJoinHandle<'s, ()>> {
        let followers = std::mem::take(&mut self.followers).into_iter();
        let threads: Vec<_> = followers.map(|follower| follower.thread).collect();
        threads.iter().for_each(wait_for);
        threads
    }
}

impl Drop for Team<'_, '_> {
    /// Where the first replica fell: the scope that waits for the others would not help them to end.
    fn drop(&mut self) {
        self.dismiss();
    }
}

/// How long a thread sleeps that finds no work of the pool.
const NAP: Duration = Duration::from_micros(100);

/// The next message. The thread that waits may be the only one of rayon's pool, which the sender computes with: it does the
/// pool's work meanwhile.
fn next<T>(messages: &Receiver<T>) -> Result<T, RecvError> {
    loop {
        match rayon::yield_now() {
            None => return messages.recv(),
            Some(rayon::Yield::Executed) => {}
            Some(rayon::Yield::Idle) => match messages.recv_timeout(NAP) {
                Ok(message) => return Ok(message),
                Err(RecvTimeoutError::Disconnected) => return Err(RecvError),
                Err(RecvTimeoutError::Timeout) => {}
            },
        }
    }
}

/// Until a thread has ended, doing the pool's work meanwhile; at once where it is not for the caller to do.
fn wait_for(thread: &ScopedJoinHandle<()>) {
    while !thread.is_finished() {
        match rayon::yield_now() {
            None => return,
            Some(rayon::Yield::Executed) => {}
            Some(rayon::Yield::Idle) => std::thread::sleep(NAP),
        }
    }
}

/// A replica's work until its orders end.
fn follow(fit: &Fit, rank: usize, mut learner: Learner, lines: &Lines) {
    let place = &fit.others.devices[rank - 1];
    let device = place.clone().autodiff();
    while let Ok(order) = lines.orders.recv() {
        let own = learner.weighted(order.share(fit, rank, &device));
        let moved = ready(learner.model(), &own.gradients, fit.others.collective);
        let (told, kept) = match fit.others.collective {
            Collective::InProcess => (Some(own.gradients), GradientsParams::new()),
            Collective::AllReduce => (None, own.gradients),
        };
        let found = Found {
            loss: own.loss,
            moved,
            gradients: told,
            seen: Vec::new(),
        };
        if lines.found.send(found).is_err() {
            return;
        }
        let Ok(sum) = lines.sums.recv() else {
            return;
        };
        let gradients = match sum.gradients {
            Some(gradients) => gradients.to_device(place, learner.model()),
            None => all_reduced(learner.model(), kept, &sum.moved, fit),
        };
        let here = |seen: Seen| Seen {
            value: seen.value.to_device(place),
            ..seen
        };
        let found = MeanGradients {
            loss: sum.loss,
            gradients,
            seen: sum.seen.into_iter().map(here).collect(),
        };
        learner.apply(order.rate, found);
    }
}

/// Which parameters have a gradient. Where devices sum, all gradients are computed by then: a device tells of what it could
/// not do, as where its memory is full, when a result is read, and else would not come to the sum.
fn ready(model: &Model, gradients: &GradientsParams, collective: Collective) -> BTreeSet<u64> {
    struct Ready<'a> {
        gradients: &'a GradientsParams,
        moved: BTreeSet<u64>,
        /// Of each gradient, where they are read.
        sums: Option<Vec<Tensor<1>>>,
    }
    impl ModuleVisitor for Ready<'_> {
        fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
            if let Some(gradient) = self.gradients.get::<D>(parameter.id) {
                self.moved.insert(parameter.id.val());
                self.sums.iter_mut().for_each(|sums| sums.push(gradient.clone().sum()));
            }
        }
    }
    let mut ready = Ready {
        gradients,
        moved: BTreeSet::new(),
        sums: (collective == Collective::AllReduce).then(Vec::new),
    };
    model.visit(&mut ready);
    if let Some(sums) = ready.sums.filter(|sums| !sums.is_empty()) {
        parameters::host(Tensor::cat(sums, 0));
    }
    ready.moved
}

/// The same gradients once more.
fn copy(model: &Model, gradients: &GradientsParams) -> GradientsParams {
    struct Copy<'a>(&'a GradientsParams, GradientsParams);
    impl ModuleVisitor for Copy<'_> {
        fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
            if let Some(gradient) = self.0.get::<D>(parameter.id) {
                self.1.register(parameter.id, gradient);
            }
        }
    }
    let mut copy = Copy(gradients, GradientsParams::new());
    model.visit(&mut copy);
    copy.1
}

/// The sum of the gradients over all devices, computed by these. Each gives one for every parameter that has one anywhere,
/// in the same order.
fn all_reduced(model: &Model, gradients: GradientsParams, moved: &BTreeSet<u64>, fit: &Fit) -> GradientsParams {
    struct Each<'a> {
        own: GradientsParams,
        moved: &'a BTreeSet<u64>,
        devices: Vec<Device>,
        sums: GradientsParams,
    }
    impl ModuleVisitor for Each<'_> {
        fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
            if let Some(gradient) = given(&mut self.own, self.moved, parameter) {
                let sum = all_reduce(gradient, ReduceOperation::Sum, self.devices.clone()).resolve();
                self.sums.register(parameter.id, sum);
            }
        }
    }
    let devices = std::iter::once(fit.device).chain(&fit.others.devices).cloned();
    let mut each = Each {
        own: gradients,
        moved,
        devices: devices.collect(),
        sums: GradientsParams::new(),
    };
    model.visit(&mut each);
    each.sums
}

/// What a device gives to the sum of a parameter's gradients: zeros where only others have one, nothing where none has.
fn given<const D: usize>(
    gradients: &mut GradientsParams,
    moved: &BTreeSet<u64>,
    parameter: &Param<Tensor<D>>,
) -> Option<Tensor<D>> {
    let zeros = || parameter.val().inner().zeros_like();
    let here = gradients.remove::<D>(parameter.id);
    moved.contains(&parameter.id.val()).then(|| here.unwrap_or_else(zeros))
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;

    #[test]
    fn each_device_gives_to_the_same_sums_whichever_gradients_its_share_has() {
        let device = Device::flex();
        let weights = || Tensor::<2>::from_data(TensorData::new(vec![1f32; 6], [2, 3]), &device.clone().autodiff());
        let [here, elsewhere, nowhere] = [(); 3].map(|()| Param::from_tensor(weights()));
        let mut own = GradientsParams::new();
        own.register(here.id, weights().inner() * 2.0);
        let moved = BTreeSet::from([here.id.val(), elsewhere.id.val()]);
        let mut give = |parameter: &Param<Tensor<2>>| given(&mut own, &moved, parameter);
        assert_eq!(parameters::host(give(&here).unwrap()), [2.0; 6]);
        let zeros = give(&elsewhere).unwrap();
        assert_eq!((zeros.dims(), zeros.device()), ([2, 3], device.clone()));
        assert_eq!(parameters::host(zeros), [0.0; 6]);
        // Adam leaves it where it is, as on one device.
        assert!(give(&nowhere).is_none());
    }
}
