//! Data-parallel training (as PyTorch's DistributedDataParallel does it, Li et al. 2020): each replica computes the
//! gradients of its share of every batch on a device of its own, they are summed over all, and all take the same step.
//!
//! The first replica is the training run itself: it alone validates, writes checkpoints and has running values, which
//! follow what is in its shares. The others follow its orders, each on a thread that lasts as long as the run (a device
//! keeps its queue and its memory by thread). All messages go through it, so that a replica that falls ends the run with
//! its own words, and none waits for one that is not there.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvError, Sender, TryRecvError, channel};
use std::thread::{Scope, ScopedJoinHandle};

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::distributed::{ReduceOperation, all_reduce};
use burn::tensor::{Device, Tensor};

use super::fit::Fit;
use super::learner::{Learner, MeanGradients};
use super::others::Collective;
use super::share::Order;
use crate::models::Model;

/// What a replica found, or what all found together; without gradients where the devices sum them themselves.
struct Found {
    loss: f64,
    gradients: Option<GradientsParams>,
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
        let mut loss = own.loss;
        let mut of_all = Vec::new();
        for rank in 0..self.followers.len() {
            let Ok(found) = next(&self.followers[rank].found) else {
                self.fallen(rank);
            };
            loss += found.loss;
            of_all.extend(found.gradients);
        }
        let (model, device) = (self.first.model(), self.fit.device);
        let gradients = match self.fit.others.collective {
            Collective::InProcess => {
                let mut sum = GradientsAccumulator::new();
                sum.accumulate(model, own.gradients);
                for gradients in of_all {
                    sum.accumulate(model, gradients.to_device(device, model));
                }
                sum.grads()
            }
            Collective::AllReduce => own.gradients,
        };
        for rank in 0..self.followers.len() {
            let gradients = match self.fit.others.collective {
                Collective::InProcess => Some(copy(self.first.model(), &gradients)),
                Collective::AllReduce => None,
            };
            if self.followers[rank].sums.send(Found { loss, gradients }).is_err() {
                self.fallen(rank);
            }
        }
        // By now all have come so far: none waits at the devices for one that has fallen.
        let gradients = match self.fit.others.collective {
            Collective::AllReduce => all_reduced(self.first.model(), gradients, self.fit),
            Collective::InProcess => gradients,
        };
        MeanGradients {
            loss,
            gradients,
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

/// The next message. The thread that waits may be the only one of rayon's pool, which the sender computes with: it does the
/// pool's work meanwhile.
fn next<T>(messages: &Receiver<T>) -> Result<T, RecvError> {
    loop {
        match messages.try_recv() {
            Ok(message) => return Ok(message),
            Err(TryRecvError::Disconnected) => return Err(RecvError),
            Err(TryRecvError::Empty) if is_of_the_pool() => help(),
            Err(TryRecvError::Empty) => return messages.recv(),
        }
    }
}

/// Until a thread has ended, doing the pool's work meanwhile.
fn wait_for(thread: &ScopedJoinHandle<()>) {
    while is_of_the_pool() && !thread.is_finished() {
        help();
    }
}

fn is_of_the_pool() -> bool {
    rayon::current_thread_index().is_some()
}

fn help() {
    if rayon::yield_now() != Some(rayon::Yield::Executed) {
        std::thread::yield_now();
    }
}

/// A replica's work until its orders end.
fn follow(fit: &Fit, rank: usize, mut learner: Learner, lines: &Lines) {
    let place = &fit.others.devices[rank - 1];
    let device = place.clone().autodiff();
    while let Ok(order) = lines.orders.recv() {
        let own = learner.weighted(order.share(fit, rank, &device));
        let (told, kept) = match fit.others.collective {
            Collective::InProcess => (Some(own.gradients), None),
            Collective::AllReduce => (None, Some(own.gradients)),
        };
        let found = Found {
            loss: own.loss,
            gradients: told,
        };
        if lines.found.send(found).is_err() {
            return;
        }
        let Ok(Found { loss, gradients }) = lines.sums.recv() else {
            return;
        };
        let summed = |gradients: GradientsParams| gradients.to_device(place, learner.model());
        let reduced = |gradients| all_reduced(learner.model(), gradients, fit);
        let gradients = gradients.map(summed).or_else(|| kept.map(reduced));
        let found = MeanGradients {
            loss,
            gradients: gradients.unwrap_or_default(),
            seen: Vec::new(),
        };
        learner.apply(order.rate, found);
    }
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

/// The sum of the gradients over all devices, computed by these.
fn all_reduced(model: &Model, gradients: GradientsParams, fit: &Fit) -> GradientsParams {
    struct AllReduce(GradientsParams, GradientsParams, Vec<Device>);
    impl ModuleVisitor for AllReduce {
        fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
            if let Some(gradient) = self.0.remove::<D>(parameter.id) {
                let sum = all_reduce(gradient, ReduceOperation::Sum, self.2.clone()).resolve();
                self.1.register(parameter.id, sum);
            }
        }
    }
    let devices = std::iter::once(fit.device).chain(&fit.others.devices).cloned();
    let mut reduce = AllReduce(gradients, GradientsParams::new(), devices.collect());
    model.visit(&mut reduce);
    reduce.1
}
