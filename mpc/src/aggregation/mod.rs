//! Secure aggregation: the sum of what many owners hold, and nothing else about any of them.
//!
//! | protocol | owners | trusts | proves bounds | cost for a vector of d words |
//! |---|---|---|---|---|
//! | [`masked`] | 2 to 100 parties that are online together | that fewer than its threshold collude | no; a commitment for an audit | n mask streams for each party, d words up |
//! | [`prio`] | any number of reporters, each with one message | that its two aggregators do not collude | yes | a proof and two shares for each reporter, 16 d bytes up and more |
//!
//! [`masked`] takes vectors of millions of words and loses parties on the way without harm. [`prio`] takes short vectors, up to
//! 10^5 words, of many reporters or of parties that may cheat.

pub mod masked;
pub mod prio;
