//! The integration tests, one binary so that the library is linked once.
//!
//! The suites that need other people's phones are not here: `tests/run` starts them against the real binary.

/// What the code promises about itself: arrows between modules, a core without clocks, masked values, prompts with texts.
mod tidy;
