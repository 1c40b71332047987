//! Pure folds over what calls leave behind: the day's figures in the trade's own words, and ladders of messages.
//!
//! | figure | meaning here |
//! |---|---|
//! | service level | of those who entered a queue and did not give up at once, the share answered within the queue's target |
//! | ASA | average speed of answer: the mean wait of those who were served |
//! | AHT | average handling time: from the agent's answer to the end of the talk, hold included, wrap-up not |
//! | abandonment | the share of those who entered and hung up while waiting; those who gave up within 5 s are shown apart |

mod ladder;
mod matters;
mod promises;
mod summary;
pub mod traced;

pub use ladder::Ladder;
pub use matters::{Hop, Hopped, hops};
pub use promises::{Kept, Per, kept_promises};
pub use summary::{AT_ONCE, Mean, QueueFigures, Share, Summary};
pub use traced::{Gist, Traced};
