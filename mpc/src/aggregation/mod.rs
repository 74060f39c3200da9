//! Secure aggregation: the sum of what many owners hold, and nothing else about any of them.
//!
//! | protocol | owners | trusts | proves bounds | cost for a vector of d |
//! |---|---|---|---|---|
//! | [`masked`] | 2 to 100 parties that are online together | that fewer than its threshold collude | no | n mask streams of d words for each party, d words up |
//!
//! [`masked`] takes vectors of millions of words and loses parties on the way without harm.

pub mod masked;
