//! The integration tests, one binary so that the library is linked once.
//!
//! The suites that need other people's phones are not here: `tests/run` starts them against the real binary.

// A test may look at the clock: what is tested may not.
#![allow(clippy::disallowed_methods)]

/// SIP from outside: the bytes of the network against the parser.
mod sip {
    /// A stream cut anywhere gives the same messages.
    mod framer;
    /// No bytes break the parser; what we write we read back.
    mod properties;
    /// What `rsip` accepts, we accept with the same meaning.
    mod rsip_oracle;
    /// Whether the time of a refusal tells who exists: figures for a reader, nothing asserted.
    mod timing;
    /// The torture messages of RFC 4475 and RFC 5118.
    mod torture;
}
/// Keys as tones, against hours of speech.
mod digits {
    mod talkoff;
}
/// Dialplans from outside: every mistake's text, the shipped plan walked, the reference's examples.
mod dialplans;
/// Days rehearsed: how they are written, what becomes of them, and the policy beside other products'.
mod rehearse;
/// A bank's day in virtual time, ladders, and faults planted to be found.
mod sim;
/// What the code promises about itself: arrows between modules, a core without clocks, masked values, prompts with texts.
mod tidy;
