//! How well is a backend, on what evidence? Probes are read, failures counted, outliers told from their peers, and all of it combined to one standing.

pub mod combine;
pub mod counter;
pub mod document;
pub mod event;
pub mod grpc_health;
pub mod judgement;
pub mod latency;
pub mod order;
pub mod outlier;
pub mod peer_test;
pub mod probe_schedule;
pub mod reading;
pub mod reason;
pub mod recognition;
pub mod service_state;
pub mod slow_start;
pub mod standing;
pub mod startup;
pub mod verdict;
pub mod window;
