//! The Redis servers and the bad network that the tests of the shared store stand on.

mod faults;
mod history;
mod servers;
