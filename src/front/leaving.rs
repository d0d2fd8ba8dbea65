//! What do connections hear of their end? One number for each listener and worker, which every request reads; and who rests is woken when it changes,
//! for which a connection gives its name once in its life.

use super::Stage;
use std::sync::atomic::{AtomicU8, Ordering::Acquire, Ordering::Release};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What one worker's connections of one listener are told.
#[derive(Debug, Default)]
pub(super) struct Word {
    /// A stage, as a number.
    stage: AtomicU8,
    /// No other thread takes this lock.
    hearers: Mutex<Hearers>,
}

/// Those who are woken, each at its place.
#[derive(Debug, Default)]
struct Hearers {
    places: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Word {
    pub fn say(&self, stage: Stage) {
        self.stage.store(stage as u8, Release);
        // Whoever gives its name behind this look finds the stage said.
        let hearers: Vec<Waker> = self.hearers().places.iter().flatten().cloned().collect();
        hearers.into_iter().for_each(Waker::wake);
    }

    fn hearers(&self) -> MutexGuard<'_, Hearers> {
        self.hearers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hearers {
    fn add(&mut self, hearer: Waker) -> usize {
        let place = self.free.pop().unwrap_or(self.places.len());
        match self.places.get_mut(place) {
            Some(at) => *at = Some(hearer),
            None => self.places.push(Some(hearer)),
        }
        place
    }

    fn remove(&mut self, place: usize) {
        if self.places.get_mut(place).and_then(Option::take).is_some() {
            self.free.push(place);
        }
    }
}

/// One connection's ear. It belongs to one task for all of its life.
#[derive(Debug)]
pub(super) struct Ear {
    word: Arc<Word>,
    /// Once it is to be woken.
    place: Option<usize>,
}

impl Ear {
    pub fn new(word: Arc<Word>) -> Self {
        Self { word, place: None }
    }

    /// It is this stage, or a later one.
    pub fn heard(&self, stage: Stage) -> bool {
        self.word.stage.load(Acquire) >= stage as u8
    }

    /// Ready when it is this stage, or a later one.
    pub fn poll(&mut self, stage: Stage, cx: &Context<'_>) -> Poll<()> {
        if self.place.is_none() {
            self.place = Some(self.word.hearers().add(cx.waker().clone()));
        }
        if self.heard(stage) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.word.hearers().remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    fn hears(ear: &mut Ear, stage: Stage) -> bool {
        ear.poll(stage, &Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn a_stage_is_heard_by_all_who_wait_for_it_or_an_earlier_one() {
        let word = Arc::new(Word::default());
        let mut ears = [(); 2].map(|()| Ear::new(Arc::clone(&word)));
        assert!(ears.iter_mut().all(|ear| hears(ear, Stage::Serving) && !hears(ear, Stage::Announcing)));
        word.say(Stage::HandedOver);
        for ear in &mut ears {
            assert!(hears(ear, Stage::Announcing) && hears(ear, Stage::HandedOver) && !hears(ear, Stage::Closing));
            assert!(ear.heard(Stage::HandedOver) && !ear.heard(Stage::Closing));
        }
    }

    #[tokio::test]
    async fn whoever_rests_is_woken_at_each_change() {
        let word = Arc::new(Word::default());
        let mut ear = Ear::new(Arc::clone(&word));
        let waits = tokio::spawn(async move {
            for stage in [Stage::Announcing, Stage::HandedOver, Stage::Closing] {
                poll_fn(|cx| ear.poll(stage, cx)).await;
            }
        });
        for stage in [Stage::Announcing, Stage::HandedOver, Stage::Closing] {
            while word.hearers().places.is_empty() {
                tokio::task::yield_now().await;
            }
            word.say(stage);
            tokio::task::yield_now().await;
        }
        waits.await.unwrap();
    }

    #[test]
    fn places_are_given_again() {
        let word = Arc::new(Word::default());
        let mut ears: Vec<Ear> = (0..3).map(|_| Ear::new(Arc::clone(&word))).collect();
        assert!(ears.iter_mut().all(|ear| !hears(ear, Stage::Closing)));
        drop(ears.remove(1));
        let mut next = Ear::new(Arc::clone(&word));
        assert!(!hears(&mut next, Stage::Closing) && !hears(&mut next, Stage::Closing));
        assert_eq!((next.place, word.hearers().places.len()), (Some(1), 3));
        drop((ears, next));
        assert!(word.hearers().places.iter().all(Option::is_none));
    }
}
